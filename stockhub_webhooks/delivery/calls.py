"""Calls the shop's receivers with what happened.

Each call runs in a transaction whose first statement marks it done: a receiver that only writes to this
database takes effect exactly once, all others at least once. One that fails touches no other.
"""

from __future__ import annotations

import inspect
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from django.db import OperationalError, transaction
from django.utils import timezone, translation

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias, is_lost
from stockhub_webhooks.delivery import host_orders, ledger
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.exceptions import (
    PermanentFailure,
    ReceiverRefused,
    RetryLater,
    TransactionLost,
    error_fingerprint,
)
from stockhub_webhooks.logs import about
from stockhub_webhooks.models import Event, Order, ReceiverCall

KEY_NAMESPACE = uuid.UUID("7f1b3f0e-8f0c-5a57-9a1e-3f1d6c1f9a52")


@dataclass(frozen=True)
class ReceiverEvent:
    """What happened, of then, as a receiver hears it.

    Attributes:
        id: the `Event`'s primary key.
        type: such as `shipment.delivered`.
        account: whose key the message came with.
        message_id: the `Message` it was found in.
        received_at: when that message came in, aware.
        occurred_at: when it happened, by the sender's clock where it says so, aware.
        api_version: the sender's `x-version` header.
        changes: field to its old and new value. Amounts are `Decimal` in the document's currency, VAT
            included, times aware. Parts are named `shipping_address.city`, `items[SKU/size].qty`,
            `tracks[number].carrier`; a part that came or went is a dict of texts against None.
        po_number: the shop's own order number, as Stock Hub knows it.
        attempt: which attempt of this receiver this is, from 1.
        is_test: whether it came with a key of the account that is reserved for tests: no customer knows of it.
        is_replay: whether the message had been applied before, or this receiver is told of a past event
            afterwards; do not mail the customer again.
        idempotency_key: the same at each attempt of this receiver for this event, to hand to services
            outside this database.
    """

    id: int
    type: str
    account: str
    message_id: int
    received_at: datetime
    occurred_at: datetime
    api_version: str
    changes: MappingProxyType[str, tuple[Any, Any]] = field(repr=False)
    po_number: str | None
    attempt: int
    is_test: bool
    is_replay: bool
    idempotency_key: str
    order: Order | None = field(repr=False)

    @cached_property
    def host_order(self) -> Any:
        """The shop's own order, as `HOST_ORDER_RESOLVER` finds it; None where it finds none, or raises."""
        answer = host_orders.ask(self.po_number, self.order)
        if self.order is not None:
            host_orders.note(self.order, self.po_number, answer)
        return answer.host_order

    def require_host_order(self, retry_seconds: float = 60) -> Any:
        """The shop's own order.

        Raises:
            RetryLater: it is not there yet: the webhook may beat the shop's own commit.
        """
        if self.host_order is None:
            reason = "the shop has no such order yet" if conf.HOST_ORDER_RESOLVER else "HOST_ORDER_RESOLVER is not set"
            raise RetryLater(retry_seconds, reason)
        return self.host_order


def deliver_due(*, until: float, stop: threading.Event | None = None, message_id: int | None = None) -> int:
    """Make the calls that are due, until there is none, the time is over or somebody says stop; how many.

    Args:
        until: on the clock of `time.monotonic`.
        stop: looked at between two calls.
        message_id: only the calls that this message caused.
    """
    told = 0
    while time.monotonic() < until and not (stop and stop.is_set()):
        before = told
        for call in ledger.claim_due(message_id=message_id):
            call_receiver(call)
            told += 1
            if time.monotonic() >= until or (stop and stop.is_set()):
                break
        if told == before:
            break
    return told


def call_receiver(call: ReceiverCall) -> None:
    """Make one call that was claimed, and write down what came of it. Never raises for what a receiver does."""
    began = time.monotonic()
    with about(message_id=call.event.message_id, event_id=call.event_id, receiver=call.receiver):
        _tell(call)
        signals.receiver_called.send_robust(ReceiverCall, call=call, seconds=time.monotonic() - began)


def _tell(call: ReceiverCall) -> None:
    called = False
    try:
        with transaction.atomic(using=database_alias()):
            if ledger.mark_done(call):
                called = True
                _call(call)
                if is_lost(database_alias()):
                    raise TransactionLost
    except OperationalError as fault:
        _unmark(call)
        if called:
            ledger.retry(call, fault)
        else:  # the database called the mark off, which is no failure of the receiver
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
    """The mark was rolled back with the receiver's transaction (or was not: then the conditions say so)."""
    call.status = ReceiverCall.Status.RUNNING


def _call(call: ReceiverCall) -> None:
    signal = signals.BY_NAME[call.signal]
    receiver = signal.find(call.receiver)
    if receiver is None:
        raise RetryLater()
    event: Event = call.event
    if event.is_test and not receiver.test:
        raise PermanentFailure(f"{call.receiver} does not hear tests any more")
    subject = subject_of(event)
    row = subject.load(event.subject_id, database_alias())
    if row is None:
        raise PermanentFailure(f"{event.type} speaks of a row that is no longer there")
    arguments = subject.arguments(row)
    if event.type.endswith(".status_changed"):
        arguments["old_status"], arguments["new_status"] = event.changes["status"]
    # not in the language and time zone of whoever's request happens to do this work
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
        raise ReceiverRefused(f"{call.receiver} returned something to await, so its work is not done: make it plain")


def event_for_receiver(call: ReceiverCall, order: Order | None) -> ReceiverEvent:
    """The event of a call, as its receiver hears it."""
    event = call.event
    message = event.message
    fact = f"{message.uid}/{event.type}/{event.increment_id}/{event.subject_id}/{call.signal}/{call.receiver}"
    return ReceiverEvent(
        id=event.pk,
        type=event.type,
        account=event.account,
        message_id=message.pk,
        received_at=message.received_at,
        occurred_at=event.occurred_at,
        api_version=message.api_version,
        changes=MappingProxyType(typed(event)),
        po_number=event.po_number or (order.po_number if order else None),
        attempt=call.attempts,
        is_test=event.is_test,
        is_replay=event.is_replay or call.is_replay,
        idempotency_key=str(uuid.uuid5(KEY_NAMESPACE, fact)),
        order=order,
    )


def typed(event: Event) -> dict[str, tuple[Any, Any]]:
    """The changes of an event in our types again: JSON has no amounts and no times."""
    subject = subject_of(event)
    return {
        name: (_typed(subject.column(name), old), _typed(subject.column(name), new))
        for name, (old, new) in event.changes.items()
    }


def _typed(column: Any, value: Any) -> Any:
    return column.to_python(value) if column is not None and isinstance(value, (str, int)) else value
