"""The path of a stored message on one screen: parse, apply, record, settle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial

from django.db import Error as DatabaseFault

from stockhub_webhooks import serializers, signals
from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.db.leases import Claim
from stockhub_webhooks.db.timeouts import query_timeout, sender_timeout
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.exceptions import AlreadySettled, OrderLocked, Unreadable, WriterBusy, error_location
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Event, Message, ReceiverCall
from stockhub_webhooks.processing import erased_orders, locked_orders
from stockhub_webhooks.processing.apply import apply, apply_outdated
from stockhub_webhooks.processing.split import split
from stockhub_webhooks.receiving import claiming, journal, transitions
from stockhub_webhooks.receiving.recent import RECENT

logger = logger_of(__name__)


def process(message: Message) -> Message:
    """Read, apply and record a message that the caller has claimed.

    Never raises: the message ends applied or quarantined, or stays open for another attempt. Its `status` and
    `outcome` say which.
    """
    began = time.monotonic()
    with about(message_id=message.pk):
        try:
            _apply(message)
        except Exception as fault:
            try:
                if isinstance(fault, OrderLocked):
                    locked_orders.put_off(message, fault)
                elif isinstance(fault, WriterBusy):
                    logger.warning("message %s is applied later (%s)", message.pk, fault)
                    claiming.release_later(message)
                else:
                    _record_failure(message, fault)
            except DatabaseFault as further:  # the lease lapses, and another process claims the message
                logger.warning("message %s stays open (%s)", message.pk, type(further).__name__)
        RECENT.remember([message])
        signals.message_processed.send_robust(Message, message=message, seconds=time.monotonic() - began)
    return message


def process_together(claim: Claim, stop: threading.Event | None = None) -> int:
    """Read, apply and record the messages of a claim in one transaction, which is faster than one for each.

    Messages that are unreadable, or whose order is locked, stay in the claim. If any other message fails, the
    transaction is rolled back and all stay in the claim; the caller applies them one by one with `process`.

    Args:
        claim: the messages.
        stop: checked between two messages; those that were not begun stay in the claim.

    Returns:
        The number of messages that were applied.
    """
    began = time.monotonic()
    # sorted, so that all processes lock orders in the same sequence and do not deadlock
    readable = sorted(_readable(claim.rows), key=_lock_key)
    if len(readable) < 2:
        return 0
    try:
        try:
            applied = _apply_together(readable, stop)
        except OrderLocked:
            applied = _apply_together(readable, stop, skip_locked=True)
    except Exception as fault:
        messages = [message for message, _ in readable]
        # a database error is normal: two processes may have inserted the same row at once
        report = logger.info if isinstance(fault, DatabaseFault) else logger.warning
        report("%s messages are applied one by one, since one failed (%s)", len(messages), error_location(fault))
        for message in messages:
            message.status, message.outcome = Message.Status.RECEIVED, ""
        return 0
    claim.finish(applied)
    RECENT.remember(applied)
    seconds = (time.monotonic() - began) / max(len(applied), 1)
    for message in applied:
        signals.message_processed.send_robust(Message, message=message, seconds=seconds)
    return len(applied)


def _apply_together(
    readable: list[tuple[Message, serializers.ParsedMessage]],
    stop: threading.Event | None,
    *,
    skip_locked: bool = False,
) -> list[Message]:
    """Apply messages in one transaction; return those that were applied.

    Args:
        readable: messages with their content, in the sequence of their locks.
        stop: checked between two messages.
        skip_locked: True to leave out the messages of orders that another transaction holds.
    """
    applied: list[Message] = []
    with query_timeout(database_alias()), write_transaction(database_alias()):
        claiming.lock_together([message for message, _ in readable])
        if skip_locked:
            numbers = {_lock_key(pair) for pair in readable}
            locked = locked_orders.find_locked(numbers)
            readable = [pair for pair in readable if _lock_key(pair) not in locked]
        for message, parsed in readable:
            if applied and stop and stop.is_set():
                break
            with about(message_id=message.pk):
                _steps(message, parsed)
            applied.append(message)
    return applied


def _readable(messages: list[Message]) -> Iterator[tuple[Message, serializers.ParsedMessage]]:
    for message in messages:
        with suppress(Unreadable):
            yield message, serializers.read_message(message)


def _lock_key(pair: tuple[Message, serializers.ParsedMessage]) -> tuple[str, str]:
    return locked_orders.order_key(*pair)


@dataclass(frozen=True)
class MessageResult:
    """The result of an applied message: its outcome, its events, and the pending receiver calls."""

    outcome: str
    events: list[Event]
    calls: list[ReceiverCall]


def reapply(message: Message, *, outdated: bool = False) -> MessageResult:
    """Apply and record a settled message again, in the caller's transaction.

    No signal is sent, since a preview rolls the transaction back.

    Args:
        message: a settled message.
        outdated: True to apply a message about a return even if it is outdated.

    Raises:
        AlreadySettled: the message is open already, so it is applied anyway; or its body was removed.
        Unreadable: the message still cannot be read.
        django.db.Error: the caller must roll back.
    """
    if message.body_removed_at:
        raise AlreadySettled(f"the body of message {message.pk} was removed for good")
    parsed = serializers.read_message(message)
    claiming.reopen(message)
    return _steps(message, parsed, outdated=outdated)


def try_out(message: Message) -> MessageResult:
    """Insert, apply and record a message that is not saved, in a transaction that the caller rolls back.

    Raises:
        Unreadable: it cannot be read.
        django.db.Error: the caller must roll back.
    """
    parsed = serializers.read_message(message)
    journal.insert_to_try(message)
    return _steps(message, parsed)


def _steps(message: Message, parsed: serializers.ParsedMessage, *, outdated: bool = False) -> MessageResult:
    """Apply, record and settle, or split the message, in the caller's transaction."""
    if isinstance(parsed, serializers.SeveralDocuments):
        split(message, parsed)
        return MessageResult(Message.Outcome.SPLIT, [], [])
    applied = apply_outdated(parsed, message) if outdated else apply(parsed, message)
    calls = ledger.record(applied.events)
    transitions.settle(message, parsed, applied.outcome, applied.notes, removes_body=applied.is_erased)
    return MessageResult(applied.outcome, applied.events, calls)


def _apply(message: Message) -> None:
    """Apply a message in one transaction; repeat it if the database aborted it, for instance for a deadlock."""
    parsed = serializers.read_message(message)
    is_in_request = message.claim == message.uid
    limit = partial(sender_timeout, database_alias(), message.received_at) if is_in_request else nullcontext

    def step() -> None:
        with limit(), write_transaction(database_alias()):
            claiming.lock(message)
            _steps(message, parsed)

    with_retries(step, is_transaction=True)


def _record_failure(message: Message, fault: Exception) -> None:
    """Record why a message was not applied, unless another process has settled it."""
    try:
        if isinstance(fault, AlreadySettled):
            raise fault
        if isinstance(fault, Unreadable):
            _settle_unreadable(message, fault)
        else:
            _postpone(message, fault)
    except AlreadySettled:
        message.status, message.outcome = Message.Status.RECEIVED, ""
        with query_timeout(database_alias()), suppress(Message.DoesNotExist):  # it was deleted in the meantime
            message.refresh_from_db(using=database_alias(), fields=["status", "outcome"])


def _settle_unreadable(message: Message, fault: Unreadable) -> None:
    """Dismiss a message that is empty or about an erased order; quarantine any other one."""
    if fault.reason == Unreadable.EMPTY:
        transitions.dismiss(message, Message.PING, error=str(fault))
    elif erased_orders.concerns_erased_order(message, fault):
        transitions.dismiss(message, Message.ERASED, removes_body=True)
    else:
        transitions.quarantine(message, fault)


def _postpone(message: Message, fault: Exception) -> None:
    """Postpone a message that failed; if it is given up and about an erased order, dismiss it."""
    report = logger.warning if isinstance(fault, DatabaseFault) else logger.error
    report("message %s could not be applied (%s); it stays open", message.pk, error_location(fault))
    # `settle` may have set these before the commit failed: the sender must not be answered "applied"
    message.status, message.outcome = Message.Status.RECEIVED, ""
    transitions.postpone(message, fault)
    if message.status == Message.Status.FAILED and erased_orders.concerns_erased_order(message):
        transitions.dismiss(message, Message.ERASED, removes_body=True, error="")
