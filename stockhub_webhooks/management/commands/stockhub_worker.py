"""The command `stockhub_worker`."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import CommandError
from django.db import Error as DatabaseError

from stockhub_webhooks.exceptions import WorkerStopped
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.operations.health.alarm_thread import ALARM_THREAD
from stockhub_webhooks.operations.worker import Worker


class Command(SafeCommand):
    """Applies open messages and makes due receiver calls. Prints nothing if all is well."""

    requires_system_checks = []  # otherwise cron would mail each warning at each run
    help = "Apply open messages and call the shop's receivers that are due, once (from cron) or for ever."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define `--once` and `--max-seconds`."""
        parser.add_argument("--once", action="store_true", help="do all work that is due now, then end")
        parser.add_argument("--max-seconds", type=float, metavar="N", help="end after N seconds at the latest")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the worker. The first SIGTERM or SIGINT stops it after the current step, the second at once."""
        worker = Worker(max_seconds=options["max_seconds"])

        def stop(number: int, frame: FrameType | None) -> None:
            if worker.stop.is_set():
                raise WorkerStopped(number)
            worker.stop.set()

        numbers = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
        former = {number: signal.signal(number, stop) for number in numbers}
        try:
            if options["once"]:
                worker.once()
            else:
                worker.forever()
            ALARM_THREAD.wait(worker.stop)
        except WorkerStopped as stopped:
            (number,) = stopped.args
            raise SystemExit(128 + number) from None
        except DatabaseError as error:
            raise CommandError(f"the database does not answer: {type(error).__name__}") from error
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
