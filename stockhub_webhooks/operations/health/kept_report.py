"""The report of `health`, kept for some seconds, so that a monitor that asks often costs nothing."""

from __future__ import annotations

import time
from threading import Lock

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
        self._report: Report | None = None

    def get(self) -> Report:
        """Return the kept report, or a new one; of several threads, one collects it and the others wait for it."""
        report = self._report
        if report is not None and not self.is_due():
            return report
        with self._lock:
            if self._report is None or self.is_due():
                began = time.monotonic()
                self._report = collect_report()
                self.seconds = min(max(MIN_SECONDS, PAUSE_FACTOR * (time.monotonic() - began)), MAX_SECONDS)
                self.start()
            return self._report

    def reset(self) -> None:
        """Collect a new report next time."""
        super().reset()
        self._report = None


KEPT_REPORT = KeptReport()
