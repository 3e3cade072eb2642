"""Supervision of the worker: the shop's code may never return without stopping other work.

The loop of the worker runs in a thread. If one of its steps, such as the call of a receiver, takes longer than
`RECEIVER_ALARM_SECONDS`, another loop begins in another thread, and the first one is left alone: the transaction of its
step holds its row, so no other process does the same work. If the step ever returns, its loop ends.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

from django.db import Error as DatabaseFault
from django.db import connections

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import database_alias, in_these_schemas
from stockhub_webhooks.exceptions import StockHubError, own_place
from stockhub_webhooks.logs import logger_of

logger = logger_of(__name__)

LOOK_SECONDS = 0.2
MAX_HANGING = 3  # steps that hang before the process ends; on SQLite one, since its transaction blocks all others


class WorkerHangs(StockHubError):
    """Too many steps of the worker do not return, so the process should end and be started again."""


class StopEvent(threading.Event):
    """The event that ends one loop after its current step. The loop asks it between two steps."""

    def __init__(self, of_process: threading.Event) -> None:
        super().__init__()
        self._of_process = of_process
        self.step_began = time.monotonic()

    def is_set(self) -> bool:
        """Return True if this loop or the whole process is to end."""
        self.step_began = time.monotonic()
        return super().is_set() or self._of_process.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the process is to end, for `timeout` seconds at most."""
        self.step_began = float("inf")  # a pause is no step
        self._of_process.wait(timeout)
        return self.is_set()


class _Loop:
    """A loop of the worker in a thread of its own."""

    def __init__(self, work: Callable[[threading.Event], object], stop: threading.Event) -> None:
        self.stop = StopEvent(stop)
        self.error: BaseException | None = None
        self._work = work
        self.thread = threading.Thread(target=in_these_schemas(self._run), name="stockhub-worker", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._work(self.stop)
        except BaseException as error:  # raised again in the main thread
            self.error = error
        finally:
            connections.close_all()

    @property
    def hangs(self) -> bool:
        """True if the current step takes too long."""
        return self.thread.is_alive() and time.monotonic() - self.stop.step_began > conf.RECEIVER_ALARM_SECONDS

    @property
    def place(self) -> str:
        """Where in the shop's code the thread is, for logs."""
        frame = sys._current_frames().get(self.thread.ident or 0)
        return own_place(frame) if frame else "?"


def supervise(
    work: Callable[[threading.Event], object],
    *,
    stop: threading.Event,
    until: float,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Run the work in a thread until it returns; if a step of it hangs, begin anew in another thread.

    Args:
        work: gets the event that ends it after its current step.
        stop: ends all loops, for instance after a signal.
        until: when the work must be over, on the clock of `time.monotonic`. A step that hangs then ends the process.
        meanwhile: called several times a second.

    Raises:
        WorkerHangs: `MAX_HANGING` steps hang, or one that the process would have to wait for.
        BaseException: whatever the work raised.
    """
    allowed = MAX_HANGING if connections[database_alias()].features.has_select_for_update else 1
    loop = _Loop(work, stop)
    hanging = 0
    while loop.thread.is_alive():
        loop.thread.join(LOOK_SECONDS)
        meanwhile()
        if not loop.hangs:
            continue
        hanging += 1
        logger.error(
            "a step of the worker takes longer than %s seconds (at %s), step %s of %s before the process ends",
            conf.RECEIVER_ALARM_SECONDS, loop.place, hanging, allowed,
        )  # fmt: skip
        loop.stop.set()
        if hanging >= allowed or stop.is_set() or time.monotonic() >= until:
            _release_claims()
            raise WorkerHangs(f"{hanging} steps of the worker do not return, the last one is at {loop.place}")
        loop = _Loop(work, stop)
    if loop.error is not None:
        raise loop.error


def _release_claims() -> None:
    """Release what was claimed in this process and not begun."""
    try:
        leases.release_all()
    except DatabaseFault as fault:  # the leases lapse
        logger.warning("the claims of the worker were not released (%s); they lapse", type(fault).__name__)
