"""The worker: import the spool, apply messages, record due deliveries, call receivers, continue requests of users.

Last, look up the shop's own orders and bring the worklists up to date, because no customer waits for that. Once an
hour, when no work is due, remove what is past its term.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing

from django.db import Error as DatabaseFault
from django.db import close_old_connections

from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, close_connection, database_alias
from stockhub_webhooks.db.sequences import advance_if_behind
from stockhub_webhooks.db.throttle import is_over
from stockhub_webhooks.delivery import calls, host_orders
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Heartbeat, Message, ReceiverCall
from stockhub_webhooks.office.worklists import sweep
from stockhub_webhooks.operations import bulk, drift, exports, replay, search_index
from stockhub_webhooks.operations.health import alarm
from stockhub_webhooks.operations.privacy.sweep import Sweep
from stockhub_webhooks.operations.reconcile import nightly
from stockhub_webhooks.processing import due_deliveries, pipeline
from stockhub_webhooks.receiving import claiming, refusals, spool_import

logger = logger_of(__name__)

FOREVER = float("inf")
CALLS_SECONDS = 1.0  # new messages wait for the calls of others no longer than that


def drain(
    until: float = FOREVER,
    stop: threading.Event | None = None,
    *,
    in_web: bool = False,
    begin: Callable[[Message | ReceiverCall], None] | None = None,
    batch: int = claiming.BATCH,
) -> int:
    """Do due work until there is none, the time is over or `stop` is set.

    Args:
        until: end of the work, on the clock of `time.monotonic`.
        stop: event that ends the work after the current piece.
        in_web: True in a thread that serves requests, where few receiver calls run at a time.
        begin: is called before each message and receiver call; once for messages that are applied together.
        batch: the largest number of messages that are applied together.

    Returns:
        The number of pieces of work: messages, receiver calls, steps of requests, look-ups, and imported files.
    """
    done = 0
    while not is_over(until, stop):
        before = done
        done += spool_import.import_spool(until=until, stop=stop)
        with closing(claiming.claim_due(batch)) as claims:
            for claim in claims:
                if begin:
                    begin(claim.rows[0])
                done += pipeline.process_together(claim, stop)
                if done > before and is_over(until, stop):
                    return done
                for message in claim:
                    if begin:
                        begin(message)
                    pipeline.process(message)
                    done += 1
                    if is_over(until, stop):
                        return done
                if is_over(until, stop):
                    return done
        done += due_deliveries.record_due(until=until, stop=stop)
        calls_until = min(until, time.monotonic() + CALLS_SECONDS)
        done += calls.deliver_due(until=calls_until, stop=stop, in_web=in_web, begin=begin)
        done += replay.continue_due(until=until, stop=stop)
        done += bulk.continue_due(until=until, stop=stop)
        done += exports.continue_due(until=until, stop=stop)
        done += host_orders.look_up_due(until=until, stop=stop, in_web=in_web)
        done += drift.count_due(until=until, stop=stop)
        done += search_index.index_due(until=until, stop=stop)
        done += sweep.update_due(until=until, stop=stop, in_web=in_web)
        if done == before:
            break
    return done


class Worker:
    """The loop of `stockhub_worker`. A signal handler may set `stop`, which ends it after the current step."""

    PAUSE_SECONDS = 1.0
    HEARTBEAT_SECONDS = 30.0
    CHECK_SECONDS = 60.0

    def __init__(self, *, until: float = FOREVER, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()
        self.until = until
        self.sweep = Sweep()
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
            if is_over(self.until, self.stop):
                self.sweep.leave()
                return done
            if time.monotonic() < pause and not self.sweep.step(self.stop):
                return done

    def forever(self) -> None:
        """Do due work until stopped. If the database does not answer, keep trying."""
        while not is_over(self.until, self.stop):
            worked = 0
            try:
                worked = self.once()
            except DatabaseFault as fault:
                logger.warning(
                    "the database does not answer (%s); the worker tries again in a second", type(fault).__name__
                )
                close_connection(database_alias())  # a receiver may have changed the session
            except Exception as fault:
                logger.error("unexpected error (%s); the work stays due", error_location(fault))
            close_old_connections()
            if not worked:
                self.stop.wait(min(self.PAUSE_SECONDS, max(self.until - time.monotonic(), 0)))

    def finish_pull(self) -> None:
        """Work on until the run that fetches what is missing has ended; it has a thread of its own."""
        while nightly.PULL_THREAD.is_running() and not is_over(self.until, self.stop):
            if not self.once():
                self.stop.wait(min(self.PAUSE_SECONDS, max(self.until - time.monotonic(), 0)))

    def beat(self) -> None:
        """Write the heartbeat, at most every `HEARTBEAT_SECONDS`."""
        if time.monotonic() < self._next_beat:
            return
        using = database_alias()
        beats = Heartbeat.objects.using(using).filter(name="worker")
        # a transaction of others that holds the row stops no work
        if not leases.update_unlocked(beats, beat_at=NOW) and not beats.exists():
            Heartbeat.objects.using(using).bulk_create([Heartbeat(name="worker", beat_at=NOW)], ignore_conflicts=True)
        self._next_beat = time.monotonic() + self.HEARTBEAT_SECONDS

    def check_health(self) -> None:
        """Check the health, delete what expired, and fetch what is missing, at most every `CHECK_SECONDS`."""
        if time.monotonic() >= self._next_check:
            advance_if_behind(database_alias())
            alarm.check()
            refusals.delete_expired()
            exports.forget()
            nightly.start_due(self.stop)
            self._next_check = time.monotonic() + self.CHECK_SECONDS
