"""A minimum interval between two runs of something in this process; `models.lock` does the same for all processes."""

from __future__ import annotations

import time
from typing import ClassVar
from weakref import WeakSet


class Throttle:
    """A pause that callers start and respect, one for each key. Only this process knows it.

    Each method is one operation on a dict, so threads need no lock; two threads may still see the same pause end.
    """

    instances: ClassVar[WeakSet[Throttle]] = WeakSet()  # a test suite starts every test without a pause

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

    def reset(self) -> None:
        """End all pauses."""
        self._ends.clear()
