"""Claims on messages: which process applies a message, and how others are kept away meanwhile.

A message is *open* while `due_at` is set: it waits, or a process has claimed it with a token (`db/leases.py`).
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import Error as DatabaseFault
from django.db.models import Case, F, Q, Value, When

from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, database_alias, from_now, with_retries
from stockhub_webhooks.db.leases import Claim
from stockhub_webhooks.db.low_water import LowWaterMark
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.db.writes import update
from stockhub_webhooks.exceptions import DIED, ORDER_LOCKED, WORKER_DIED, AlreadySettled
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import transitions

low_water = LowWaterMark()

BATCH = 20  # small, since two workers apply their batches at once, and so change the sequence of messages


def claim_due(batch: int = BATCH) -> Generator[Claim, None, None]:
    """Claim the messages that are due, a few at a time; messages that the caller has not begun are released.

    New messages are claimed together. A message that was begun before is claimed alone: if it kills its process, no
    other message is held up, and only its own attempt is counted.

    Args:
        batch: the largest number of messages that are claimed together.
    """
    leases.release_lost()
    since = low_water.floor()
    rows = Message.objects.using(database_alias()).due(NOW).filter(due_at__gte=since)
    with query_timeout(database_alias()):
        due = list(rows.values("pk", "attempts", "claim", "is_suspect", "due_at")[:BATCH])
    if due:
        low_water.rise(due[0]["due_at"])
    if any(map(_is_new, due)):
        new = Q(claim=None, attempts=0, due_at__gte=since)
        yield from _released(_claim(new, batch, attempts=F("attempts") + 1, is_suspect=False))
    was_given_up = False
    for row in due:
        same = Q(pk=row["pk"], claim=row["claim"])
        if _is_new(row):
            continue
        if _has_killed_its_process(row):
            for message in _claim(same):
                transitions.postpone_or_give_up(message, WORKER_DIED, DIED)
                was_given_up = True
        elif row["claim"] is None:
            yield from _released(_claim(same, attempts=F("attempts") + 1))
        else:  # a claim lapsed for the first time
            yield from _released(_claim(same, is_suspect=True))
    if was_given_up:  # there may be more messages behind them
        yield from claim_due(batch)


def _is_new(row: Mapping[str, Any]) -> bool:
    return row["claim"] is None and row["attempts"] == 0


def _has_killed_its_process(row: Mapping[str, Any]) -> bool:
    return row["claim"] is not None and bool(row["is_suspect"])


def _claim(which: Q, batch: int = BATCH, **values: Any) -> Claim:
    """Claim due messages that meet a condition and that no transaction holds, oldest first.

    Args:
        which: the condition.
        batch: the largest number of messages.
        values: further fields to set.
    """
    token = uuid.uuid4()
    due = Message.objects.using(database_alias()).filter(which).due(NOW)[:batch]
    messages: list[Message] = leases.claim_unlocked(due, token, **values)
    for message in messages:
        message.claim = token
        message.attempts += "attempts" in values
    # applying changes the objects, even if it is undone
    former_due_at = {message.pk: message.due_at for message in messages}
    return Claim(token, messages, partial(_release, token, former_due_at))


def _released(claim: Claim) -> Generator[Claim, None, None]:
    """Yield a claim unless it is empty; then release the messages that the caller has not begun."""
    if claim.rows:
        try:
            yield claim
        finally:
            claim.release()


def _release(token: UUID, former_due_at: Mapping[int, datetime | None], messages: list[Message]) -> None:
    """Release claimed messages that were not begun; no attempt is counted.

    Args:
        token: of the claim.
        former_due_at: the former `due_at` of the claim's messages, by primary key.
        messages: those to release.
    """
    rows = Message.objects.using(database_alias()).filter(pk__in=[message.pk for message in messages], claim=token)
    # with their former `due_at`, so that they are applied before messages that came in later
    former = {message.pk: former_due_at[message.pk] for message in messages}
    due_at = Case(*(When(pk=pk, then=Value(value)) for pk, value in former.items()), default=F("due_at"))
    values = {"attempts": F("attempts") - 1, "due_at": due_at, "claim": None, "is_suspect": False}
    with suppress(DatabaseFault):  # their lease lapses
        with_retries(partial(rows.filter(due_at__isnull=False).update, **values))
    low_water.fall_below(min(value for value in former.values() if value))


def put_off(messages: list[Message], reason: str, seconds: float) -> None:
    """Make messages of one claim, whose order is locked, due again at the same time; no attempt is counted.

    Args:
        messages: claimed messages.
        reason: for people.
        seconds: the pause.
    """
    values: dict[str, Any] = {"error": reason, "cause": ORDER_LOCKED, "claim": None, "is_suspect": False}
    values |= {"attempts": F("attempts") - 1, "due_at": from_now(seconds)}
    rows = Message.objects.using(database_alias()).filter(
        pk__in=[message.pk for message in messages], claim=messages[0].claim, status=Message.Status.RECEIVED
    )
    with_retries(partial(rows.filter(due_at__isnull=False, attempts__gt=0).update, **values))
    for message in messages:
        message.status, message.outcome = Message.Status.RECEIVED, ""


def release_later(message: Message) -> None:
    """Release a claimed message as soon as the database takes writes again; no attempt is counted."""
    leases.release_later(Message.objects.using(database_alias()), message.claim)
    message.status, message.outcome = Message.Status.RECEIVED, ""


def lock(message: Message) -> None:
    """Lock a claimed message until the transaction that applies it ends; must be its first statement.

    Without effect in the request that has just inserted the message, to save a statement. If that request takes longer
    than a lease, another process may claim the message, and the request fails when it settles it.

    Raises:
        AlreadySettled: another process has the message.
    """
    if message.claim in (None, message.uid):
        return
    if not update(Message, database_alias(), transitions.as_claimed(message), {"claim": message.claim}):
        raise AlreadySettled(f"message {message.pk} was claimed by another process")


def lock_together(messages: list[Message]) -> None:
    """Lock messages of one claim until the transaction that applies them ends; must be its first statement.

    Raises:
        AlreadySettled: another process has one of the messages.
    """
    rows = Message.objects.using(database_alias()).filter(
        pk__in=[message.pk for message in messages], status=Message.Status.RECEIVED, due_at__isnull=False
    )
    if leases.renew(rows, messages[0].claim) != len(messages):
        raise AlreadySettled("a message was claimed by another process")


def reopen(message: Message) -> None:
    """Open and claim a settled message, in the transaction that applies it again and settles it.

    Raises:
        AlreadySettled: the message is open already, so it is applied anyway, or it was dismissed.
    """
    if message.status == Message.Status.DISMISSED:
        raise AlreadySettled(f"message {message.pk} is dismissed")
    opened: dict[str, Any] = {"status": Message.Status.RECEIVED, "attempts": 1, **leases.claim_values(uuid.uuid4())}
    if message.status == Message.Status.APPLIED:
        opened["is_replay"] = True
    settled = Message.objects.using(database_alias()).filter(pk=message.pk, status=message.status, due_at__isnull=True)
    if not settled.update(**opened):
        raise AlreadySettled(f"message {message.pk} is being processed by another process")
    message.refresh_from_db(using=database_alias(), fields=["status", "attempts", "claim", "is_replay"])
