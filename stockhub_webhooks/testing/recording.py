"""Recording of signals, and the receivers that are connected while a test runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from django.dispatch import Signal

from stockhub_webhooks import signals

_numbers = itertools.count(1)


class Told(SimpleNamespace):
    """A recorded call: all arguments by their names, such as `event`, `order` and `shipment`."""

    event: Any
    order: Any
    sender: Any


@contextmanager
def heard(signal: Signal) -> Iterator[list[Told]]:
    """Record a signal as a receiver of the shop gets it; the list has its calls once `run_pending` ran.

    ::

        with heard(shipment_delivered) as told:
            deliver("shipment", status="DELIVERED")
            run_pending()
        assert told[0].shipment.is_delivered

    Operational signals, such as `message_received`, are heard at once.
    """
    told: list[Told] = []

    def listen(sender: Any, **arguments: Any) -> None:
        told.append(Told(sender=sender, **arguments))

    uid = f"{__name__}.heard.{next(_numbers)}"
    signal.connect(listen, weak=False, dispatch_uid=uid)
    try:
        yield told
    finally:
        signal.disconnect(dispatch_uid=uid)


@contextmanager
def isolated_receivers(*only: Callable[..., Any] | str) -> Iterator[None]:
    """Afterwards the receivers are those of before, whatever was connected or disconnected meanwhile.

    Also a decorator: `@isolated_receivers("shop.mark_delivered")`.

    Args:
        only: of the receivers of before, those that hear anything meanwhile: functions or their identities
            (`dispatch_uid`, else `module.qualname`). All of them where nothing is given.

    Raises:
        LookupError: a receiver that is named is not connected to any signal.
    """
    before = _snapshot()
    _require(only, before)
    for signal, known in before:
        for receiver in known:
            if only and receiver.identity not in only and receiver.function not in only:
                signal.disconnect(sender=receiver.sender, dispatch_uid=receiver.identity)
    try:
        yield
    finally:
        for signal, known in _snapshot():
            for receiver in known:
                signal.disconnect(sender=receiver.sender, dispatch_uid=receiver.identity)
        for signal, known in before:
            for receiver in known:
                signal.connect(
                    receiver.function, sender=receiver.sender, dispatch_uid=receiver.identity, test=receiver.test
                )


Snapshot = list[tuple[signals.EventSignal, list[signals.ConnectedReceiver]]]


def _snapshot() -> Snapshot:
    return [(signal, list(signal.connected())) for signal in signals.BY_NAME.values()]


def connected(*names: Callable[..., Any] | str) -> set[str]:
    """Return the identities of receivers, named by function or by identity.

    Raises:
        LookupError: one of them is not connected to any signal.
    """
    known = _snapshot()
    _require(names, known)
    return {
        receiver.identity
        for _, receivers in known
        for receiver in receivers
        if receiver.identity in names or receiver.function in names
    }


def _require(only: tuple[Callable[..., Any] | str, ...], known: Snapshot) -> None:
    every = [receiver for _, receivers in known for receiver in receivers]
    for wanted in only:
        if not any(wanted in (receiver.identity, receiver.function) for receiver in every):
            identities = ", ".join(sorted({receiver.identity for receiver in every})) or "none"
            raise LookupError(f"{wanted!r} is not a connected receiver; these are: {identities}")
