"""The command `stockhub_ingest`."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.core.management.base import CommandError
from django.db import DataError
from django.db import Error as DatabaseFault
from django.utils import timezone

from stockhub_webhooks import runners
from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.management.output import SafeCommand, database_sentence
from stockhub_webhooks.operations import worker
from stockhub_webhooks.operations.dates import FORMATS, parse_timestamp
from stockhub_webhooks.receiving import ingest, journal_copy
from stockhub_webhooks.serializers.times import CLOCK_TOLERANCE

PROGRESS_EVERY = 100
SLICE_SECONDS = 5.0


class Command(SafeCommand):
    """Stores the messages of files, wakes the runner, and reports the result of each by file and line."""

    help = (
        "Store and apply messages from files, as if Stock Hub had sent them: JSON (one body, or a list of bodies), "
        "JSON lines (one body on each line, or the output of stockhub_dump) or spool files. Messages that are stored "
        "already are skipped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the files, and the values for bodies without their own."""
        parser.add_argument(
            "files",
            nargs="+",
            metavar="FILE",
            help="- is standard input; a directory is one of JOURNAL_COPY_DIR, whose messages are taken in the "
            "sequence of their receipt",
        )
        parser.add_argument(
            "--topic", choices=topics.ALL, default="", help="topic of bare bodies (default: recognised by their fields)"
        )
        parser.add_argument("--account", default="", help="account of bare bodies; required if there are several")
        parser.add_argument(
            "--received-at",
            metavar="DATETIME",
            help=f"time of receipt of bare bodies, not in the future (default: now): {FORMATS}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Store the messages, have them applied, and print what became of each, and the counts."""
        try:
            account = conf.account(options["account"])
            received_at = parse_timestamp(options["received_at"]) if options["received_at"] else None
        except ValueError as error:
            raise CommandError(str(error)) from error
        if received_at and received_at > timezone.now() + CLOCK_TOLERANCE:
            # such a message would count as newer than all that follow
            raise CommandError(f"--received-at is in the future ({received_at.isoformat()}): nothing was stored")
        self.taken: list[tuple[str, UUID]] = []
        intake = ingest.Intake(account, options["topic"], received_at)
        try:
            bad = sum(self.take(name, intake) for name in options["files"])
        except DatabaseFault as fault:
            sentence = database_sentence(fault) or f"the database does not take it ({type(fault).__name__})"
            raise CommandError(
                f"{sentence}. stored: {intake.stored}. "
                "Run the command again later with the same files: nothing is applied twice."
            ) from fault
        uids = [uid for _place, uid in self.taken]
        self.process(uids)
        for (place, _uid), result in zip(self.taken, ingest.results(uids), strict=True):
            self.stdout.write(f"{place}: {result}")
        self.stdout.write(f"stored: {intake.stored}, known: {intake.known}, bad: {bad}")
        if "-" in options["files"] and not (bad or intake.stored or intake.known):
            raise CommandError("standard input was empty: there was nothing to send, or the command that sends failed")
        if bad:
            raise CommandError("some entries were not stored, see the errors above; all others were stored")

    def process(self, uids: list[UUID]) -> None:
        """Wake the runner; if it applies messages in requests, which share slices of time, work here without them."""
        runner = runners.current()
        runner.wake()
        due = ingest.count_due(uids) if runner.applies_in_request else 0
        while due:
            worker.drain(time.monotonic() + SLICE_SECONDS)
            before, due = due, ingest.count_due(uids)
            if due >= before:
                break

    def take(self, name: str, intake: ingest.Intake) -> int:
        """Store the messages of one file; return the number of errors."""
        bad = count = 0
        try:
            for count, (path, entry) in enumerate(entries_of(name), start=1):
                fault = entry.fault or self.fault_of(entry, intake, f"{path}:{entry.line}")
                if fault:
                    bad += 1
                    self.stderr.write(f"{path}:{entry.line}: {fault}")
                self.progress(name, count)
            if not count:
                self.stdout.write(f"{name}: there is no message in it")
        except OSError as error:
            self.stderr.write(f"{name}: cannot be read: {error.strerror}")
            bad += 1
        return bad

    def fault_of(self, entry: ingest.FileEntry, intake: ingest.Intake, place: str) -> str:
        """Store one message; return the error, "" if it was stored."""
        try:
            self.taken.append((place, intake.take(entry.text)))
        except Unreadable as why:
            return f"{Unreadable.REASONS[why.reason]} ({why.detail}.)"
        except (ValueError, DataError) as error:
            return str(error) if isinstance(error, ValueError) else "the database does not take it"
        return ""

    def progress(self, name: str, count: int) -> None:
        """Print a counter on a terminal."""
        if self.stderr.isatty() and count % PROGRESS_EVERY == 0:
            self.stderr.write(f"{name}: {count}", ending="\r")


def entries_of(name: str) -> Iterator[tuple[str, ingest.FileEntry]]:
    """Yield the entries of a file, or of the files of a directory, each with the name of its file."""
    if name != "-" and Path(name).is_dir():
        yield from ingest.merged({str(path): path for path in journal_copy.files(Path(name))})
        return
    with opened(name) as file:
        for entry in ingest.entries(file):
            yield name, entry


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """Open a file, or standard input for "-"."""
    if name == "-":
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file
