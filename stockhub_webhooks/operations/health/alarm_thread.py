"""Thread that calls the shop's alarm functions, so that one that hangs, exits or fails stops no work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.db import connections

from stockhub_webhooks.db.connections import in_these_schemas
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of

logger = logger_of(__name__)

SEND_SECONDS = 30.0
MAX_THREADS = 3  # the current one, and those that hang for good
WAIT_STEP_SECONDS = 0.1

Step = Callable[[], None]


@dataclass
class _ThreadRun:
    """A started thread, and its end by `time.monotonic`."""

    thread: threading.Thread
    until: float
    is_logged: bool = False


class AlarmThread:
    """Runs one step at a time in a daemon thread. A step that outlasts `SEND_SECONDS` is left alone."""

    def __init__(self) -> None:
        self._runs: list[_ThreadRun] = []

    def start(self, step: Step) -> None:
        """Run the step in a new thread, unless the former step is still within its time or too many threads hang."""
        if self.is_running() or len(self._runs) >= MAX_THREADS:
            logger.error("no alarm is sent now, since a former one has not returned; the next check tries again")
            return
        work = in_these_schemas(partial(self._run, step))
        thread = threading.Thread(target=work, name="stockhub-alarm", daemon=True)
        self._runs.append(_ThreadRun(thread, time.monotonic() + SEND_SECONDS))
        thread.start()

    def is_running(self) -> bool:
        """Return True if a step is running within its time; log each one that has just exceeded it."""
        self._runs = [run for run in self._runs if run.thread.is_alive()]
        for run in self._runs:
            if time.monotonic() >= run.until and not run.is_logged:
                run.is_logged = True
                logger.error(
                    "ALERT or a receiver of an alarm signal has not returned for %g seconds; it is left alone, and "
                    "ALERT is called again in an hour: give it a time-out (EMAIL_TIMEOUT)",
                    SEND_SECONDS,
                )
        return any(time.monotonic() < run.until for run in self._runs)

    def wait(self, stop: threading.Event) -> None:
        """Wait for the running step, until its time is over or `stop` is set; a daemon thread ends with its process."""
        while self.is_running() and not stop.is_set():
            self._runs[-1].thread.join(WAIT_STEP_SECONDS)

    def _run(self, step: Step) -> None:
        """Run the step, then close the database connections of this thread."""
        try:
            self.call(step)
        finally:
            connections.close_all()

    @staticmethod
    def call(step: Step) -> None:
        """Run the step; an error is logged, and so is SystemExit."""
        try:
            step()
        except BaseException as error:
            logger.error("an alarm could not be sent (%s); ALERT is called again in an hour", error_location(error))


ALARM_THREAD = AlarmThread()
