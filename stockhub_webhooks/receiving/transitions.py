"""Changes of a message's status: applied, quarantined, dismissed, given up, or due again (`Message.TRANSITIONS`).

Each change of a claimed message is conditional on the token of its claim, so two processes never both finish one
message.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW, database_alias, from_now, with_retries
from stockhub_webhooks.db.writes import update
from stockhub_webhooks.exceptions import AlreadySettled, Unreadable, error_fingerprint, format_error
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.models.drift import kind_of
from stockhub_webhooks.receiving.body_removal import forget_numbers, remove_bodies, removed_body
from stockhub_webhooks.receiving.dismissal import dismiss_corrected
from stockhub_webhooks.serializers import BodyNote, ParsedMessage
from stockhub_webhooks.serializers.tolerant import limit_notes

logger = logger_of(__name__)


# ---------------------------------------------------------------- of a claimed message


def settle(
    message: Message,
    parsed: ParsedMessage,
    outcome: str,
    notes: Sequence[BodyNote] = (),
    *,
    removes_body: bool = False,
) -> None:
    """Mark the message as applied, and dismiss the message that it corrects, in the transaction that applied it.

    Args:
        message: the message.
        parsed: its content.
        outcome: a `Message.Outcome`.
        notes: notes that were added when it was applied.
        removes_body: True to remove its body, and that of the message that it is a part of, since its order was
            erased.

    Raises:
        AlreadySettled: another process finished it first.
    """
    drift: dict[str, Any] = {}
    # a replay was counted when the message was applied first
    if not (message.is_replay or message.is_test) and any(kind_of(note.code) for note in parsed.notes):
        drift["notes_due_at"] = timezone.now()
    is_in_part = outcome != Message.Outcome.STALE and parsed.leaves_something_out
    _finish(
        message,
        removes_body=removes_body,
        status=Message.Status.APPLIED,
        outcome=outcome,
        topic=parsed.topic,
        increment_id=parsed.increment_id,
        notes=[note._asdict() for note in limit_notes([*notes, *parsed.notes])],
        # None leaves the row out of the partial index; False is kept, since a person has corrected the message
        is_in_part=message.is_in_part is not False if is_in_part else None,
        has_impossible_time=parsed.has_impossible_time or None,
        error="",
        cause="",
        applied_at=timezone.now(),
        due_at=None,
        **drift,
    )
    dismiss_corrected(message)


def quarantine(message: Message, why: Unreadable) -> None:
    """Quarantine a message that cannot be applied as it is, for a person to look at.

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
    """Settle a message that was not applied and needs no attention.

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
    changed = with_retries(partial(_claimed_row(message).update, **values))
    if changed and message.attempts >= conf.MAX_ATTEMPTS:
        message.status = Message.Status.FAILED
        with about(message_id=message.pk):
            logger.error("message %s is given up, attempts: %s", message.pk, message.attempts)


def requeue(pks: list[int]) -> int:
    """Make messages due now, as if they had just been received; return their number.

    A message that was applied before becomes a replay. Dismissed messages, and those without a body, stay as they are.
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
    """Return the fields and values that the row has as long as no other process has changed it."""
    claimed = {"id": message.pk, "status": Message.Status.RECEIVED, "attempts": message.attempts}
    return claimed if message.claim is None else {**claimed, "claim": message.claim}


def _claimed_row(message: Message) -> QuerySet[Message]:
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
