"""Sending of a plan from several threads, at a set rate."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from stockhub_webhooks.testing.simulator.scenarios import Plan, Queue
from stockhub_webhooks.testing.simulator.sending import DeliveryAnswer, Target, send

PROGRESS_SECONDS = 0.1


class Pace:
    """Rate limit: at most `rate` messages a second, all threads together; no limit if it is None."""

    def __init__(self, rate: float | None) -> None:
        self._pause = 1 / rate if rate else 0.0
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self, stop: threading.Event) -> bool:
        """Wait until the next message may be sent; return False if the simulation was stopped."""
        with self._lock:
            now = time.monotonic()
            at = self._next = max(self._next, now)
            self._next += self._pause
        return not stop.wait(at - now) if at > now else not stop.is_set()


class Simulation:
    """One run of a plan. `answers` grows while it runs.

    Args:
        target: the receiver.
        key: the right value of `x-api-key`.
        plan: the messages.
        concurrency: number of sending threads.
        rate: messages a second, all threads together; None for as many as possible.
    """

    def __init__(self, target: Target, key: str, plan: Plan, *, concurrency: int, rate: float | None = None) -> None:
        self.answers: list[DeliveryAnswer] = []
        self.seconds = 0.0
        self._plan = plan
        self._pace = Pace(rate)
        self._stop = threading.Event()
        self._waiting: queue.SimpleQueue[Queue] = queue.SimpleQueue()
        for messages in plan.queues:
            self._waiting.put(messages)
        self._send = partial(send, target, key)
        count = max(1, min(concurrency, len(plan.queues)))
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]

    def run(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> bool:
        """Send all messages; return False if Ctrl-C ended it.

        Args:
            on_progress: function that is called every `PROGRESS_SECONDS` with the numbers of answers and messages.
        """
        begin = time.monotonic()
        total = len(self._plan)
        for thread in self._threads:
            thread.start()
        try:
            for thread in self._threads:
                while thread.is_alive():
                    thread.join(PROGRESS_SECONDS)
                    on_progress(len(self.answers), total)
        except KeyboardInterrupt:
            self._stop.set()
            for thread in self._threads:
                thread.join()
        self.seconds = time.monotonic() - begin
        return not self._stop.is_set()

    def _work(self) -> None:
        with suppress(queue.Empty):
            while True:
                for post in self._waiting.get_nowait():
                    if not self._pace.wait(self._stop):
                        return
                    self.answers.append(self._send(post))
