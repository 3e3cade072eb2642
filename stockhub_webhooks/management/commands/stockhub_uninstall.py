"""The command `stockhub_uninstall`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from stockhub_webhooks.exceptions import CannotUninstall
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.operations import uninstall


class Command(SafeCommand):
    """Removes all that the app has stored. Without `--remove`, says what that is."""

    help = (
        "Show all that the app has stored: tables, permissions, content types, lines of the admin's log, files. "
        "With --remove: remove it for good, before the package is removed; see docs/guides/uninstall.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define `--remove`."""
        parser.add_argument("--remove", action="store_true", help="remove everything; there is no way back")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the counts, and remove everything if that is asked for."""
        for name, number in uninstall.present().items():
            self.stdout.write(f"{name}: {number}")
        if not options["remove"]:
            for obstacle in uninstall.obstacles():
                self.stdout.write(f"in the way: {obstacle}")
            self.stdout.write("Nothing is removed. --remove removes all of it, with the tables.")
            return
        try:
            remaining = uninstall.remove()
        except CannotUninstall as error:
            raise CommandError(f"nothing is removed: {error}") from None
        for name in remaining:
            self.stdout.write(f"left: {name}")
        self.stdout.write(
            "Removed. Now remove stockhub_webhooks from INSTALLED_APPS and urls.py, before the next migrate."
        )
