"""The worker: imports the spool, applies messages, records deliveries, calls receivers, continues replays.

Last it looks for the shop's own orders, which nobody waits for.
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
from stockhub_webhooks.operations import replay
from stockhub_webhooks.operations.health import alarm
from stockhub_webhooks.processing import deliveries, pipeline
from stockhub_webhooks.receiving import journal, refusals, spool_import

logger = logger_of(__name__)

FOREVER = float("inf")


def drain(until: float = FOREVER, stop: threading.Event | None = None) -> int:
    """Do all work that is due, until there is none, the time is over or `stop` is set.

    Args:
        until: on the clock of `time.monotonic`.
        stop: looked at between two pieces of work.

    Returns:
        How many messages were taken up and calls made.
    """
    done = 0
    while not _over(until, stop):
        before = done
        done += spool_import.import_spool(until=until, stop=stop)
        with closing(journal.claim_due()) as claims:
            for claim in claims:
                done += pipeline.process_together(claim)
                for message in claim:
                    pipeline.process(message)
                    done += 1
                    if _over(until, stop):
                        return done
                if _over(until, stop):
                    return done
        done += deliveries.record_due(until=until, stop=stop)
        done += calls.deliver_due(until=until, stop=stop)
        done += replay.continue_due(until=until, stop=stop)
        done += host_orders.look_due(until=until, stop=stop)
        if done == before:
            break
    return done


def _over(until: float, stop: threading.Event | None) -> bool:
    return time.monotonic() >= until or bool(stop and stop.is_set())


class Worker:
    """The loop of `stockhub_worker`. `stop` may be set from a signal handler: it ends after the work in hand."""

    PAUSE_SECONDS = 1.0
    HEARTBEAT_SECONDS = 30.0
    LOOK_SECONDS = 60.0

    def __init__(self, *, max_seconds: float | None = None) -> None:
        self.stop = threading.Event()
        self.until = time.monotonic() + max_seconds if max_seconds is not None else FOREVER
        self._next_beat = 0.0
        self._next_look = 0.0

    def once(self) -> int:
        """Do what is due, then end.

        Raises:
            django.db.Error: the database is away.
        """
        done = 0
        while True:  # in slices, so that a long day's work does not look like a dead worker
            self.beat()
            pause = min(self.until, time.monotonic() + self.HEARTBEAT_SECONDS)
            done += drain(pause, self.stop)
            self.look()
            if time.monotonic() < pause or _over(self.until, self.stop):
                return done

    def forever(self) -> None:
        """Do what is due, and look again, until stopped. A database that is away is waited for."""
        while not _over(self.until, self.stop):
            worked = 0
            try:
                worked = self.once()
            except DatabaseFault as fault:
                logger.warning("the database does not answer (%s), trying again", type(fault).__name__)
            except Exception as fault:
                logger.error("a fault of ours (%s), the work it was at stays due", error_location(fault))
            close_old_connections()
            if not worked:
                self.stop.wait(min(self.PAUSE_SECONDS, max(self.until - time.monotonic(), 0)))

    def beat(self) -> None:
        """Leave a sign of life, now and then."""
        if time.monotonic() < self._next_beat:
            return
        using = database_alias()
        beats = Heartbeat.objects.using(using).filter(name="worker")
        if not beats.update(beat_at=NOW):
            Heartbeat.objects.using(using).bulk_create([Heartbeat(name="worker", beat_at=NOW)], ignore_conflicts=True)
        self._next_beat = time.monotonic() + self.HEARTBEAT_SECONDS

    def look(self) -> None:
        """See whether all is well, and tidy up, now and then."""
        if time.monotonic() >= self._next_look:
            alarm.check()
            refusals.forget()
            self._next_look = time.monotonic() + self.LOOK_SECONDS
