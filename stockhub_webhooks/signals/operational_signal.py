"""A signal whose receivers cannot end the process that sends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.dispatch import Signal

from stockhub_webhooks.exceptions import must_pass


class OperationalSignal(Signal):
    """Django's signal, with `sys.exit` in a receiver as an error like any other.

    `send_robust` of Django catches `Exception` only.
    """

    def _live_receivers(self, sender: Any) -> tuple[list[Any], list[Any]]:
        plain, asynchronous = super()._live_receivers(sender)
        return [_guarded(receiver) for receiver in plain], [_guarded_async(receiver) for receiver in asynchronous]


def _guarded(receiver: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(receiver)
    def call(**arguments: Any) -> Any:
        with _exits_as_errors():
            return receiver(**arguments)

    return call


def _guarded_async(receiver: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(receiver)
    async def call(**arguments: Any) -> Any:
        with _exits_as_errors():
            return await receiver(**arguments)

    return call


@contextmanager
def _exits_as_errors() -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or must_pass(error):
            raise
        raise RuntimeError(f"the receiver raised {type(error).__name__}") from error
