"""The command `stockhub_prune`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import CommandError
from django.db import Error as DatabaseError

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.management.output import SafeCommand, confirmed, database_sentence
from stockhub_webhooks.models.personal import configured_days, retention_days
from stockhub_webhooks.operations import prune
from stockhub_webhooks.operations.privacy import retention


class Command(SafeCommand):
    """Removes what is past its term, or all rows of the account that is reserved for tests."""

    help = (
        "Remove what is past its term (RETENTION_DAYS), as the worker does once an hour. "
        'With --account test: remove all messages, documents, changes and tasks of the account "test".'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the account, `--dry-run` and `--no-input`."""
        parser.add_argument("--account", help=f'only "{TEST_ACCOUNT}" can be removed as a whole')
        parser.add_argument("--dry-run", action="store_true", help="show the numbers, remove nothing")
        parser.add_argument(
            "--no-input", "--noinput", "--yes", action="store_false", dest="interactive", help="do not ask"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the counts, ask for confirmation if a whole account is removed, and remove the rows."""
        if options["account"] is None:
            self.prune(dry_run=options["dry_run"])
            return
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
        if options["interactive"] and any(counts.values()) and not confirmed("Remove them?"):
            raise CommandError("nothing is removed")
        removed: Counter[Any] = Counter()
        try:
            for model, number in prune.remove(account):
                removed[model] += number
        except DatabaseError as error:
            raise stopped(error, removed.total()) from error
        self.stdout.write(f"removed: {removed.total()}")

    def prune(self, *, dry_run: bool) -> None:
        """Remove what is past its term, in batches with pauses; a dry run counts what the configured terms remove."""
        pruned: Counter[str] = Counter()
        try:
            if dry_run:
                for kind, count in retention.past_term(configured_days()).items():
                    note = "" if retention_days()[kind] is not None else " (not before RETENTION_DAYS is set)"
                    self.stdout.write(f"{kind}: {count} past the term{note}")
                return
            for batch in retention.prune():
                pruned[batch.kind] += batch.rows
        except DatabaseError as error:
            raise stopped(error, pruned.total()) from error
        for kind, count in (+pruned).items():
            self.stdout.write(f"{kind}: {count}")
        self.stdout.write(f"removed: {pruned.total()}")

    def print_counts(self, counts: dict[Any, int]) -> None:
        """Print a line for each model that has rows."""
        for model, number in counts.items():
            if number:
                self.stdout.write(f"{model._meta.verbose_name_plural}: {number}")


def stopped(error: DatabaseError, rows: int) -> CommandError:
    """Return the error that says how far the removal came, and what to do."""
    sentence = database_sentence(error) or f"the database failed ({type(error).__name__})"
    return CommandError(f"stopped after {rows} rows: {sentence}. Then run it again.")
