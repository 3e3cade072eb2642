"""What the shop can listen to. One signal a fact; arguments are keywords, and `**kwargs` is required.

Every receiver of a business signal gets, besides the document under its own name (read fresh, of now):

- `sender`: the model class that the signal speaks of
- `order`: the `Order` it belongs to (None only for a payment request that names no order)
- `event`: what happened, of then (`ReceiverEvent`)

A receiver is owed each event: it is called after the sender has its answer, inside a transaction, again and
again with growing pauses until it returns. It may raise `RetryLater` or `PermanentFailure`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, KeysView
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.dispatch import Signal
from django.utils.inspect import func_accepts_kwargs

from stockhub_webhooks.exceptions import ReceiverRefused

IDENTITY_LENGTH = 255


@dataclass(frozen=True)
class Connected:
    """A receiver as the ledger knows it: by an identity that survives a restart."""

    identity: str
    function: Callable[..., Any]
    sender: type | None
    test: bool = False

    @property
    def place(self) -> str:
        """Where its function is written, such as `shop.stockhub_receivers.mark_delivered`."""
        return _place(self.function)


class EventSignal(Signal):
    """Django's signal, whose receivers have an identity that can be written down.

    The identity is `dispatch_uid`, else `module.qualname` of the function. References are never weak.
    """

    def __init__(self) -> None:
        super().__init__()
        self.name = ""
        self._connected: dict[str, Connected] = {}

    def connect(
        self,
        receiver: Callable[..., Any],
        sender: Any = None,
        weak: bool = False,
        dispatch_uid: Any = None,
        test: bool = False,
    ) -> None:
        """Connect `receiver`, a plain function that takes `**kwargs`; `weak` is ignored, it is always False.

        Only with `test=True` it hears what comes with a key of the account "test", too; `event.is_test` tells.

        Raises:
            ReceiverRefused: the function is async, takes no `**kwargs`, has no lasting identity (a lambda,
                a closure, a bound method or a partial without a `dispatch_uid`), or another function is
                connected to this signal under the same identity.
        """
        identity = _identity(receiver, dispatch_uid)
        # a database may not tell capitals apart
        same = [known for known in self._connected.values() if known.identity.casefold() == identity.casefold()]
        former = next((known for known in same if known.identity != identity), self._connected.get(identity))
        if former and (former.identity != identity or former.place != _place(receiver)):
            raise ReceiverRefused(
                f"{former.place} is already connected to {self.name or 'this signal'} as {identity!r}, "
                f"so {_place(receiver)} would never be called: give it a dispatch_uid of its own."
            )
        super().connect(receiver, sender=sender, weak=False, dispatch_uid=identity)
        self._connected[identity] = Connected(identity, receiver, sender, test)

    def disconnect(self, receiver: Any = None, sender: Any = None, dispatch_uid: Any = None) -> bool:
        """Disconnect by function or by `dispatch_uid`; what it is still owed stays pending, and is shown."""
        identity = _identity(receiver, dispatch_uid) if receiver else str(dispatch_uid)
        self._connected.pop(identity, None)
        return super().disconnect(receiver, sender=sender, dispatch_uid=identity)

    def connected(self, sender: type | None = None, *, is_test: bool = False) -> Iterator[Connected]:
        """The receivers that hear `sender`, in the order in which they were connected; all of them for None.

        Of what `is_test`, only those that were connected for it.
        """
        for receiver in self._connected.values():
            if is_test and not receiver.test:
                continue
            if sender is None or receiver.sender is None or receiver.sender is sender:
                yield receiver

    def identities(self) -> KeysView[str]:
        """By what names its receivers are known."""
        return self._connected.keys()

    def find(self, identity: str) -> Connected | None:
        """The receiver of that identity, None where this process does not know it."""
        return self._connected.get(identity)


def _place(receiver: Callable[..., Any]) -> str:
    return f"{getattr(receiver, '__module__', '?')}.{getattr(receiver, '__qualname__', repr(receiver))}"


def _identity(receiver: Callable[..., Any], dispatch_uid: object) -> str:
    place = _place(receiver)
    if not callable(receiver):
        raise ReceiverRefused(f"{receiver!r} cannot be called: connect a function.")
    if any(map(inspect.iscoroutinefunction, (receiver, type(receiver).__call__))):
        raise ReceiverRefused(
            f"{place} is async: connect a plain function. It runs in a transaction, which async code cannot share."
        )
    if not func_accepts_kwargs(receiver):
        raise ReceiverRefused(f"{place} does not accept **kwargs: add it, later versions pass more arguments.")
    if dispatch_uid:
        return _fitting(str(dispatch_uid))
    passing = (
        isinstance(receiver, partial)
        or inspect.ismethod(receiver)
        or not hasattr(receiver, "__qualname__")
        or "<" in receiver.__qualname__
    )
    if passing:
        raise ReceiverRefused(
            f"{place} has no name that lasts until the next start, so it could not be asked again: "
            "give it a dispatch_uid, or connect a function of a module."
        )
    return _fitting(place)


def _fitting(identity: str) -> str:
    if len(identity) > IDENTITY_LENGTH:
        raise ReceiverRefused(f"{identity[:40]!r}… is longer than {IDENTITY_LENGTH} characters: shorten it.")
    return identity


# order: the order itself was first heard of (a stub, known only from its children, is silent until then)
order_created = EventSignal()
# order, old_status, new_status
order_status_changed = EventSignal()
# order: any effect on the order or its lines after its creation, all changes in `event.changes`
order_updated = EventSignal()
# shipment
shipment_created = EventSignal()
# shipment, old_status, new_status
shipment_status_changed = EventSignal()
# shipment: any effect on the shipment, its lines or its tracks after its creation
shipment_updated = EventSignal()
# shipment: the first time that it is DELIVERED or has `delivered_at`, at its creation too
shipment_delivered = EventSignal()
# track, shipment, rma: each new tracking number, at creation too; one of shipment and rma is None
track_added = EventSignal()
# invoice
invoice_created = EventSignal()
# invoice: any effect after its creation
invoice_updated = EventSignal()
# rma
rma_created = EventSignal()
# rma, old_status, new_status
rma_status_changed = EventSignal()
# rma: any effect on the return, its items or its tracks after its creation
rma_updated = EventSignal()
# rma_item, rma, old_status, new_status: not at creation
rma_item_status_changed = EventSignal()
# credit_memo
credit_memo_created = EventSignal()
# credit_memo: any effect after its creation
credit_memo_updated = EventSignal()
# payment_request, order (may be None)
payment_requested = EventSignal()
# every event, besides its own signal and with the same arguments; the sender is `models.Event`
event_recorded = EventSignal()

BY_EVENT_TYPE: dict[str, EventSignal] = {
    "order.created": order_created,
    "order.status_changed": order_status_changed,
    "order.updated": order_updated,
    "shipment.created": shipment_created,
    "shipment.status_changed": shipment_status_changed,
    "shipment.updated": shipment_updated,
    "shipment.delivered": shipment_delivered,
    "track.added": track_added,
    "invoice.created": invoice_created,
    "invoice.updated": invoice_updated,
    "rma.created": rma_created,
    "rma.status_changed": rma_status_changed,
    "rma.updated": rma_updated,
    "rma_item.status_changed": rma_item_status_changed,
    "credit_memo.created": credit_memo_created,
    "credit_memo.updated": credit_memo_updated,
    "payment_request.created": payment_requested,
}

BY_NAME: dict[str, EventSignal] = {
    name: value for name, value in list(globals().items()) if isinstance(value, EventSignal)
}
for _name, _signal in BY_NAME.items():
    _signal.name = _name

# Operational signals: Django's own, sent robustly in the process where it happens, so they can fail nothing.
# They run while the sender waits: keep their receivers quick.

# message: a message is stored; the sender is `models.Message`
message_received = Signal()
# message, seconds: a message was read and applied, or not, as its status and outcome say, and how long that took; the
# sender is `models.Message`. Not for one that is processed again by hand
message_processed = Signal()
# message, reason: a message is stored but cannot be applied as it is; the sender is `models.Message`
message_quarantined = Signal()
# topic ("" at the shared address), status, seconds: a delivery has its answer, whatever it is; the sender is
# `models.Message`
delivery_answered = Signal()
# call, seconds: a receiver was called, and the call's status says what came of it (pending: it is asked again, and
# `cause` is not empty where it failed); the sender is `models.ReceiverCall`
receiver_called = Signal()
# call, error: a receiver raised, and will be asked again; the sender is `models.ReceiverCall`
receiver_failed = Signal()
# call, reason: a receiver call is given up; the sender is `models.ReceiverCall`
receiver_gave_up = Signal()
# last_received_at, open_hours: nothing came in for SILENCE_AFTER_HOURS; the sender is `models.Message`. Once, until
# a message comes in, in the process that notices
silence_detected = Signal()
# count, oldest_due_at: work is due for 15 minutes and not done; the sender is `models.Message`. Once, until it is done
backlog_detected = Signal()
