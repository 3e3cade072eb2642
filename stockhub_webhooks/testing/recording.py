"""Recording of signals, and the receivers that are connected while a test runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from django.dispatch import Signal

from stockhub_webhooks import signals
from stockhub_webhooks.delivery.receiver_event import ReceiverEvent
from stockhub_webhooks.models import (
    RMA,
    CreditMemo,
    Document,
    Invoice,
    Message,
    Order,
    PaymentRequest,
    ReceiverCall,
    RMAItem,
    Shipment,
    Track,
)
from stockhub_webhooks.purchases import Purchase

_numbers = itertools.count(1)


class RecordedCall(SimpleNamespace):
    """Arguments of a recorded call as attributes. It has those that its signal passes (see `signals`), no others."""

    signal: signals.EventSignal
    sender: type[Any]
    event: ReceiverEvent
    order: Order
    shipment: Shipment
    track: Track
    invoice: Invoice
    rma: RMA
    rma_item: RMAItem
    credit_memo: CreditMemo
    payment_request: PaymentRequest
    document: Document | None
    rule: str
    since: datetime
    purchase: Purchase
    old_status: str | None
    new_status: str | None
    message: Message
    call: ReceiverCall


@contextmanager
def heard(signal: Signal) -> Iterator[list[RecordedCall]]:
    """Record the calls of a signal, with the arguments that a receiver of the shop gets.

    The list is filled by `run_pending`; calls of operational signals, such as `message_received`, come at once.

    ::

        with heard(shipment_delivered) as calls:
            deliver("shipment", status="DELIVERED")
            run_pending()
        assert calls[0].shipment.is_delivered
    """
    calls: list[RecordedCall] = []

    def record(sender: Any, **arguments: Any) -> None:
        calls.append(RecordedCall(sender=sender, **arguments))

    uid = f"{__name__}.heard.{next(_numbers)}"
    signal.connect(record, weak=False, dispatch_uid=uid)
    try:
        yield calls
    finally:
        signal.disconnect(dispatch_uid=uid)


@contextmanager
def isolated_receivers(*only: Callable[..., Any] | str) -> Iterator[None]:
    """Restore the connected receivers at the end, whatever the test connected or disconnected.

    Also a decorator: `@isolated_receivers("shop.mark_delivered")`.

    Args:
        only: the receivers that stay connected, as functions or identities (`dispatch_uid`, else
            `module.qualname`); all if none is given.

    Raises:
        LookupError: a receiver of `only` is not connected to any signal.
    """
    before = _snapshot()
    _require(only, before)
    for signal, receivers in before:
        for receiver in receivers:
            if only and receiver.identity not in only and receiver.function not in only:
                signal.disconnect(sender=receiver.sender, dispatch_uid=receiver.identity)
    try:
        yield
    finally:
        for signal, receivers in _snapshot():
            for receiver in receivers:
                signal.disconnect(sender=receiver.sender, dispatch_uid=receiver.identity)
        for signal, receivers in before:
            for receiver in receivers:
                signal.connect(
                    receiver.function, sender=receiver.sender, dispatch_uid=receiver.identity, test=receiver.test
                )


Snapshot = list[tuple[signals.EventSignal, list[signals.ConnectedReceiver]]]


def _snapshot() -> Snapshot:
    return [(signal, list(signal.connected())) for signal in signals.BY_NAME.values()]


def connected(*names: Callable[..., Any] | str) -> set[str]:
    """Return the identities of receivers, named by function or by identity.

    Raises:
        LookupError: one of `names` is not connected to any signal.
    """
    snapshot = _snapshot()
    _require(names, snapshot)
    return {
        receiver.identity
        for _, receivers in snapshot
        for receiver in receivers
        if receiver.identity in names or receiver.function in names
    }


def _require(names: tuple[Callable[..., Any] | str, ...], snapshot: Snapshot) -> None:
    connected_receivers = [receiver for _, receivers in snapshot for receiver in receivers]
    for name in names:
        if not any(name in (receiver.identity, receiver.function) for receiver in connected_receivers):
            identities = ", ".join(sorted({receiver.identity for receiver in connected_receivers})) or "none"
            raise LookupError(f"{name!r} is not a connected receiver; these are: {identities}")
