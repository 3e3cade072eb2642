"""Calls of the shop's receivers.

Each call runs in a transaction whose first statement marks it as done: a receiver that writes only to this database
takes effect exactly once, any other receiver at least once. A failing receiver does not affect other receivers.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable

from django.db import OperationalError, transaction
from django.utils import timezone, translation

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias, is_lost
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.delivery.receiver_event import event_for_receiver
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.exceptions import (
    PermanentFailure,
    ReceiverRefused,
    RetryLater,
    TransactionLost,
    error_fingerprint,
)
from stockhub_webhooks.logs import about
from stockhub_webhooks.models import Event, ReceiverCall


def deliver_due(
    *,
    until: float,
    stop: threading.Event | None = None,
    message_id: int | None = None,
    begin: Callable[[ReceiverCall], None] | None = None,
) -> int:
    """Make the due calls until there are none, the time is over or `stop` is set; return their number.

    Args:
        until: end, on the clock of `time.monotonic`.
        stop: checked between two calls.
        message_id: make only the calls that this message caused.
        begin: is called before each call.
    """
    made = 0
    while time.monotonic() < until and not (stop and stop.is_set()):
        before = made
        for call in ledger.claim_due(message_id=message_id):
            if begin:
                begin(call)
            call_receiver(call)
            made += 1
            if time.monotonic() >= until or (stop and stop.is_set()):
                break
        if made == before:
            break
    return made


def call_receiver(call: ReceiverCall) -> None:
    """Make a claimed call and record its result. Never raises for a failure of the receiver."""
    began = time.monotonic()
    with about(message_id=call.event.message_id, event_id=call.event_id, receiver=call.receiver):
        _attempt(call)
        signals.receiver_called.send_robust(ReceiverCall, call=call, seconds=time.monotonic() - began)


def _attempt(call: ReceiverCall) -> None:
    was_called = False
    try:
        with transaction.atomic(using=database_alias()):
            if ledger.mark_done(call):
                was_called = True
                _call(call)
                if is_lost(database_alias()):
                    raise TransactionLost
    except OperationalError as fault:
        _unmark(call)
        if was_called:
            ledger.retry(call, fault)
        else:  # the database aborted the mark, which is no failure of the receiver
            ledger.retry_later(call, 1, str(fault))
    except RetryLater as later:
        _unmark(call)
        ledger.retry_later(call, later.seconds, str(later))
    except PermanentFailure as failure:
        _unmark(call)
        ledger.give_up(call, failure.reason, error_fingerprint(failure))
    except Exception as error:
        _unmark(call)
        ledger.retry(call, error)


def _unmark(call: ReceiverCall) -> None:
    """Reset the status in memory: the mark was rolled back with the receiver's transaction."""
    call.status = ReceiverCall.Status.RUNNING


def _call(call: ReceiverCall) -> None:
    signal = signals.BY_NAME[call.signal]
    receiver = signal.find(call.receiver)
    if receiver is None:
        raise RetryLater()
    event: Event = call.event
    if event.is_test and not receiver.test:
        raise PermanentFailure(f"{call.receiver} does not accept tests any more")
    subject = subject_of(event)
    row = subject.load(event.subject_id, database_alias())
    if row is None:
        raise PermanentFailure(f"the row that {event.type} is about was deleted")
    arguments = subject.arguments(row)
    if event.type.endswith(".status_changed"):
        arguments["old_status"], arguments["new_status"] = event.changes["status"]
    # not in the language and time zone of the request that happens to do this work
    with translation.override(conf.language()), timezone.override(None):
        result = receiver.function(
            signal=signal,
            sender=Event if signal is signals.event_recorded else subject.model,
            event=event_for_receiver(call, arguments["order"]),
            **arguments,
        )
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise ReceiverRefused(f"{call.receiver} returned an awaitable, so its work is not done: make it plain")
