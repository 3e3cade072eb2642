"""Fair shares of the working time: the receiver that has recently used the least time in this process comes next."""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import Lock

HALF_LIFE_SECONDS = 60.0  # of the time that a receiver has used
BATCH_SECONDS = 0.1  # a fast receiver waits for one batch of a slow one at most
LAST_WEIGHT = 0.5  # of the last call in the average duration


class Shares:
    """Seconds that each receiver has used, which fade with time, and the average duration of its calls."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._used: dict[str, tuple[float, float]] = {}  # seconds, and the time of that sum
        self._average: dict[str, float] = {}

    def add(self, receiver: str, seconds: float) -> None:
        """Add the duration of a call."""
        with self._lock:
            now = time.monotonic()
            self._used[receiver] = (self._used_at(receiver, now) + seconds, now)
            former = self._average.get(receiver, seconds)
            self._average[receiver] = former + LAST_WEIGHT * (seconds - former)

    def least_used(self, receivers: Iterable[str]) -> str:
        """Return the receiver that has recently used the least time; the first one of several."""
        now = time.monotonic()
        return min(receivers, key=lambda receiver: self._used_at(receiver, now))

    def batch_size(self, receiver: str, limit: int) -> int:
        """Return how many calls may be claimed together: one if the receiver is slow or was not called before."""
        average = self._average.get(receiver, BATCH_SECONDS)
        return max(1, min(limit, int(BATCH_SECONDS / max(average, 1e-6))))

    def is_slow(self, receiver: str) -> bool:
        """Return True if a call takes longer than a batch may."""
        return self._average.get(receiver, 0.0) > BATCH_SECONDS

    def reset(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._used.clear()
            self._average.clear()

    def _used_at(self, receiver: str, now: float) -> float:
        seconds, then = self._used.get(receiver, (0.0, now))
        return float(seconds * 0.5 ** ((now - then) / HALF_LIFE_SECONDS))


SHARES = Shares()
