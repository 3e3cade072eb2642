"""The command `stockhub_resume`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from stockhub_webhooks import runners
from stockhub_webhooks.delivery import breaker
from stockhub_webhooks.management.commands.stockhub_pause import check_known
from stockhub_webhooks.management.output import SafeCommand


class Command(SafeCommand):
    """Ends the pause of a receiver, and closes its breaker if its service was away."""

    help = "Call a receiver again that is paused or away; all its waiting calls are due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the receiver."""
        parser.add_argument("receiver", metavar="RECEIVER", help="the receiver, as the admin shows it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Resume the receiver."""
        receiver = options["receiver"]
        if breaker.resume(receiver):
            runners.current().wake()
            self.stdout.write(f"{receiver} is resumed; its waiting calls are due")
            return
        check_known(receiver)
        self.stdout.write(f"{receiver} was neither paused nor away")
