"""The command that writes messages as lines, for another server or for later."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from stockhub_webhooks.contract import topics
from stockhub_webhooks.receiving import records


def moment(given: str | datetime) -> datetime:
    """A moment from an ISO 8601 date or time; without a zone it is of the shop's own."""
    try:
        found = given if isinstance(given, datetime) else parse_datetime(given) or parse_datetime(f"{given}T00:00")
    except ValueError:
        found = None
    if found is None:
        raise ArgumentTypeError(f"{given!r} is no date or time such as 2026-01-31 or 2026-01-31T12:00:00+01:00")
    return found if timezone.is_aware(found) else timezone.make_aware(found)


class Command(BaseCommand):
    """Writes the messages of a period to standard output, one a line, as `stockhub_ingest` reads them."""

    help = "Write the messages of a period as JSON lines, which stockhub_ingest reads. They hold customers' data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which."""
        parser.add_argument("--since", type=moment, required=True, metavar="DATETIME", help="received then or later")
        parser.add_argument("--until", type=moment, metavar="DATETIME", help="received before then")
        parser.add_argument("--topic", choices=topics.ALL, default="", help="of this topic only")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write them."""
        since, until = moment(options["since"]), options["until"]  # call_command leaves them as they were given
        for message in records.received_since(since, until and moment(until), options["topic"]):
            self.stdout.write(records.to_line(message))
