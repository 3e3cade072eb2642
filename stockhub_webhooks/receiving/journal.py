"""The journal: stores each message before it is parsed, and keeps its state.

A message is *open* while `due_at` is set: it waits, or a process has claimed it with a token (`db/leases.py`). Every
change of state is conditional on the token, so two processes never both finish one message.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import Error as DatabaseFault
from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import (
    NOW,
    close_connection,
    database_alias,
    from_now,
    with_retries,
)
from stockhub_webhooks.db.sequences import repair_sequences
from stockhub_webhooks.db.timeouts import SENDER_WAIT_SECONDS, query_timeout, sender_timeout, should_retry
from stockhub_webhooks.db.writes import insert, update
from stockhub_webhooks.exceptions import (
    AlreadySettled,
    NotStored,
    Unreadable,
    WriterBusy,
    error_fingerprint,
    format_error,
)
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import MentionedNumber, Message
from stockhub_webhooks.models.drift import kind_of
from stockhub_webhooks.receiving import journal_copy, spool
from stockhub_webhooks.receiving.dismissal import dismiss_corrected
from stockhub_webhooks.receiving.kept import HEADER_LIMIT, KEPT_HEADERS, SPOOLED, kept_headers
from stockhub_webhooks.receiving.recent import RECENT
from stockhub_webhooks.serializers import Note, ParsedMessage
from stockhub_webhooks.serializers.tolerant import limit_notes

__all__ = ["HEADER_LIMIT", "KEPT_HEADERS", "SPOOLED", "kept_headers"]

logger = logger_of(__name__)


# ---------------------------------------------------------------- storing


@sensitive_variables()
def store(message: Message, *, claimed: bool = False) -> Message:
    """Commit a new message to the database, or else to the spool; only then may the sender get 2xx.

    Args:
        message: not saved yet.
        claimed: True if the caller applies it at once, so that no other process claims it.

    Returns:
        The message; its `pk` is None if it went to the spool.

    Raises:
        NotStored: neither the database nor the spool took it.
    """
    try:
        commit(message, claimed=claimed)
    except Exception as fault:
        with about(message_id=str(message.uid)):
            logger.warning("message %s could not be journaled (%s), it goes to the spool", message.uid, _kind(fault))
        message.pk = None
        try:
            write_to_spool(message)
        except OSError as error:
            raise NotStored(f"database: {_kind(fault)}; spool: {_kind(error)}") from fault
        return message
    signals.message_received.send_robust(Message, message=message)
    return message


@sensitive_variables()
def write_to_spool(message: Message) -> None:
    """Write a message that is not saved to the spool, durably.

    Raises:
        OSError: no spool is configured, or it cannot be written.
    """
    spool.write({name: getattr(message, name) for name in SPOOLED})


@sensitive_variables()
def enter(message: Message, *, by: str | None = None, claim: UUID | None = None) -> None:
    """Commit a new message that no request of the sender waits for, for instance an ingested one; it is due at once.

    Args:
        message: not saved yet.
        by: the name of the user who entered it or let it in.
        claim: the token of the caller if it applies the message itself.

    Raises:
        django.db.Error: it is not stored.
    """
    _prepare(message, claimed=claim is not None)
    message.claim = claim
    _insert_once(message, database_alias())
    transaction.on_commit(partial(journal_copy.append, message), using=database_alias(), robust=True)
    if by is not None:
        message.entered_by = by
        Message.objects.using(database_alias()).filter(pk=message.pk).update(entered_by=by)
    signals.message_received.send_robust(Message, message=message)


def insert_to_try(message: Message) -> None:
    """Insert a message as claimed, in a transaction that the caller rolls back."""
    _prepare(message, claimed=True)
    _insert(message, database_alias())


def _prepare(message: Message, *, claimed: bool) -> None:
    message.due_at = from_now(conf.LEASE_SECONDS) if claimed else NOW
    message.attempts = int(claimed)
    message.claim = message.uid if claimed else None  # the token of the request that inserts the message
    message.topic = message.url_topic


@sensitive_variables()
def commit(message: Message, *, claimed: bool = False) -> None:
    """Commit a new message to the database alone: one autocommit INSERT.

    A dead connection is closed and the INSERT repeated; `uid` makes that harmless.

    Raises:
        django.db.Error: the message is not stored, or it is unknown if it is.
        NotStored: nothing would be committed here, or only later.
    """
    began = time.monotonic()
    using = database_alias()
    connection = connections[using]
    _prepare(message, claimed=claimed)
    if not connection.settings_dict["AUTOCOMMIT"]:
        raise NotStored("DATABASES has AUTOCOMMIT off, so nothing is committed")
    if connection.in_atomic_block:
        # a host's transaction could still be rolled back; durable=True refuses it (and lets a TestCase pass)
        with transaction.atomic(using=using, durable=True):
            insert([message], using, left_out=Message.SET_WHEN_APPLIED)
        journal_copy.append(message)
        return
    if connection.connection is not None and not connection.autocommit:
        raise NotStored("autocommit was turned off on this connection, so nothing is committed")
    # no sender waits for a message that was in the spool
    is_new = timezone.now() - message.received_at < timedelta(seconds=SENDER_WAIT_SECONDS)
    limit = partial(sender_timeout, using, message.received_at) if is_new else nullcontext
    try:
        with limit():
            _insert_once(message, using)
    except WriterBusy:
        raise
    except DatabaseFault:
        close_connection(using)
        if not should_retry(1, began):
            raise
        with limit():
            _insert_once(message, using)
    RECENT.remember([message])
    journal_copy.append(message)


def _insert_once(message: Message, using: str) -> None:
    """INSERT the message unless it is stored already; set a sequence forward that is behind, as after a restore."""
    try:
        _insert(message, using)
    except IntegrityError as fault:
        with query_timeout(using):
            stored = Message.objects.using(using).filter(uid=message.uid).values_list("pk", flat=True).first()
            is_repaired = stored is None and repair_sequences(using, fault)
        if is_repaired:
            _insert(message, using)
        elif stored is None:
            raise
        else:
            message.pk = stored


def _insert(message: Message, using: str) -> None:
    # a savepoint, so that an error does not end the caller's transaction; on its own the INSERT commits by itself
    is_inner = connections[using].in_atomic_block
    with query_timeout(using), transaction.atomic(using=using) if is_inner else nullcontext():
        insert([message], using, left_out=Message.SET_WHEN_APPLIED)


def release_stored(message: Message) -> None:
    """Release a message that is stored although the request that inserted it did not learn so."""
    rows = Message.objects.using(database_alias()).filter(uid=message.uid, claim=message.uid, due_at__isnull=False)
    with_retries(partial(rows.update, attempts=0, due_at=NOW, claim=None))


# ---------------------------------------------------------------- finishing


def removed_body() -> dict[str, Any]:
    """Return the values of a message whose body is removed for good."""
    return {"body": b"", "headers": {}, "body_removed_at": timezone.now()}


def remove_bodies(rows: Any, **values: Any) -> int:
    """Remove the bodies of messages for good, and the numbers in them; set further fields, and return how many."""
    forget_numbers(rows)
    return int(rows.update(**removed_body(), **values))


def forget_numbers(rows: Any) -> None:
    """Delete the numbers that messages are found by; the worker reads those of a body that is still there again."""
    MentionedNumber.objects.using(database_alias()).filter(message__in=list(rows.values_list("pk", flat=True))).delete()


def settle(
    message: Message,
    reading: ParsedMessage,
    outcome: str,
    notes: Sequence[Note] = (),
    *,
    removes_body: bool = False,
) -> None:
    """Mark the message as applied, in the transaction that applied it; one that it corrects is settled, too.

    Args:
        message: the message.
        reading: its content.
        outcome: a `Message.Outcome`.
        notes: notes that were added while it was applied.
        removes_body: True to remove its body, and that of the message that it was a part of: its order was erased.

    Raises:
        AlreadySettled: another process finished it first.
    """
    counted: dict[str, Any] = {}
    # a replay was counted when the message was applied first
    if not (message.is_replay or message.is_test) and any(kind_of(note.code) for note in reading.notes):
        counted["notes_due_at"] = timezone.now()
    is_in_part = outcome != Message.Outcome.STALE and reading.leaves_something_out
    _finish(
        message,
        removes_body=removes_body,
        status=Message.Status.APPLIED,
        outcome=outcome,
        topic=reading.topic,
        increment_id=reading.increment_id,
        notes=[note._asdict() for note in limit_notes([*notes, *reading.notes])],
        # None leaves the row out of the partial index; False is kept, since a person has corrected the message
        is_in_part=message.is_in_part is not False if is_in_part else None,
        has_impossible_time=reading.has_impossible_time or None,
        error="",
        cause="",
        applied_at=timezone.now(),
        due_at=None,
        **counted,
    )
    dismiss_corrected(message)


def quarantine(message: Message, why: Unreadable) -> None:
    """Quarantine a message that cannot be applied as it is; a person must look at it.

    Raises:
        AlreadySettled: another process finished it first.
    """
    _finish(
        message,
        status=Message.Status.QUARANTINED,
        outcome="",
        topic=why.topic or message.url_topic,
        increment_id=why.increment_id,
        error=str(why),
        cause=error_fingerprint(why),
        due_at=None,
    )
    signals.message_quarantined.send_robust(Message, message=message, reason=why.reason)


def dismiss(message: Message, reason: str, *, removes_body: bool = False, **values: Any) -> None:
    """Settle a message for good that was not applied and needs no attention.

    Args:
        message: open and claimed by the caller, quarantined, or given up.
        reason: `Message.PING`, `Message.ERASED`, or a person's words, up to 255 characters.
        removes_body: True to remove its body.
        values: further fields to set.

    Raises:
        AlreadySettled: it was applied or dismissed, or another process has it.
    """
    values |= {"status": Message.Status.DISMISSED, "dismissed_reason": reason, "due_at": None}
    values["dismissed_at"] = timezone.now()
    if message.status == Message.Status.RECEIVED:
        _finish(message, removes_body=removes_body, **values)
    elif message.status in (Message.Status.QUARANTINED, Message.Status.FAILED):
        _finish(message, {"id": message.pk, "status": message.status}, removes_body=removes_body, **values)
    else:
        raise AlreadySettled(f"message {message.pk} is {message.status}")


def postpone(message: Message, fault: Exception) -> None:
    """Make a message due again that could not be applied, or give it up after `MAX_ATTEMPTS`."""
    postpone_or_give_up(message, format_error(fault), error_fingerprint(fault))


def postpone_or_give_up(message: Message, error: str, cause: str) -> None:
    """Make the message due again after a pause, or give it up after `MAX_ATTEMPTS`.

    Args:
        message: a claimed message.
        error: for people.
        cause: the fingerprint of the error, or another cause; failures are grouped by it.
    """
    values: dict[str, Any] = {"error": error, "cause": cause, "claim": None}
    if message.attempts >= conf.MAX_ATTEMPTS:
        values |= {"status": Message.Status.FAILED, "due_at": None}
    else:
        values["due_at"] = from_now(conf.pause_after(message.attempts))
    changed = with_retries(partial(_open(message).update, **values))
    if changed and message.attempts >= conf.MAX_ATTEMPTS:
        message.status = Message.Status.FAILED
        with about(message_id=message.pk):
            logger.error("message %s is given up after %s attempts", message.pk, message.attempts)


def requeue(pks: list[int]) -> int:
    """Make messages due now, as they came in; return their number. A message that was applied before is a replay.

    Messages without a body stay as they are.
    """
    messages = Message.objects.using(database_alias()).filter(pk__in=pks, body_removed_at=None)
    fresh: dict[str, Any] = {"status": Message.Status.RECEIVED, "attempts": 0, "due_at": NOW, "cause": ""}
    fresh |= {"claim": None, "is_suspect": False}
    return (
        messages.filter(status=Message.Status.RECEIVED).update(due_at=NOW, claim=None)
        + messages.filter(status=Message.Status.APPLIED).update(is_replay=True, **fresh)
        + messages.filter(status__in=(Message.Status.QUARANTINED, Message.Status.FAILED)).update(**fresh)
    )


def as_claimed(message: Message) -> dict[str, Any]:
    """Return the conditions that the row meets for as long as no other process has changed it."""
    claimed = {"id": message.pk, "status": Message.Status.RECEIVED, "attempts": message.attempts}
    return claimed if message.claim is None else {**claimed, "claim": message.claim}


def _open(message: Message) -> Any:
    return Message.objects.using(database_alias()).filter(**as_claimed(message))


def _finish(
    message: Message, condition: dict[str, Any] | None = None, *, removes_body: bool = False, **values: Any
) -> None:
    # the object keeps its body, since the transaction may have to be repeated
    written = values | removed_body() if removes_body else values
    if not with_retries(partial(update, Message, database_alias(), condition or as_claimed(message), written)):
        raise AlreadySettled(f"message {message.pk} was finished by another process")
    if removes_body:
        rows = Message.objects.using(database_alias())
        forget_numbers(rows.filter(pk=message.pk))
        if message.parent_id:
            remove_bodies(rows.filter(pk=message.parent_id))
    for name, value in values.items():
        setattr(message, name, value)


def _kind(fault: BaseException) -> str:
    return type(fault).__name__
