"""The command `stockhub_groups`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.office import groups


class Command(SafeCommand):
    """Makes or updates the ready groups of users."""

    help = "Make or update three groups of users: office, bookkeeper and developer. Members are not changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the dry run."""
        parser.add_argument("--dry-run", action="store_true", help="show what would change, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the groups, and print what changed."""
        try:
            changes = groups.make_groups(dry_run=options["dry_run"])
        except LookupError as error:
            raise CommandError(f"{error}; install django.contrib.auth, and run migrate first") from None
        for change in changes:
            parts = [*(f"+{name}" for name in change.added), *(f"-{name}" for name in change.removed)]
            self.stdout.write(f"{change.name}{' (new)' if change.is_new else ''}: {' '.join(parts) or 'unchanged'}")
        if options["dry_run"]:
            self.stdout.write("nothing was changed")
