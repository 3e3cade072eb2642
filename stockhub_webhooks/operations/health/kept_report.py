"""The report of `health`, kept for some seconds, so that a monitor that asks often costs nothing."""

from __future__ import annotations

import time
from threading import Lock

from stockhub_webhooks.db.connections import database_key
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.report import Report

MIN_SECONDS = 1.0
MAX_SECONDS = 60.0
PAUSE_FACTOR = 20  # so that collecting takes a twentieth of the time at most


class KeptReport(Throttle):
    """A report that is kept for 20 times as long as it took to collect, for a second to a minute."""

    def __init__(self) -> None:
        super().__init__(MIN_SECONDS)
        self._lock = Lock()
        self._reports: dict[str, Report] = {}

    def get(self) -> Report:
        """Return the kept report, or a new one; of several threads, one collects it and the others wait for it."""
        key = database_key()
        if not self.is_due(key):
            return self._reports[key]
        with self._lock:
            if self.is_due(key):
                began = time.monotonic()
                self._reports[key] = collect_report()
                self.seconds = min(max(MIN_SECONDS, PAUSE_FACTOR * (time.monotonic() - began)), MAX_SECONDS)
                self.start(key)
            return self._reports[key]

    def reset(self) -> None:
        """Collect a new report next time."""
        super().reset()
        self._reports.clear()


KEPT_REPORT = KeptReport()
