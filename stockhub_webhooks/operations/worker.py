"""The worker: import the spool, apply messages, record due deliveries, call receivers, continue replays.

Last, look up the shop's own orders, because no customer waits for that.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing

from django.db import Error as DatabaseFault
from django.db import close_old_connections

from stockhub_webhooks.db.connections import NOW, database_alias
from stockhub_webhooks.delivery import calls, host_orders
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Heartbeat
from stockhub_webhooks.operations import drift, replay
from stockhub_webhooks.operations.health import alarm
from stockhub_webhooks.processing import deliveries, pipeline
from stockhub_webhooks.receiving import claiming, refusals, spool_import

logger = logger_of(__name__)

FOREVER = float("inf")


def drain(until: float = FOREVER, stop: threading.Event | None = None) -> int:
    """Do due work until there is none, the time is over or `stop` is set.

    Args:
        until: end of the work, on the clock of `time.monotonic`.
        stop: event that ends the work after the current piece.

    Returns:
        The number of pieces of work: messages, receiver calls, steps of replays, look-ups, and imported files.
    """
    done = 0
    while not _is_over(until, stop):
        before = done
        done += spool_import.import_spool(until=until, stop=stop)
        with closing(claiming.claim_due()) as claims:
            for claim in claims:
                done += pipeline.process_together(claim)
                for message in claim:
                    pipeline.process(message)
                    done += 1
                    if _is_over(until, stop):
                        return done
                if _is_over(until, stop):
                    return done
        done += deliveries.record_due(until=until, stop=stop)
        done += calls.deliver_due(until=until, stop=stop)
        done += replay.continue_due(until=until, stop=stop)
        done += host_orders.look_up_due(until=until, stop=stop)
        done += drift.count_due(until=until, stop=stop)
        if done == before:
            break
    return done


def _is_over(until: float, stop: threading.Event | None) -> bool:
    return time.monotonic() >= until or bool(stop and stop.is_set())


class Worker:
    """The loop of `stockhub_worker`. A signal handler may set `stop`, which ends it after the current piece of work."""

    PAUSE_SECONDS = 1.0
    HEARTBEAT_SECONDS = 30.0
    CHECK_SECONDS = 60.0

    def __init__(self, *, max_seconds: float | None = None) -> None:
        self.stop = threading.Event()
        self.until = time.monotonic() + max_seconds if max_seconds is not None else FOREVER
        self._next_beat = 0.0
        self._next_check = 0.0

    def once(self) -> int:
        """Do all due work, and return the number of pieces of work.

        Raises:
            django.db.Error: the database does not answer.
        """
        done = 0
        while True:  # in slices with a heartbeat each, so that a worker with much work does not look dead
            self.beat()
            pause = min(self.until, time.monotonic() + self.HEARTBEAT_SECONDS)
            done += drain(pause, self.stop)
            self.check_health()
            if time.monotonic() < pause or _is_over(self.until, self.stop):
                return done

    def forever(self) -> None:
        """Do due work until stopped. If the database does not answer, keep trying."""
        while not _is_over(self.until, self.stop):
            worked = 0
            try:
                worked = self.once()
            except DatabaseFault as fault:
                logger.warning(
                    "the database does not answer (%s); the worker tries again in a second", type(fault).__name__
                )
            except Exception as fault:
                logger.error("unexpected error (%s); the work stays due", error_location(fault))
            close_old_connections()
            if not worked:
                self.stop.wait(min(self.PAUSE_SECONDS, max(self.until - time.monotonic(), 0)))

    def beat(self) -> None:
        """Write the heartbeat, at most every `HEARTBEAT_SECONDS`."""
        if time.monotonic() < self._next_beat:
            return
        using = database_alias()
        beats = Heartbeat.objects.using(using).filter(name="worker")
        if not beats.update(beat_at=NOW):
            Heartbeat.objects.using(using).bulk_create([Heartbeat(name="worker", beat_at=NOW)], ignore_conflicts=True)
        self._next_beat = time.monotonic() + self.HEARTBEAT_SECONDS

    def check_health(self) -> None:
        """Run the health check and delete expired refusals, at most every `CHECK_SECONDS`."""
        if time.monotonic() >= self._next_check:
            alarm.check()
            refusals.forget()
            self._next_check = time.monotonic() + self.CHECK_SECONDS
