"""What happens to a message, in one screen: read, apply, record."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import count

from django.db import Error as DatabaseFault
from django.db import IntegrityError, OperationalError

from stockhub_webhooks import serializers, signals
from stockhub_webhooks.db.connections import close_if_broken, database_alias, write_transaction
from stockhub_webhooks.db.timeouts import query_timeout, should_retry
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.exceptions import AlreadySettled, Unreadable, error_location
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Event, Message, ReceiverCall
from stockhub_webhooks.processing.apply import apply
from stockhub_webhooks.receiving import journal

logger = logger_of(__name__)


def process(message: Message) -> Message:
    """Read, apply and record a message that the caller has claimed.

    Whatever it holds and whatever fails, nothing is raised: the message ends applied, quarantined, or stays
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


def process_together(messages: list[Message]) -> int:
    """Read, apply and record messages that the caller has claimed in one transaction, and take them off the list.

    Most of what a message costs is waiting for the database, and this way they wait once. Where anything is in the way
    of one of them, nothing is kept and the list stays as it is: `process` tells which one it was, and the others apart.

    Returns:
        How many were applied: all, or none.
    """
    if len(messages) < 2:
        return 0
    began = time.monotonic()
    try:
        readings = [serializers.read_message(message) for message in messages]
        with query_timeout(database_alias()), write_transaction(database_alias()):
            # whoever else takes the locks of several orders takes them in the same sequence
            for message, reading in sorted(zip(messages, readings, strict=True), key=_order_of):
                with about(message_id=message.pk):
                    _steps(message, reading)
    except Exception:
        for message in messages:
            message.status, message.outcome = Message.Status.RECEIVED, ""
        return 0
    done = len(messages)
    seconds = (time.monotonic() - began) / done
    while messages:
        signals.message_processed.send_robust(Message, message=messages.pop(0), seconds=seconds)
    return done


def _order_of(pair: tuple[Message, serializers.ParsedMessage]) -> tuple[str, str]:
    message, reading = pair
    return message.account, reading.order_increment_id or reading.increment_id


@dataclass(frozen=True)
class Result:
    """What became of a message that was applied, and which receivers are owed word of it."""

    outcome: str
    events: list[Event]
    calls: list[ReceiverCall]


def again(message: Message) -> Result:
    """Read, apply and record a message that is settled already, as `process` does, in the caller's transaction.

    Until that is committed nobody sees anything of it, and no signal is sent: a preview rolls it back.

    Raises:
        AlreadySettled: it is open at present, so that it is applied anyway.
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
    """One transaction; a race that the database calls off is run again, as long as that is soon."""
    using = database_alias()
    began = time.monotonic()
    for turn in count(1):
        try:
            with query_timeout(using), write_transaction(using):
                _steps(message, reading)
            return
        except (OperationalError, IntegrityError):
            if not should_retry(turn, began):
                raise
            close_if_broken(using)


def _put_off(message: Message, fault: Exception) -> None:
    """What becomes of a message that was not applied: quarantined, another's by now, or open for later."""
    try:
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
