"""A signal whose receivers have a lasting identity, and the rules that a receiver must fulfil to be connected."""

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
        former = self._connected.get(identity)
        if former and former.dotted_path != _dotted_path(receiver):
            if place_of(former.function) == place_of(receiver) is not None:
                raise ReceiverRefused(
                    f"{former.dotted_path} and {_dotted_path(receiver)} are one function, whose module was imported "
                    "under two names: import it everywhere by the name that INSTALLED_APPS leads to."
                )
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


def place_of(receiver: Callable[..., Any]) -> tuple[str, str] | None:
    """Return file and qualified name of a function, whatever its module was imported as; None if it has no code."""
    code = getattr(inspect.unwrap(receiver), "__code__", None)
    return (code.co_filename, getattr(receiver, "__qualname__", "")) if code else None


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
        hint = ""
        if hasattr(receiver, "__wrapped__"):  # `inspect.signature` shows the parameters of the inner function
            hint = (
                " A parameter that a decorator supplies needs a default as well, unless the decorator sets "
                "__signature__ or does without functools.wraps."
            )
        raise ReceiverRefused(
            f"{_dotted_path(receiver)} requires {', '.join(unknown)}, which {name} does not pass. It passes {passed}: "
            f"use one of these names, or give the parameter a default.{hint}"
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
