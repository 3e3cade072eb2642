"""The command that takes messages from files."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DataError
from django.db import Error as DatabaseFault

from stockhub_webhooks import runners
from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.management.commands.stockhub_dump import moment
from stockhub_webhooks.receiving import ingest

PROGRESS_EVERY = 100


class Command(BaseCommand):
    """Takes messages from files, says what was wrong where, and wakes whoever does the work."""

    help = (
        "Take messages from files, as if Stock Hub had sent them: JSON (one body, or a list of bodies), JSON lines (a "
        "body a line, or what stockhub_dump wrote) or spool files. What is known already is left alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where from, and what a bare body does not say."""
        parser.add_argument("files", nargs="+", metavar="FILE", help="- is standard input")
        parser.add_argument("--topic", choices=topics.ALL, default="", help="of bare bodies; else told by their shape")
        parser.add_argument("--account", default="", help="of bare bodies, where there are several accounts")
        parser.add_argument(
            "--received-at",
            type=moment,
            metavar="DATETIME",
            help="of bare bodies: when they should have come; else now",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Take them in, and say how many."""
        try:
            account = conf.account(options["account"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        received_at = options["received_at"] and moment(options["received_at"])
        intake = ingest.Intake(account, options["topic"], received_at)
        try:
            bad = sum(self.take(name, intake) for name in options["files"])
        except DatabaseFault as fault:
            raise CommandError(
                f"the database does not answer ({type(fault).__name__}). stored: {intake.stored}. "
                "Take the same files once more later: nothing is applied twice."
            ) from fault
        self.stdout.write(f"stored: {intake.stored}, known: {intake.known}, bad: {bad}")
        runners.current().wake()
        if bad:
            raise CommandError("what was bad is told above, with file and line; the rest is taken")

    def take(self, name: str, intake: ingest.Intake) -> int:
        """Take in what is in one file; how many bad things were in it."""
        bad = 0
        try:
            with opened(name) as file:
                for count, entry in enumerate(ingest.entries(file), start=1):
                    fault = entry.fault or self.fault_of(entry, intake)
                    if fault:
                        bad += 1
                        self.stderr.write(f"{name}:{entry.line}: {fault}")
                    self.progress(name, count)
        except OSError as error:
            self.stderr.write(f"{name}: cannot be read: {error.strerror}")
            bad += 1
        return bad

    def fault_of(self, entry: ingest.Entry, intake: ingest.Intake) -> str:
        """Take one in; what is wrong with it, "" where all is well."""
        try:
            intake.take(entry.text)
        except Unreadable as why:
            return f"{Unreadable.REASONS[why.reason]} ({why.detail}.)"
        except (ValueError, DataError) as error:
            return str(error) if isinstance(error, ValueError) else "the database does not take it"
        return ""

    def progress(self, name: str, count: int) -> None:
        """On a terminal, a sign of life."""
        if self.stderr.isatty() and count % PROGRESS_EVERY == 0:
            self.stderr.write(f"\r{name}: {count}", ending="\r")


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """A file to read, standard input for "-"."""
    if name == "-":
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file
