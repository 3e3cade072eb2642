"""The command `stockhub_worker`."""

from __future__ import annotations

import signal
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.core.management.base import CommandError
from django.db import Error as DatabaseError

from stockhub_webhooks.conf import conf
from stockhub_webhooks.exceptions import WorkerStopped
from stockhub_webhooks.management.output import SafeCommand, database_sentence
from stockhub_webhooks.operations.health.alarm_thread import ALARM_THREAD
from stockhub_webhooks.operations.once import SLOTS, end_within, take_slot
from stockhub_webhooks.operations.supervision import WorkerHangs, supervise
from stockhub_webhooks.operations.worker import FOREVER, Worker

END_SECONDS = 5.0


class Command(SafeCommand):
    """Applies open messages and makes due receiver calls. Prints nothing if all is well."""

    requires_system_checks = []  # otherwise cron would mail each warning at each run
    help = "Apply open messages and call the shop's receivers that are due, once (from cron) or for ever."

    is_own_process = False  # and not called by other code
    runs = 0  # in this process: a command of django-tenants runs this one for each tenant

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a process of its own, which ends even if the shop's code has left threads that do not."""
        self.is_own_process = True
        Command.runs += 1
        run = Command.runs
        code: object = 0
        try:
            super().run_from_argv(argv)
        except SystemExit as end:
            code = end.code
            raise
        finally:
            seconds = END_SECONDS if code else conf.RECEIVER_ALARM_SECONDS
            end_within(seconds, code if isinstance(code, int) else 1, unless=lambda: Command.runs > run)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define `--once` and `--max-seconds`."""
        parser.add_argument("--once", action="store_true", help="do all work that is due now, then end")
        parser.add_argument("--max-seconds", type=float, metavar="N", help="end after N seconds at the latest")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the worker. The first SIGTERM or SIGINT stops it after the current step, the second at once.

        A process of its own is supervised, see `operations.supervision`. Called by other code, such as a test, the
        command works in the thread and the transaction of its caller.
        """
        seconds = options["max_seconds"]
        if seconds is not None and seconds <= 0:
            raise CommandError("--max-seconds must be more than 0")
        if not options["once"] and (self.stdout.isatty() or options["verbosity"] > 1):
            self.stdout.write("waiting for work; Ctrl-C ends it after the work in hand")
        until = FOREVER if seconds is None else time.monotonic() + seconds

        def work(stop: threading.Event) -> None:
            worker = Worker(until=until, stop=stop)
            if options["once"]:
                worker.once()
                worker.finish_pull()
            else:
                worker.forever()

        try:
            with _stopped_by_signals() as stop:
                if not self.is_own_process:
                    work(stop)
                elif options["once"]:
                    self._once(work, stop, until)
                else:
                    supervise(work, stop=stop, until=until)
                ALARM_THREAD.wait(stop)
        except WorkerStopped as stopped:
            (number,) = stopped.args
            raise SystemExit(128 + number) from None
        except DatabaseError as error:
            sentence = database_sentence(error) or f"the database does not answer: {type(error).__name__}"
            raise CommandError(sentence) from error
        except WorkerHangs as error:
            raise CommandError(f"{error}: this process ends, so that another one can be started") from error

    def _once(self, work: Callable[[threading.Event], object], stop: threading.Event, until: float) -> None:
        slot = take_slot()
        if slot is None:
            self.stdout.write(
                f"{len(SLOTS)} other processes of stockhub_worker --once are at work, so this one ends; "
                "if this goes on, see stockhub_status for receivers that take long"
            )
            return
        try:
            supervise(work, stop=stop, until=until, meanwhile=slot.renew_if_due)
        finally:
            slot.release()


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Yield an event that the first SIGTERM or SIGINT sets; the second raises `WorkerStopped`."""
    event = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if event.is_set():
            raise WorkerStopped(number)
        event.set()

    numbers = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    former = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield event
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
