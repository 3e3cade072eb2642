"""Preview of refused messages: what they would change if they were let in, and what is unusual about them.

A body without a valid key may come from anyone, so a person decides about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Count, Max, Min, Q, Sum
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message, Refusal, RefusedBody
from stockhub_webhooks.models.message import MessageQuerySet
from stockhub_webhooks.models.refusal import RefusedBodyQuerySet
from stockhub_webhooks.operations.replay.preview import rolled_back, try_step
from stockhub_webhooks.operations.replay.run import ReplayStep, replay_message
from stockhub_webhooks.receiving import refusals, refused_bodies

MAX_GROUPS = 100
COMPARED = 1000  # the newest accepted messages, whose addresses and programs are the usual ones

# warnings
CHANGES_PROVED, ADDRESS, AGENT, NOTHING_ACCEPTED = "changes_proved", "address", "agent", "nothing_accepted"


@dataclass(frozen=True)
class Group:
    """Refused messages that came with one key from one network, and were neither let in nor dismissed.

    Attributes:
        by_topic: their numbers by topic.
        newest: the primary key of the newest one.
        delete_at: when the oldest one is deleted.
    """

    key_fingerprint: str
    network: str
    count: int
    by_topic: dict[str, int]
    first_at: datetime
    last_at: datetime
    newest: int
    delete_at: datetime


@dataclass(frozen=True)
class ReleasePreview:
    """A refused body with its expected result.

    Attributes:
        kept: the refused body.
        message: the message that it would become, not saved.
        step: the expected result.
        warnings: what is unusual, of `CHANGES_PROVED`, `ADDRESS`, `AGENT` and `NOTHING_ACCEPTED`.
    """

    kept: RefusedBody
    message: Message
    step: ReplayStep
    warnings: tuple[str, ...]


def waiting() -> RefusedBodyQuerySet:
    """Return the refused bodies that are undecided: neither let in nor dismissed."""
    return refused_bodies.rows().waiting()


def groups() -> list[Group]:
    """Return the groups of refused messages, the one with the newest message first."""
    numbers = {f"of_{number}": topic for number, topic in enumerate(topics.ALL)}
    rows: Any = (
        waiting()
        .order_by()
        .values("key_fingerprint", "network")
        .annotate(
            count=Count("pk"),
            first_at=Min("refused_at"),
            last_at=Max("refused_at"),
            newest=Max("pk"),
            untold=Count("pk", filter=Q(announced_at=None)),
            **{name: Count("pk", filter=Q(topic=topic)) for name, topic in numbers.items()},
        )
        .order_by("-newest")[:MAX_GROUPS]
    )
    return [
        Group(
            key_fingerprint=row["key_fingerprint"],
            network=row["network"],
            count=row["count"],
            by_topic={topic: row[name] for name, topic in numbers.items() if row[name]},
            first_at=row["first_at"],
            last_at=row["last_at"],
            newest=row["newest"],
            delete_at=refused_bodies.delete_at(row["first_at"], is_announced=not row["untold"]),
        )
        for row in rows
    ]


def pushed_out() -> int:
    """Return the number of refused messages of the last 7 days that made room for later ones."""
    since = timezone.now() - timedelta(days=7)
    rows = Refusal.objects.using(database_alias()).filter(hour__gt=since)
    return int(rows.aggregate(number=Sum("pushed_out"))["number"] or 0)


def preview(kept: Iterable[RefusedBody], account: str) -> list[ReleasePreview]:
    """Return what the messages would change, oldest first, and roll it back. Must not be called inside a transaction.

    Args:
        kept: undecided refused bodies.
        account: the account of the messages.
    """
    rows = sorted(kept, key=lambda row: (row.refused_at, row.pk))
    usual = _usual_senders()

    def release_all() -> list[tuple[Message, ReplayStep, bool]]:
        return [_release(row, account) for row in rows]

    released = rolled_back(release_all) if rows else []
    return [
        ReleasePreview(row, message, step, tuple(_warnings(row, is_proved, usual)))
        for row, (message, step, is_proved) in zip(rows, released, strict=True)
    ]


@sensitive_variables()
def _release(kept: RefusedBody, account: str) -> tuple[Message, ReplayStep, bool]:
    """Store the message as a settled one, and apply it, in the transaction of the preview.

    Returns:
        The message; the result; True if it would change a document or an order that came with a key.
    """
    message = refusals.message_of(kept, account)
    message.status, message.due_at = Message.Status.QUARANTINED, None
    message.save(using=database_alias(), force_insert=True)
    step = try_step(message, partial(replay_message, receivers=(), applies=True))
    return message, step, bool(step.events) and _is_proved(message, step)


@dataclass(frozen=True)
class _Senders:
    addresses: frozenset[str]
    agents: frozenset[str]


def _accepted() -> MessageQuerySet:
    return Message.objects.using(database_alias()).filter(source=Message.Source.WEBHOOK).exclude(key_fingerprint="")


def _usual_senders() -> _Senders:
    newest = list(_accepted().order_by("-received_at").values_list("remote_address", "headers")[:COMPARED])
    return _Senders(
        frozenset(address for address, _ in newest), frozenset(headers.get("user-agent", "") for _, headers in newest)
    )


def _warnings(kept: RefusedBody, is_proved: bool, usual: _Senders) -> Iterator[str]:
    if is_proved:
        yield CHANGES_PROVED
    if not usual.addresses:
        yield NOTHING_ACCEPTED
        return
    if kept.remote_address not in usual.addresses:
        yield ADDRESS
    if kept.headers.get("user-agent", "") not in usual.agents:
        yield AGENT


def _is_proved(message: Message, step: ReplayStep) -> bool:
    """Return True if a message about the same document or its order came with a key."""
    numbers = Q(topic=message.topic, increment_id=message.increment_id)
    for order in {event.order for event in step.events if event.order is not None}:
        numbers |= Q(topic=topics.ORDER, increment_id=order.increment_id)
    return _accepted().filter(numbers, account=message.account).exists()
