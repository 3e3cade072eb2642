"""Time of this process: pauses between two runs of something, and the end of a slice of work.

`models.lock` has pauses for all processes.
"""

from __future__ import annotations

import time
from collections.abc import Container
from threading import Event, Lock
from typing import ClassVar
from weakref import WeakSet


def is_over(until: float, stop: Event | None) -> bool:
    """Return True if work must end.

    Args:
        until: when the work must end, on the clock of `time.monotonic`.
        stop: ends the work earlier if it is set.
    """
    return time.monotonic() >= until or bool(stop and stop.is_set())


class Throttle:
    """A pause that callers start and respect, one for each key. Only this process knows it.

    Each method is one operation on a dict, so threads need no lock; two threads may still see the same pause end.
    """

    instances: ClassVar[WeakSet[Throttle]] = WeakSet()  # for test suites, which reset them before each test

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends: dict[str, float] = {}
        self.instances.add(self)

    def is_due(self, key: str = "") -> bool:
        """Return True if no pause is running."""
        return time.monotonic() >= self._ends.get(key, float("-inf"))

    def start(self, key: str = "") -> None:
        """Start a pause, or start it anew."""
        self._ends[key] = time.monotonic() + self.seconds

    def shorten(self, seconds: float, key: str = "") -> None:
        """Let a pause end in so many seconds, unless it ends before."""
        self._ends[key] = min(self._ends.get(key, float("-inf")), time.monotonic() + seconds)

    def reset(self) -> None:
        """End all pauses."""
        self._ends.clear()


class Backoff(Throttle):
    """A pause for each key that doubles each time it is started. Only this process knows it."""

    def __init__(self, seconds: float, max_seconds: float) -> None:
        super().__init__(seconds)
        self.max_seconds = max_seconds
        self._starts: dict[str, int] = {}

    def start(self, key: str = "") -> None:
        """Start a pause, twice as long as the one before."""
        starts = self._starts.get(key, 0)
        self._ends[key] = time.monotonic() + min(self.seconds * 2.0 ** min(starts, 30), self.max_seconds)
        self._starts[key] = starts + 1

    def has_started(self, key: str = "") -> bool:
        """Return True if there was a pause of this key, running or over."""
        return key in self._starts

    def keep(self, keys: Container[str]) -> None:
        """Forget all other keys."""
        for key in [key for key in self._starts if key not in keys]:
            self._starts.pop(key, None)
            self._ends.pop(key, None)

    def reset(self) -> None:
        """Forget all keys."""
        super().reset()
        self._starts.clear()


class Tally(Throttle):
    """A counter for each key that begins anew some seconds after its first count. Only this process knows it.

    Its memory is bounded: beyond `max_keys` keys the others are counted together, as the key "".
    """

    def __init__(self, seconds: float, max_keys: int) -> None:
        super().__init__(seconds)
        self.max_keys = max_keys
        self._counts: dict[str, int] = {}
        self._lock = Lock()

    def add(self, key: str) -> tuple[str, int]:
        """Count one more; return the key that it was counted as, and its count."""
        with self._lock:
            if key not in self._ends and len(self._ends) >= self.max_keys:
                self._forget_ended()
                key = key if len(self._ends) < self.max_keys else ""
            if self.is_due(key):
                self.start(key)
                self._counts[key] = 0
            self._counts[key] += 1
            return key, self._counts[key]

    def reset(self) -> None:
        """Forget all counts."""
        with self._lock:
            super().reset()
            self._counts.clear()

    def _forget_ended(self) -> None:
        for key in [key for key in self._ends if self.is_due(key)]:
            del self._ends[key], self._counts[key]
