"""The command `stockhub_pause`."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from stockhub_webhooks.delivery import breaker
from stockhub_webhooks.management.commands.stockhub_replay import user
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.operations.dates import FORMATS, parse_duration, parse_timestamp


class Command(SafeCommand):
    """Pauses a receiver: its calls wait and count no attempt."""

    help = "Do not call a receiver until stockhub_resume, or until a time. Its calls wait, and none is given up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the receiver, and the end of the pause."""
        parser.add_argument("receiver", metavar="RECEIVER", help="the receiver, as the admin shows it")
        parser.add_argument(
            "--until",
            metavar="DATETIME",
            help=f"end of the pause, as a duration such as 30m, 2h or 3d, or as a time: {FORMATS}",
        )
        parser.add_argument("--reason", default="", help="shown to the office")

    def handle(self, *args: Any, **options: Any) -> None:
        """Pause the receiver."""
        receiver = options["receiver"]
        check_known(receiver)
        until = end_of_pause(options["until"]) if options["until"] else None
        breaker.pause(receiver, until=until, by=f"{user()} (stockhub_pause)", reason=options["reason"])
        end = f"until {timezone.localtime(until):%Y-%m-%d %H:%M %Z}" if until else f"until stockhub_resume {receiver}"
        self.stdout.write(f"{receiver} is paused {end}; its calls wait")


def check_known(receiver: str) -> None:
    """Check that a receiver exists.

    Raises:
        CommandError: it is neither connected nor has it calls that wait; the text lists the receivers that do.
    """
    known = breaker.known_names()
    if receiver not in known:
        raise CommandError(f"there is no receiver {receiver!r}; known: {', '.join(known) or 'none'}")


def end_of_pause(until: str | datetime) -> datetime:
    """Return the end of a pause, given as a time or as a duration from now.

    Raises:
        CommandError: it is neither, or it is over.
    """
    duration = parse_duration(until) if isinstance(until, str) else None
    try:
        end = timezone.now() + duration if duration else parse_timestamp(until)
    except (ValueError, OverflowError) as error:
        raise CommandError(f"--until {error}; or a duration such as 30m, 2h or 3d") from None
    if end <= timezone.now() + timedelta(seconds=1):
        raise CommandError(f"--until {until} is over already")
    return end
