"""The testing kit as one object, for the pytest fixture."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any

from django.dispatch import Signal

from stockhub_webhooks.testing import deliveries, pending, recording, samples


class Kit:
    """Value of the fixture `stockhub`. Receivers that a test connects are disconnected at its end."""

    payload = staticmethod(samples.payload)
    life = staticmethod(samples.life)
    deliver = staticmethod(deliveries.deliver)
    play = staticmethod(deliveries.play)
    run_pending = staticmethod(pending.run_pending)
    pass_deadlines = staticmethod(pending.pass_deadlines)
    replay = staticmethod(pending.replay)
    duplicate = staticmethod(samples.duplicate)
    shuffle = staticmethod(samples.shuffle)
    without_parent = staticmethod(samples.without_parent)

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Kit:
        self._stack.enter_context(recording.isolated_receivers())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def heard(self, signal: Signal) -> list[recording.RecordedCall]:
        """Record the calls of a signal until the end of the test; `run_pending` fills the list."""
        return self._stack.enter_context(recording.heard(signal))

    def only(self, *receivers: Any) -> None:
        """Keep only these receivers of the shop connected until the end of the test (`isolated_receivers`)."""
        self._stack.enter_context(recording.isolated_receivers(*receivers))
