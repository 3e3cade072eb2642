"""The command that takes away what came in as a test."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseFault

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.operations import prune


class Command(BaseCommand):
    """Removes all rows of the account that is reserved for tests."""

    help = 'Remove all messages, documents, changes and tasks of the account "test". What is real is never touched.'

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, and how sure."""
        parser.add_argument("--account", required=True, help=f'only "{TEST_ACCOUNT}" can be removed')
        parser.add_argument("--dry-run", action="store_true", help="say the numbers, remove nothing")
        parser.add_argument(
            "--no-input", "--noinput", "--yes", action="store_false", dest="interactive", help="do not ask"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what there is, ask, and remove it."""
        account = options["account"]
        if account != TEST_ACCOUNT:
            raise CommandError(
                f"only the account {TEST_ACCOUNT!r} can be removed: what came with another key is real, and is kept"
            )
        there = prune.count(account)
        self.tell(there)
        if options["dry_run"]:
            self.stdout.write(f"would remove: {sum(there.values())}")
            return
        if options["interactive"] and any(there.values()) and input("Remove them? [y/N] ").strip().lower() != "y":
            raise CommandError("nothing is removed")
        gone: Counter[Any] = Counter()
        try:
            for model, number in prune.remove(account):
                gone[model] += number
        except DatabaseFault as fault:
            message = f"stopped after {gone.total()} rows ({type(fault).__name__}): run it again"
            raise CommandError(message) from fault
        self.stdout.write(f"removed: {gone.total()}")

    def tell(self, numbers: dict[Any, int]) -> None:
        """A line a kind, without those of which there is none."""
        for model, number in numbers.items():
            if number:
                self.stdout.write(f"{model._meta.verbose_name_plural}: {number}")
