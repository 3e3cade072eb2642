"""Preview of a replay: replay the messages in a transaction, read the result, and roll back.

This has no effect outside of the database. `replay_message` writes to this app's tables only and sends none of its
signals. Receiver calls are added in the same transaction, so no worker sees them, and `on_commit` hooks are dropped.
The only code of the shop that runs are its handlers of Django's `post_save` on our models.

Messages about the same documents depend on each other, so they share a transaction. All other messages have a
transaction each, so that locks are held briefly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from django.db import OperationalError, transaction

from stockhub_webhooks import serializers
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.exceptions import AlreadySettled, Unreadable, format_error
from stockhub_webhooks.models import Message
from stockhub_webhooks.operations.replay.choice import MessageChoice
from stockhub_webhooks.operations.replay.run import ReplayStep, replay_message

Result = TypeVar("Result")

LIMIT = 100
COUNTED_UP_TO = 10_000


@dataclass(frozen=True)
class ReplayPreview:
    """Expected result of a replay, for its first messages.

    Attributes:
        steps: the first messages by time of receipt, each with its expected result.
        total: number of all chosen messages, counted up to `COUNTED_UP_TO`.
    """

    steps: list[tuple[Message, ReplayStep]]
    total: int

    @property
    def is_counted(self) -> bool:
        """True if `total` is the exact number of messages, False if there may be more."""
        return self.total < COUNTED_UP_TO

    @property
    def receivers(self) -> dict[str, int]:
        """Receivers that would be called, with their numbers of calls."""
        calls = Counter(call.receiver for _message, step in self.steps for call in step.calls)
        return dict(sorted(calls.items()))


def preview_messages(
    choice: MessageChoice,
    receivers: Collection[str] = (),
    *,
    applies: bool = True,
    tries_again: bool = False,
    limit: int = LIMIT,
) -> ReplayPreview:
    """Return what a replay would change and call, and roll it back. Must not be called inside a transaction."""
    rows = choice.messages()
    counted = list(rows.order_by()[:COUNTED_UP_TO].values_list("pk", flat=True))
    messages = list(rows[:limit])
    attempt = partial(
        replay_message, receivers=receivers, applies=applies, tries_again=tries_again, outdated=choice.outdated
    )
    steps: dict[int, ReplayStep] = {}
    for group in _dependent_groups(messages):
        steps |= _replay_and_roll_back(group, attempt)
    return ReplayPreview([(message, steps[message.pk]) for message in messages], len(counted))


class _RolledBack(Exception):
    """Ends the transaction of a preview."""


def rolled_back(work: Callable[[], Result]) -> Result:
    """Return the result of some work in a transaction that is rolled back."""

    def attempt() -> Result:
        results: list[Result] = []
        with suppress(_RolledBack), write_transaction(database_alias()):
            results.append(work())
            raise _RolledBack
        return results[-1]

    return with_retries(attempt, is_transaction=True)


def _replay_and_roll_back(group: list[Message], attempt: Callable[[Message], ReplayStep]) -> dict[int, ReplayStep]:
    pks = [message.pk for message in group]

    def replay_group() -> dict[int, ReplayStep]:
        rows = Message.objects.using(database_alias()).in_bulk(pks)
        return {pk: try_step(rows[pk], attempt) for pk in pks}

    return rolled_back(replay_group)


def try_step(message: Message, attempt: Callable[[Message], ReplayStep]) -> ReplayStep:
    """Return the result of an attempt, inside of the transaction of a preview; an error is a failed step."""
    try:
        with transaction.atomic(using=database_alias()):
            return attempt(message)
    except AlreadySettled:
        return ReplayStep("postponed")
    except Unreadable as why:
        return ReplayStep("failed", error=str(why))
    except OperationalError:
        raise
    except Exception as error:
        return ReplayStep("failed", error=format_error(error))


def _dependent_groups(messages: list[Message]) -> Iterator[list[Message]]:
    """Yield groups of messages that share a document or an order, directly or through other messages."""
    groups: list[tuple[set[Hashable], list[Message]]] = []
    for message in messages:
        keys, members, others = _documents(message), [message], []
        for group_keys, group in groups:
            if group_keys & keys:
                keys, members = keys | group_keys, [*group, *members]
            else:
                others.append((group_keys, group))
        groups = [*others, (keys, members)]
    for _keys, members in groups:
        yield sorted(members, key=lambda message: (message.received_at, message.pk))


def _documents(message: Message) -> set[Hashable]:
    try:
        parsed = serializers.read_message(message)
    except Exception:  # the replay itself meets the same error, and reports it
        return {message.pk}
    order = {(message.account, topics.ORDER, parsed.order_increment_id)} if parsed.order_increment_id else set()
    return {(message.account, parsed.topic, parsed.increment_id), *order}
