"""Scenarios: the messages, their sequence, and the expected answers."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

from stockhub_webhooks.testing import samples

ACCEPTED = frozenset({200, 202})
NOT_READABLE = frozenset({406})
NO_ENTRY = frozenset({401})
DROPPED_SHARE = 0.2
ORDERS_OF_A_SEED = 10_000
WEEKS = timedelta(weeks=3)  # the longest life is shorter, so no message has a date in the future


class Key(Enum):
    """The value of `x-api-key`."""

    RIGHT = "right"
    WRONG = "wrong"
    NONE = "none"


class HostOrder(NamedTuple):
    """An order of the shop: its number, and its lines as `samples.life` takes them; made-up ones if it has none."""

    po_number: str
    items: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Post:
    """A request, and the HTTP statuses that are expected as its answer."""

    topic: str
    number: str
    body: bytes = field(repr=False)
    expected: frozenset[int] = ACCEPTED
    key: Key = Key.RIGHT


Queue = tuple[Post, ...]


@dataclass(frozen=True)
class Plan:
    """All messages of a simulation. Queues are sent at the same time, the messages of a queue one after the other.

    Attributes:
        queues: the messages.
        lives: the complete lives that the messages were made from.
        dropped: number of messages that are left out on purpose.
    """

    queues: Sequence[Queue]
    lives: Sequence[samples.Life] = field(repr=False)
    dropped: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.queues))


@dataclass(frozen=True)
class Scenario:
    """A way in which messages arrive.

    Attributes:
        sentence: description, with the expected result.
        write: function that makes the queues from lives.
        names: names of the lives that are played, in turns.
        concurrency: default number of messages that are sent at the same time.
        at_once: True if everything is sent at once, so that a rate makes no sense.
        loses: True if some messages are left out.
    """

    sentence: str
    write: Callable[[Sequence[samples.Life], random.Random], Sequence[Queue]]
    names: Sequence[str] = tuple(samples.LIVES)
    concurrency: int = 4
    at_once: bool = False
    loses: bool = False

    def plan(self, orders: int | Sequence[HostOrder], seed: int, now: datetime) -> Plan:
        """Return the plan of a simulation.

        Args:
            orders: number of made-up orders, or orders of the shop; `ORDERS_OF_A_SEED` at most.
            seed: number that everything but the dates depends on; different seeds, and different scenarios, have
                different numbers of documents.
            now: aware time; all lives end before it.

        Raises:
            ValueError: an item of an order is not understood.
        """
        first = (seed * len(BY_NAME) + list(BY_NAME.values()).index(self)) * ORDERS_OF_A_SEED
        if isinstance(orders, int):
            orders = [HostOrder(f"SIM-{first + position}") for position in range(orders)]
        lives = [
            samples.life(
                self.names[position % len(self.names)],
                first + position,
                start=now - WEEKS - timedelta(minutes=len(orders) - position),
                po_number=order.po_number,
                items=order.items,
            )
            for position, order in enumerate(orders)
        ]
        queues = self.write(lives, random.Random(seed))  # nosec B311  # repeatable
        dropped = sum(map(len, lives)) - sum(map(len, queues)) if self.loses else 0
        return Plan(queues, lives, dropped)


def posts(life: samples.Life) -> Queue:
    """Return the unchanged messages of a life."""
    return tuple(_post(step) for step in life)


def _post(step: samples.Step, **changes: Any) -> Post:
    body = json.dumps(samples.changed(step.payload, **changes), ensure_ascii=False).encode()
    return Post(step.topic, step.number, body)


# ---------------------------------------------------------------- the ways to send lives


def _in_sequence(lives: Sequence[samples.Life], chance: random.Random) -> Sequence[Queue]:
    return [posts(life) for life in lives]


def _out_of_order(lives: Sequence[samples.Life], chance: random.Random) -> Sequence[Queue]:
    return [posts(samples.shuffle(life, chance.getrandbits(32))) for life in lives]


def _duplicate(lives: Sequence[samples.Life], chance: random.Random) -> Sequence[Queue]:
    return [posts(samples.duplicate(life)) for life in lives]


def _drop(lives: Sequence[samples.Life], chance: random.Random) -> Sequence[Queue]:
    return [tuple(post for post in posts(life) if chance.random() >= DROPPED_SHARE) for life in lives]


def _burst(lives: Sequence[samples.Life], chance: random.Random) -> Sequence[Queue]:
    """Send every message by itself, whatever its sequence."""
    alone: list[Queue] = [(post,) for life in lives for post in posts(life)]
    chance.shuffle(alone)
    return alone


def _drift(lives: Sequence[samples.Life], chance: random.Random) -> Sequence[Queue]:
    return [tuple(_with_drift(step) for step in life) for life in lives]


def _with_drift(step: samples.Step) -> Post:
    changes: dict[str, Any] = {"loyalty_points": 12, "items__carbon_grams": 310}
    if "status" in step.payload:
        changes["status"] = f"{step.payload['status']}_BY_DRONE"
    return _post(step, **changes)


def _malformed(lives: Sequence[samples.Life], chance: random.Random) -> Sequence[Queue]:
    return [tuple(_with_broken_messages(life)) for life in lives]


def _with_broken_messages(life: samples.Life) -> Iterator[Post]:
    """Yield each message after a broken one of its topic; the ways to break it take turns."""
    for position, post in enumerate(posts(life)):
        breaking = BROKEN[(position + int(life.increment_id)) % len(BROKEN)]
        yield Post(post.topic, post.number, breaking(post.body), NOT_READABLE)
        yield post


BROKEN: Sequence[Callable[[bytes], bytes]] = (
    lambda body: body[:1],
    lambda body: body[: len(body) // 2],
    lambda body: b"[7, " + body + b"]",
    lambda body: body + b"}",
    lambda body: body.replace(b'"', b"'"),
    lambda body: body.replace(b"increment_id", b"incremental_id"),
    lambda body: b"<xml>" + body + b"</xml>",
)


def _wrong_key(lives: Sequence[samples.Life], chance: random.Random) -> Sequence[Queue]:
    def refused(post: Post, key: Key) -> Post:
        return Post(post.topic, post.number, post.body, NO_ENTRY, key)

    return [tuple(refused(posts(life)[0], key) for key in (Key.WRONG, Key.NONE)) for life in lives]


BY_NAME: dict[str, Scenario] = {
    "happy": Scenario(
        "ordered, invoiced, sent in one or two parcels, delivered",
        _in_sequence,
        ("happy", "parcels", "happy", "payment_request"),
    ),
    "return": Scenario(
        "delivered, then returned whole or in part, and credited", _in_sequence, ("returned", "partial_refund")
    ),
    "partial": Scenario("a part of the order, or all of it, is cancelled", _in_sequence, ("partial", "cancelled")),
    "out-of-order": Scenario("the messages of an order in any sequence; the end is the same", _out_of_order),
    "duplicate": Scenario("each message twice in a row; the second one changes nothing", _duplicate),
    "drop": Scenario("one message in five never arrives; the others are taken", _drop, loses=True),
    "burst": Scenario(
        "all messages at once, many of one order at the same time; the end is the same",
        _burst,
        concurrency=32,
        at_once=True,
    ),
    "drift": Scenario("new fields and unknown statuses; nothing is refused for them", _drift),
    "malformed": Scenario("before each message a broken one, which is answered 406", _malformed),
    "wrong-key": Scenario("a wrong key, then none; both are answered 401, and counted as refusals", _wrong_key),
}
