"""The event as a receiver gets it: immutable and typed."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any

from django.db import connections
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import bookings, host_orders, steps
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.exceptions import BookingRefused, PermanentFailure, RetryLater, to_seconds
from stockhub_webhooks.models import BookedPurchase, Event, Order, ReceiverCall, RMAItem, Track
from stockhub_webhooks.models.host_objects import find_host_order
from stockhub_webhooks.purchases import Purchase, purchase_of, purchase_with

LONGEST_PAUSE_SECONDS = 6 * 3600.0
KEY_NAMESPACE = uuid.UUID("7f1b3f0e-8f0c-5a57-9a1e-3f1d6c1f9a52")


@dataclass(frozen=True)
class ReceiverEvent:
    """The event that a receiver gets: the facts at the time of the message, immutable.

    Attributes:
        id: primary key of the `Event`.
        type: such as `shipment.delivered`.
        account: the account of the key that the message came with.
        message_id: primary key of the `Message`; None for a deadline that passed.
        received_at: when the message was received, aware; for a deadline, since when the condition holds.
        occurred_at: when it happened, aware: by the sender's clock if the message says so, else `received_at`.
        api_version: the `x-version` header of the message; "" for a deadline.
        changes: field name to (old value, new value). Amounts are `Decimal` in the document's currency, VAT included;
            times are aware. Parts of a document are named `shipping_address.city`, `items[SKU/size].qty` and
            `tracks[number].carrier`. For a part that was added or removed, one value is a dict of its texts and the
            other one is None.
        po_number: the shop's own order number, as Stock Hub knows it.
        attempt: the number of this attempt of the receiver, from 1.
        is_test: True if the key belongs to the account that is reserved for tests: there is no customer.
        is_replay: True if the message had been applied before, or if this receiver is called for a past event
            afterwards; do not mail the customer again.
        idempotency_key: the same at each attempt of this receiver for this event, for services outside this database.
            It does not depend on primary keys: after a restored backup the same messages give the same key.
        order: the order of the document, perhaps a stub; None if the event names no order.
        call: the receiver call.
    """

    id: int
    type: str
    account: str
    message_id: int | None
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
    call: ReceiverCall = field(repr=False, compare=False)
    lookup_fault: str = field(default="", init=False, repr=False, compare=False)  # the error of `HOST_ORDER_RESOLVER`

    @cached_property
    def host_order(self) -> Any:
        """The shop's own order, as `HOST_ORDER_RESOLVER` finds it; None if it finds none, or raises."""
        answer = find_host_order(self.po_number, self.order)
        object.__setattr__(self, "lookup_fault", answer.fault)
        if self.order is not None:
            host_orders.save_answer(self.order, self.po_number, answer)
        return answer.host_object

    @cached_property
    def purchase(self) -> Purchase | None:
        """The purchase with `po_number`, or else that of the order, read at the first access; None without both.

        No other call of this receiver reads or books the same purchase until this call is committed, so that two
        orders of one purchase are not booked from different states.
        """
        self._lock_purchase()
        purchase = purchase_of(self.po_number, self.account) if self.po_number else None
        return purchase or (purchase_with(self.order) if self.order else None)

    def require_host_order(
        self, retry_seconds: float = 60, give_up_after: float | timedelta | None = None, lock: bool = False
    ) -> Any:
        """Return the shop's own order.

        Args:
            retry_seconds: the first pause. Each further pause is as long as the event is old, up to six hours.
            give_up_after: seconds or timedelta since the message was received, after which the call is given up; None
                for never.
            lock: True to lock the row until the receiver is done, and to read it again under the lock. Without the
                lock, do not save the order: another receiver may change it at the same time.

        Raises:
            RetryLater: there is no such order yet: the webhook may arrive before the shop's own commit.
            PermanentFailure: there is no such order, and the event is older than `give_up_after`.
        """
        if lock and self.host_order is not None:
            vars(self)["host_order"] = host_orders.lock(self.host_order)
        if self.host_order is None:
            reason = "the shop has no such order yet" if conf.HOST_ORDER_RESOLVER else "HOST_ORDER_RESOLVER is not set"
            if self.lookup_fault:
                reason = f"looking for the order failed: {self.lookup_fault}"
            age = max((timezone.now() - self.received_at).total_seconds(), 0.0)
            if give_up_after is not None and age >= to_seconds(give_up_after):
                raise PermanentFailure(f"{reason}, {age:.0f} seconds after the message came in")
            if not self.po_number and self._has_number_by_now():
                raise RetryLater(0, reason)
            # waiting as long as the event is old doubles its age; a replayed message is old from the start
            raise RetryLater(max(retry_seconds, min(age, LONGEST_PAUSE_SECONDS)), reason)
        return self.host_order

    def _has_number_by_now(self) -> bool:
        """Return True if a message has named the order's number since the receiver was called."""
        rows = Order.objects.using(database_alias()).filter(po_number__gt="")
        return self.order is not None and rows.filter(pk=self.order.pk).exists()

    def book(self, key: str, pieces: Mapping[str, int]) -> Counter[str]:
        """Book the present number of pieces, and return the difference to what this receiver booked before.

        The bookings are written in the transaction of the receiver, so they are kept if and only if its other work is.
        They belong to the purchase: `po_number`, or the order if it has none. Bookings for an order move to the
        purchase if its number becomes known later.

        Args:
            key: what is counted, such as "sent"; 100 characters at most. Each receiver has keys of its own.
            pieces: all pieces until now, by `line.key`. Lines that are not named stay as they are.

        Returns:
            The lines that differ, with the new pieces, which are negative if there are fewer than before; 0 for all
            other lines. The second call with the same pieces returns an empty counter.

        Raises:
            BookingRefused: the event names no order, or our tables are on another database than `default`.

        ::

            for line in event.purchase.lines:
                new = event.book("sent", {line.key: line.sent})[line.key]
        """
        bookings.refuse_other_database()
        booked = self._lock_purchase()
        if booked is None:
            raise BookingRefused(
                f"event {self.id} ({self.type}) names neither an order nor a number of the shop, or it is not in the "
                "transaction of its receiver any more: book for events of orders, within the receiver"
            )
        if self.po_number and not booked.is_complete:
            orders = self.purchase.orders if self.purchase else [self.order] if self.order else []
            bookings.take_over(booked, [order.increment_id for order in orders])
            booked.is_complete = True
        return bookings.book(booked, key, pieces)

    def once(self, name: str, function: Callable[[], Any]) -> None:
        """Run a step of the receiver, such as a mail, once for this event, even if a later step of it fails.

        The finished step is saved together with the failure of the receiver, so that later attempts skip it. If the
        process dies before that, or the database is away, the step runs again: **at least once**. A step that raises is
        not finished.

        Use it only for effects outside this database, such as a mail or another service: what the step writes to this
        database is rolled back if the receiver fails after it, and is not written again.

        Args:
            name: the name of the step within this receiver; 100 characters at most.
            function: called without arguments; what it returns is ignored.

        Raises:
            ValueError: the name is empty, too long, or holds a null character; the step was not run.
        """
        steps.run(self.call, name, function)

    def _lock_purchase(self) -> BookedPurchase | None:
        """Lock this receiver's bookings of the purchase; None without an order, and outside of a transaction."""
        if not (self.po_number or self.order) or not connections[database_alias()].in_atomic_block:
            return None
        return self._booked_purchase

    @cached_property
    def _booked_purchase(self) -> BookedPurchase:
        increment_id = self.order.increment_id if self.order else ""
        return bookings.lock(self.call.receiver, self.account, self.po_number or "", increment_id)


def event_for_receiver(call: ReceiverCall, order: Order | None, row: Any) -> ReceiverEvent:
    """Return the event of a call for its receiver; `row` is the row that the event is about."""
    event = call.event
    message = event.message
    return ReceiverEvent(
        id=event.pk,
        type=event.type,
        account=event.account,
        message_id=event.message_id,
        received_at=event.received_at,
        occurred_at=event.occurred_at,
        api_version=message.api_version if message else "",
        changes=MappingProxyType(typed(event)),
        po_number=event.po_number or getattr(row, "po_number", None) or (order.po_number if order else None),
        attempt=call.attempts,
        is_test=event.is_test,
        is_replay=event.is_replay or call.is_replay,
        idempotency_key=idempotency_key(call, row),
        order=order,
        call=call,
    )


def idempotency_key(call: ReceiverCall, row: Any) -> str:
    """Return a key of what happened, for one receiver: which part of which document changed, how and when.

    It contains no primary key, so that it is the same after a restore. The kind, number, rule and `since` of a deadline
    are among its changes and times.
    """
    event = call.event
    part = ""
    if isinstance(row, RMAItem):
        part = row.item_id or f"{row.sku}/{row.size}/{row.position}"
    elif isinstance(row, Track):
        part = row.tracking_number
    topic = event.message.topic if event.message else ""
    fact = [event.account, topic, event.increment_id, event.type, part, event.changes]
    fact += [event.occurred_at.astimezone(dt.timezone.utc).isoformat(), call.signal, call.receiver]
    return str(uuid.uuid5(KEY_NAMESPACE, json.dumps(fact, sort_keys=True)))


def typed(event: Event) -> dict[str, tuple[Any, Any]]:
    """Return the changes of an event in the types of the model fields: JSON has no amounts and no times."""
    subject = subject_of(event)
    return {
        name: (_typed(subject.column(name), old), _typed(subject.column(name), new))
        for name, (old, new) in event.changes.items()
    }


def _typed(column: Any, value: Any) -> Any:
    return column.to_python(value) if column is not None and isinstance(value, (str, int)) else value
