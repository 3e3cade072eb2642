"""The signals that a shop can connect its receivers to, and the arguments that each one passes.

All arguments are keywords, and a receiver needs `**kwargs`, since later versions may pass more. Every business signal
passes, besides the arguments that are listed with it:

- `sender` (a model class): the class of the document, or of the row that the signal is named after
- `order` (`models.Order`): the order of the document; None only for a payment request that names no order
- `event` (`events.ReceiverEvent`): the change as it was when it happened; the documents are read fresh for each call
- `signal` (`EventSignal`): the signal itself

A receiver is called after Stock Hub has its answer, in a transaction of its own, and again with growing pauses until
it returns. It may raise `RetryLater` or `PermanentFailure`.
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
COMMON_ARGUMENTS = ("signal", "sender", "order", "event")


@dataclass(frozen=True)
class ConnectedReceiver:
    """A receiver with its identity, which is the same after a restart: the ledger stores it."""

    identity: str
    function: Callable[..., Any]
    sender: type | None
    test: bool = False

    @property
    def dotted_path(self) -> str:
        """Module and name of the function, such as `shop.stockhub_receivers.mark_delivered`."""
        return _dotted_path(self.function)


class EventSignal(Signal):
    """A signal whose receivers are recorded in the ledger by their identity.

    The identity is `dispatch_uid`, or else `module.qualname` of the function. References are never weak.
    """

    def __init__(self, *arguments: str) -> None:
        super().__init__()
        self.name = ""
        self.arguments = (*COMMON_ARGUMENTS, *(name for name in arguments if name not in COMMON_ARGUMENTS))
        self._connected: dict[str, ConnectedReceiver] = {}

    def connect(
        self,
        receiver: Callable[..., Any],
        sender: Any = None,
        weak: bool = False,
        dispatch_uid: Any = None,
        test: bool = False,
    ) -> None:
        """Connect a function that takes `**kwargs`.

        Args:
            receiver: the function.
            sender: a model class, to receive only what is sent by that class.
            weak: ignored; references are never weak.
            dispatch_uid: the identity of the receiver; keep it when the function is renamed or moved.
            test: also receive events of the account "test" (`event.is_test`).

        Raises:
            ReceiverRefused: the function is async, takes no `**kwargs`, requires a parameter that the signal does
                not pass, has no identity that survives a restart (a lambda, a closure, a bound method or a
                partial without `dispatch_uid`), or another function has the same identity.
        """
        identity = _identity(receiver, dispatch_uid)
        _check_parameters(receiver, self)
        # the collation of a database may ignore case
        same = [other for other in self._connected.values() if other.identity.casefold() == identity.casefold()]
        former = next((other for other in same if other.identity != identity), self._connected.get(identity))
        if former and (former.identity != identity or former.dotted_path != _dotted_path(receiver)):
            raise ReceiverRefused(
                f"{former.dotted_path} is already connected to {self.name or 'this signal'} as {identity!r}, "
                f"so {_dotted_path(receiver)} would never be called: give it a dispatch_uid of its own."
            )
        super().connect(receiver, sender=sender, weak=False, dispatch_uid=identity)
        self._connected[identity] = ConnectedReceiver(identity, receiver, sender, test)

    def disconnect(self, receiver: Any = None, sender: Any = None, dispatch_uid: Any = None) -> bool:
        """Disconnect by function or by `dispatch_uid`; pending calls of the receiver stay pending."""
        identity = _identity(receiver, dispatch_uid) if receiver else str(dispatch_uid)
        self._connected.pop(identity, None)
        return super().disconnect(receiver, sender=sender, dispatch_uid=identity)

    def connected(self, sender: type | None = None, *, is_test: bool = False) -> Iterator[ConnectedReceiver]:
        """Yield the receivers for `sender` (None: all of them), in the order in which they were connected.

        With `is_test`, yield only receivers that were connected with `test=True`.
        """
        for receiver in self._connected.values():
            if is_test and not receiver.test:
                continue
            if sender is None or receiver.sender is None or receiver.sender is sender:
                yield receiver

    def identities(self) -> KeysView[str]:
        """Return the identities of the connected receivers."""
        return self._connected.keys()

    def find(self, identity: str) -> ConnectedReceiver | None:
        """Return the receiver with this identity, None if it is not connected in this process."""
        return self._connected.get(identity)


def _dotted_path(receiver: Callable[..., Any]) -> str:
    return f"{getattr(receiver, '__module__', '?')}.{getattr(receiver, '__qualname__', repr(receiver))}"


def _identity(receiver: Callable[..., Any], dispatch_uid: object) -> str:
    path = _dotted_path(receiver)
    if not callable(receiver):
        raise ReceiverRefused(f"{receiver!r} cannot be called: connect a function.")
    if any(map(inspect.iscoroutinefunction, (receiver, type(receiver).__call__))):
        raise ReceiverRefused(
            f"{path} is async: connect a plain function. It runs in a transaction, which async code cannot share."
        )
    if not func_accepts_kwargs(receiver):
        raise ReceiverRefused(f"{path} does not accept **kwargs: add it, later versions pass more arguments.")
    identity = str(dispatch_uid) if dispatch_uid else path
    has_no_lasting_name = (
        isinstance(receiver, partial)
        or inspect.ismethod(receiver)
        or not hasattr(receiver, "__qualname__")
        or "<" in receiver.__qualname__
    )
    if has_no_lasting_name and not dispatch_uid:
        raise ReceiverRefused(
            f"{path} has no name that survives a restart, so a failed call could not be retried: "
            "give it a dispatch_uid, or connect a function of a module."
        )
    if len(identity) > IDENTITY_LENGTH:
        raise ReceiverRefused(f"{identity[:40]!r}… is longer than {IDENTITY_LENGTH} characters: shorten it.")
    return identity


def _check_parameters(receiver: Callable[..., Any], signal: EventSignal) -> None:
    """Refuse a receiver that requires parameters which the signal does not pass, or passes only by name."""
    required = [
        parameter
        for parameter in inspect.signature(receiver).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    name, passed = signal.name or "this signal", ", ".join(signal.arguments)
    if unknown := [parameter.name for parameter in required if parameter.name not in signal.arguments]:
        raise ReceiverRefused(
            f"{_dotted_path(receiver)} requires {', '.join(unknown)}, which {name} does not pass. It passes {passed}: "
            "use one of these names, or give the parameter a default."
        )
    if positional := [parameter.name for parameter in required if parameter.kind is parameter.POSITIONAL_ONLY]:
        raise ReceiverRefused(
            f"{_dotted_path(receiver)} takes {', '.join(positional)} by position only, but {name} passes all "
            "arguments by name: remove the / from its parameters."
        )
    if isinstance(receiver, partial):
        # an argument bound by position and passed by name again would be a TypeError at each call
        bound = list(inspect.signature(receiver.func).parameters)[: len(receiver.args)]
        if twice := [parameter for parameter in bound if parameter in signal.arguments]:
            raise ReceiverRefused(
                f"{_dotted_path(receiver)} binds {', '.join(twice)} by position, but {name} passes that by name."
            )


order_created = EventSignal("order")
"""An order was received for the first time; a stub, known only from its children, is silent until then.

Arguments:
    order (Order): the order.
"""

order_status_changed = EventSignal("order", "old_status", "new_status")
"""The status of an order changed after its creation.

Arguments:
    order (Order): the order.
    old_status (str | None): the status before.
    new_status (str | None): the status now.
"""

order_updated = EventSignal("order")
"""A message had any effect on an order or its lines after its creation.

It follows the specific signals of the same message, with all changes in `event.changes`: connect one or the other.

Arguments:
    order (Order): the order.
"""

shipment_created = EventSignal("shipment")
"""A shipment was received for the first time.

Arguments:
    shipment (Shipment): the shipment.
    order (Order): its order, which may be a stub.
"""

shipment_status_changed = EventSignal("shipment", "old_status", "new_status")
"""The status of a shipment changed after its creation.

Arguments:
    shipment (Shipment): the shipment.
    order (Order): its order, which may be a stub.
    old_status (str | None): the status before.
    new_status (str | None): the status now.
"""

shipment_updated = EventSignal("shipment")
"""A message had any effect on a shipment, its lines or its tracks after its creation.

It follows the specific signals of the same message, with all changes in `event.changes`: connect one or the other.

Arguments:
    shipment (Shipment): the shipment.
    order (Order): its order, which may be a stub.
"""

shipment_delivered = EventSignal("shipment")
"""A shipment has the status DELIVERED or a `delivered_at` for the first time, at its creation too.

Arguments:
    shipment (Shipment): the shipment.
    order (Order): its order, which may be a stub.
"""

track_added = EventSignal("track", "shipment", "rma")
"""A tracking number was added to a shipment or to a return, at its creation too.

Arguments:
    track (Track): the tracking number with its carrier.
    shipment (Shipment | None): the shipment; None for the track of a return.
    rma (RMA | None): the return; None for the track of a shipment.
    order (Order): its order, which may be a stub.
"""

invoice_created = EventSignal("invoice")
"""An invoice was received for the first time.

Arguments:
    invoice (Invoice): the invoice.
    order (Order): its order, which may be a stub.
"""

invoice_updated = EventSignal("invoice")
"""A message had any effect on an invoice or its lines after its creation.

Arguments:
    invoice (Invoice): the invoice.
    order (Order): its order, which may be a stub.
"""

rma_created = EventSignal("rma")
"""A return was received for the first time.

Arguments:
    rma (RMA): the return.
    order (Order): its order, which may be a stub.
"""

rma_status_changed = EventSignal("rma", "old_status", "new_status")
"""The status of a return changed after its creation.

Arguments:
    rma (RMA): the return.
    order (Order): its order, which may be a stub.
    old_status (str | None): the status before.
    new_status (str | None): the status now.
"""

rma_updated = EventSignal("rma")
"""A message had any effect on a return, its items or its tracks after its creation.

It follows the specific signals of the same message, with all changes in `event.changes`: connect one or the other.

Arguments:
    rma (RMA): the return.
    order (Order): its order, which may be a stub.
"""

rma_item_status_changed = EventSignal("rma_item", "rma", "old_status", "new_status")
"""The status of an item of a return changed after the item's creation.

Arguments:
    rma_item (RMAItem): the item.
    rma (RMA): its return.
    order (Order): its order, which may be a stub.
    old_status (str | None): the status before.
    new_status (str | None): the status now.
"""

credit_memo_created = EventSignal("credit_memo")
"""A credit memo was received for the first time.

Arguments:
    credit_memo (CreditMemo): the credit memo.
    order (Order): its order, which may be a stub.
"""

credit_memo_updated = EventSignal("credit_memo")
"""A message had any effect on a credit memo or its lines after its creation.

Arguments:
    credit_memo (CreditMemo): the credit memo.
    order (Order): its order, which may be a stub.
"""

payment_requested = EventSignal("payment_request")
"""A payment request was received for the first time.

Arguments:
    payment_request (PaymentRequest): the request.
    order (Order | None): its order, which may be a stub; None if the request names no order.
"""

event_recorded = EventSignal()
"""Any event, besides its own signal; the sender is `models.Event`.

The arguments of the event's own signal are in `**kwargs`: only those that every signal passes can be required.

Arguments:
    order (Order | None): the order; None for a payment request that names no order.
"""

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

# Operational signals are Django's own, sent in the process where the fact occurs, and robustly, so that no receiver can
# make the work fail. Some are sent while Stock Hub waits for its answer: keep their receivers quick.

message_received = Signal()
"""A message was stored.

Arguments:
    sender (type[Message]): the model.
    message (Message): the message, not parsed yet.
"""

message_processed = Signal()
"""An attempt to apply a message has ended; not sent for a replay.

Arguments:
    sender (type[Message]): the model.
    message (Message): the message; `status` and `outcome` have the result.
    seconds (float): duration of the attempt.
"""

message_quarantined = Signal()
"""A message was stored, but cannot be applied as it is.

Arguments:
    sender (type[Message]): the model.
    message (Message): the message.
    reason (str): a key of `exceptions.Unreadable.REASONS`.
"""

delivery_answered = Signal()
"""A delivery was answered, whatever the answer is.

Arguments:
    sender (type[Message]): the model.
    topic (str): topic of the URL; "" at the shared URL.
    status (int): HTTP status of the answer.
    seconds (float): time that Stock Hub waited for the answer.
"""

receiver_called = Signal()
"""A receiver was called.

Arguments:
    sender (type[ReceiverCall]): the model.
    call (ReceiverCall): the call; `status` has the result: done, given up, or pending if it will be called again.
        `cause` is "" unless the receiver failed.
    seconds (float): duration of the call.
"""

receiver_failed = Signal()
"""A receiver raised an error and will be called again.

Arguments:
    sender (type[ReceiverCall]): the model.
    call (ReceiverCall): the call.
    error (Exception): the error.
"""

receiver_gave_up = Signal()
"""A receiver call was given up: it failed too often, or raised `PermanentFailure`.

Arguments:
    sender (type[ReceiverCall]): the model.
    call (ReceiverCall): the call.
    reason (str): the reason.
"""

silence_detected = Signal()
"""No message came in for `SILENCE_AFTER_HOURS`; sent once, in the process that noticed it, until a message comes in.

Arguments:
    sender (type[Message]): the model.
    last_received_at (datetime): time of the last message, aware.
    open_hours (float): opening hours since then.
"""

backlog_detected = Signal()
"""Work is due for 15 minutes and not done; sent once, in the process that noticed it, until the work is done.

Arguments:
    sender (type[Message]): the model.
    count (int): number of messages, receiver calls and spool files that are late.
    oldest_due_at (datetime): when the oldest of them was due, aware.
"""
