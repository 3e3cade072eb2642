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
from stockhub_webhooks.processing.apply import Applied, apply, apply_outdated
from stockhub_webhooks.receiving import journal

logger = logger_of(__name__)


def process(message: Message) -> Message:
    """Read, apply and record a message that the caller has claimed.

    No exception is raised: `status` and `outcome` of the message say if it is applied, quarantined or still open.

    Returns:
        The same message.
    """
    began = time.monotonic()
    with about(message_id=message.pk):
        try:
            reading = serializers.read_message(message)
            _apply(message, reading)
        except Exception as fault:
            try:
                _put_off(message, fault)
            except DatabaseFault as further:  # the lease lapses, then another process claims it
                logger.warning("message %s stays open (%s)", message.pk, type(further).__name__)
        signals.message_processed.send_robust(Message, message=message, seconds=time.monotonic() - began)
    return message


def process_together(claim: Claim) -> int:
    """Read, apply and record all messages of a claim in one transaction, which saves commits.

    If one of them fails, the transaction is rolled back and all stay claimed: the caller passes each to `process`.

    Returns:
        The number of applied messages: all or none.
    """
    messages: list[Message] = claim.rows
    if len(messages) < 2:
        return 0
    began = time.monotonic()
    try:
        readings = [serializers.read_message(message) for message in messages]
        with query_timeout(database_alias()), write_transaction(database_alias()):
            journal.lock_together(messages)
            # all processes lock the orders in the same sequence, which avoids deadlocks
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


def again(message: Message, *, outdated: bool = False) -> Result:
    """Apply and record a settled message again, in the caller's transaction.

    No signal is sent, and a preview rolls the transaction back.

    Args:
        message: a settled message.
        outdated: True to apply a message about a return even if it is outdated.

    Raises:
        AlreadySettled: the message is open, so another process will apply it.
        Unreadable: the body still cannot be read.
        django.db.Error: the database failed; the caller must roll the transaction back.
    """
    reading = serializers.read_message(message)
    journal.take_again(message)
    return _record(message, reading, (apply_outdated if outdated else apply)(reading, message))


def _steps(message: Message, reading: serializers.ParsedMessage) -> Result:
    return _record(message, reading, apply(reading, message))


def _record(message: Message, reading: serializers.ParsedMessage, applied: Applied) -> Result:
    calls = ledger.record(applied.events)
    journal.settle(message, reading, applied.outcome, applied.notes)
    return Result(applied.outcome, applied.events, calls)


def _apply(message: Message, reading: serializers.ParsedMessage) -> None:
    """Apply and record a message in one transaction; repeat that after a deadlock or a lost connection."""

    def step() -> None:
        with write_transaction(database_alias()):
            journal.lock(message)
            _steps(message, reading)

    with_retries(step, is_transaction=True)


def _put_off(message: Message, fault: Exception) -> None:
    """Quarantine an unreadable message; postpone any other failure."""
    try:
        if isinstance(fault, Unreadable):
            journal.quarantine(message, fault)
            return
        if not isinstance(fault, AlreadySettled):
            report = logger.warning if isinstance(fault, DatabaseFault) else logger.error
            report("message %s could not be applied (%s), it stays open", message.pk, error_location(fault))
            # `settle` may have set these before the commit failed, and the sender is answered by them
            message.status, message.outcome = Message.Status.RECEIVED, ""
            journal.postpone(message, fault)
            return
    except AlreadySettled:
        pass
    with query_timeout(database_alias()):
        message.refresh_from_db(using=database_alias(), fields=["status", "outcome"])
