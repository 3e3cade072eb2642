"""The command `stockhub_dump`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from stockhub_webhooks.contract import topics
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.operations.dates import FORMATS, parse_timestamp
from stockhub_webhooks.receiving import records


class Command(SafeCommand):
    """Writes the messages of a period to standard output as JSON lines, which `stockhub_ingest` reads."""

    writes_data = True
    help = "Write the messages of a period as JSON lines, which stockhub_ingest reads. They hold customers' data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define which messages are written."""
        parser.add_argument(
            "--since", required=True, metavar="DATETIME", help=f"received at this time or later: {FORMATS}"
        )
        parser.add_argument(
            "--until", metavar="DATETIME", help=f"received before this time; a date includes the day: {FORMATS}"
        )
        parser.add_argument("--topic", choices=topics.ALL, default="", help="only messages of this topic")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the messages."""
        try:
            since = parse_timestamp(options["since"])
            until = parse_timestamp(options["until"], end_of_day=True) if options["until"] else None
        except ValueError as error:
            raise CommandError(str(error)) from None
        for message in records.received_since(since, until, options["topic"]):
            self.stdout.write(records.to_line(message))
