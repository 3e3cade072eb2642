"""The command `stockhub_prune`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import CommandError
from django.db import Error as DatabaseError

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.operations import prune


class Command(SafeCommand):
    """Removes all rows of the account that is reserved for tests."""

    help = 'Remove all messages, documents, changes and tasks of the account "test". What is real is never touched.'

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the account, `--dry-run` and `--no-input`."""
        parser.add_argument("--account", required=True, help=f'only "{TEST_ACCOUNT}" can be removed')
        parser.add_argument("--dry-run", action="store_true", help="show the numbers, remove nothing")
        parser.add_argument(
            "--no-input", "--noinput", "--yes", action="store_false", dest="interactive", help="do not ask"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the counts, ask for confirmation, and remove the rows."""
        account = options["account"]
        if account != TEST_ACCOUNT:
            raise CommandError(
                f"only the account {TEST_ACCOUNT!r} can be removed: what came with another key is real, and is kept"
            )
        counts = prune.count(account)
        self.print_counts(counts)
        if options["dry_run"]:
            self.stdout.write(f"would remove: {sum(counts.values())}")
            return
        if options["interactive"] and any(counts.values()) and input("Remove them? [y/N] ").strip().lower() != "y":
            raise CommandError("nothing is removed")
        removed: Counter[Any] = Counter()
        try:
            for model, number in prune.remove(account):
                removed[model] += number
        except DatabaseError as error:
            message = f"stopped after {removed.total()} rows ({type(error).__name__}): run it again"
            raise CommandError(message) from error
        self.stdout.write(f"removed: {removed.total()}")

    def print_counts(self, counts: dict[Any, int]) -> None:
        """Print a line for each model that has rows."""
        for model, number in counts.items():
            if number:
                self.stdout.write(f"{model._meta.verbose_name_plural}: {number}")
