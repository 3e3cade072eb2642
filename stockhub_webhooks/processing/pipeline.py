"""The path of a stored message on one screen: parse, apply, record, settle."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import Error as DatabaseFault

from stockhub_webhooks import serializers, signals
from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.db.leases import Claim
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.exceptions import AlreadySettled, Unreadable, error_location
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Event, Message, ReceiverCall
from stockhub_webhooks.processing.apply import apply
from stockhub_webhooks.receiving import journal

logger = logger_of(__name__)


def process(message: Message) -> Message:
    """Read, apply and record a message that the caller has claimed.

    Whatever it holds and whatever fails, nothing is raised: the message ends applied, quarantined, dismissed, or stays
    open for later, as its `status` and `outcome` then say.
    """
    began = time.monotonic()
    with about(message_id=message.pk):
        try:
            reading = serializers.read_message(message)
            _apply(message, reading)
        except Exception as fault:
            try:
                _put_off(message, fault)
            except DatabaseFault as further:  # its lease lapses, and it is taken up again
                logger.warning("message %s stays open (%s)", message.pk, type(further).__name__)
        signals.message_processed.send_robust(Message, message=message, seconds=time.monotonic() - began)
    return message


def process_together(claim: Claim) -> int:
    """Read, apply and record all messages of a claim in one transaction, so that they wait for the database once.

    If one of them fails, nothing is kept, and they stay in the claim: `process` finds out which one it was.

    Returns:
        How many were applied: all, or none.
    """
    messages: list[Message] = claim.rows
    if len(messages) < 2:
        return 0
    began = time.monotonic()
    try:
        readings = [serializers.read_message(message) for message in messages]
        with query_timeout(database_alias()), write_transaction(database_alias()):
            journal.lock_together(messages)
            # all processes lock the orders in the same sequence
            for message, reading in sorted(zip(messages, readings, strict=True), key=_order_of):
                with about(message_id=message.pk):
                    _steps(message, reading)
    except Exception as fault:
        logger.warning(
            "%s messages are applied one by one, since one failed (%s)", len(messages), error_location(fault)
        )
        for message in messages:
            message.status, message.outcome = Message.Status.RECEIVED, ""
        return 0
    messages = claim.finish()
    seconds = (time.monotonic() - began) / len(messages)
    for message in messages:
        signals.message_processed.send_robust(Message, message=message, seconds=seconds)
    return len(messages)


def _order_of(pair: tuple[Message, serializers.ParsedMessage]) -> tuple[str, str]:
    message, reading = pair
    return message.account, reading.order_increment_id or reading.increment_id


@dataclass(frozen=True)
class Result:
    """The result of an applied message: its outcome, its events, and the pending receiver calls."""

    outcome: str
    events: list[Event]
    calls: list[ReceiverCall]


def again(message: Message) -> Result:
    """Apply and record a settled message again, in the caller's transaction.

    Other processes see nothing of it until that is committed, and no signal is sent: a preview rolls it back.

    Raises:
        AlreadySettled: the message is open at present, so it is applied anyway.
        Unreadable: it still cannot be read.
        django.db.Error: nothing may be kept of this attempt.
    """
    reading = serializers.read_message(message)
    journal.take_again(message)
    return _steps(message, reading)


def _steps(message: Message, reading: serializers.ParsedMessage) -> Result:
    applied = apply(reading, message)
    calls = ledger.record(applied.events)
    journal.settle(message, reading, applied.outcome)
    return Result(applied.outcome, applied.events, calls)


def _apply(message: Message, reading: serializers.ParsedMessage) -> None:
    """Apply a message in one transaction, again if the database called it off."""

    def step() -> None:
        with write_transaction(database_alias()):
            journal.lock(message)
            _steps(message, reading)

    with_retries(step, is_transaction=True)


def _put_off(message: Message, fault: Exception) -> None:
    """Dismiss an empty message, quarantine an unreadable one, and postpone any other failure."""
    try:
        if isinstance(fault, Unreadable) and fault.reason == Unreadable.EMPTY:
            journal.dismiss(message, Message.PING, error=str(fault))
            return
        if isinstance(fault, Unreadable):
            journal.quarantine(message, fault)
            return
        if not isinstance(fault, AlreadySettled):
            report = logger.warning if isinstance(fault, DatabaseFault) else logger.error
            report("message %s could not be applied (%s), it stays open", message.pk, error_location(fault))
            # `settle` may have come by before the commit failed: the sender must not hear that it is applied
            message.status, message.outcome = Message.Status.RECEIVED, ""
            journal.postpone(message, fault)
            return
    except AlreadySettled:
        pass
    with query_timeout(database_alias()):
        message.refresh_from_db(using=database_alias(), fields=["status", "outcome"])
