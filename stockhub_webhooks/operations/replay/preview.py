"""What a replay would do, found out by doing it and rolling that back.

It is safe: `run.work` writes to our tables only and sends no signal of ours; receivers are owed calls in the same
transaction, and nobody can take one that is not committed. Hooks for after a commit are dropped with it. Of the
host's code only handlers of Django's `post_save` on our models run: what they do outside the database would be real.

Messages that touch the same documents build on each other, so they are tried in one transaction; all others in one
of their own. No lock is held longer than one such family takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from django.db import OperationalError, transaction

from stockhub_webhooks import serializers
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.exceptions import AlreadySettled, Unreadable, format_error
from stockhub_webhooks.models import Message
from stockhub_webhooks.operations.replay.choice import Choice
from stockhub_webhooks.operations.replay.run import Step, work

LIMIT = 100
COUNTED_UP_TO = 10_000


@dataclass(frozen=True)
class Preview:
    """What would become of the first messages of a choice.

    Attributes:
        steps: each message of the first `LIMIT` with what would become of it, in the order in which they came in.
        total: how many messages there are, counted up to `COUNTED_UP_TO`.
    """

    steps: list[tuple[Message, Step]]
    total: int

    @property
    def is_counted(self) -> bool:
        """Whether there are as many as `total`, and not more."""
        return self.total < COUNTED_UP_TO

    @property
    def receivers(self) -> dict[str, int]:
        """Who would be told, and of how many changes."""
        told: dict[str, int] = {}
        for _message, step in self.steps:
            for call in step.calls:
                told[call.receiver] = told.get(call.receiver, 0) + 1
        return dict(sorted(told.items()))


def preview_messages(
    choice: Choice,
    receivers: Collection[str] = (),
    *,
    applies: bool = True,
    tries_again: bool = False,
    limit: int = LIMIT,
) -> Preview:
    """Return what a replay would change and call, without keeping anything. Not to be called in a transaction."""
    rows = choice.messages()
    found = list(rows.order_by()[:COUNTED_UP_TO].values_list("pk", flat=True))
    messages = list(rows[:limit])
    attempt = partial(work, receivers=receivers, applies=applies, tries_again=tries_again, outdated=choice.outdated)
    foreseen: dict[int, Step] = {}
    for family in _families(messages):
        foreseen |= _tried(family, attempt)
    return Preview([(message, foreseen[message.pk]) for message in messages], len(found))


class _RolledBack(Exception):
    """Ends the transaction of a preview."""


def _tried(family: list[Message], attempt: Callable[[Message], Step]) -> dict[int, Step]:
    pks = [message.pk for message in family]

    def tried() -> dict[int, Step]:
        steps: dict[int, Step] = {}
        with suppress(_RolledBack), write_transaction(database_alias()):
            rows = Message.objects.using(database_alias()).in_bulk(pks)
            for pk in pks:
                steps[pk] = _step(rows[pk], attempt)
            raise _RolledBack
        return steps

    return with_retries(tried, is_transaction=True)


def _step(message: Message, attempt: Callable[[Message], Step]) -> Step:
    try:
        with transaction.atomic(using=database_alias()):
            return attempt(message)
    except AlreadySettled:
        return Step("postponed")
    except Unreadable as why:
        return Step("failed", error=str(why))
    except OperationalError:
        raise
    except Exception as error:
        return Step("failed", error=format_error(error))


def _families(messages: list[Message]) -> Iterator[list[Message]]:
    """Messages that have a document or an order in common, directly or by way of others."""
    families: list[tuple[set[Hashable], list[Message]]] = []
    for message in messages:
        keys, members, others = _documents(message), [message], []
        for known, relatives in families:
            if known & keys:
                keys, members = keys | known, [*relatives, *members]
            else:
                others.append((known, relatives))
        families = [*others, (keys, members)]
    for _keys, members in families:
        yield sorted(members, key=lambda message: (message.received_at, message.pk))


def _documents(message: Message) -> set[Hashable]:
    try:
        reading = serializers.read_message(message)
    except Exception:  # whatever is wrong with it is found again when it is tried
        return {message.pk}
    order = {(message.account, topics.ORDER, reading.order_increment_id)} if reading.order_increment_id else set()
    return {(message.account, reading.topic, reading.increment_id), *order}
