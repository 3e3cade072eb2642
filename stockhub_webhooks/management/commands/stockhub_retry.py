"""The command `stockhub_retry`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import CommandError

from stockhub_webhooks import runners
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import ledger, manual
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.models import ReceiverCall
from stockhub_webhooks.operations.dates import FORMATS, parse_timestamp

BATCH = 500


class Command(SafeCommand):
    """Retries receiver calls after their cause of failure was corrected."""

    help = "Make receiver calls due now: those that are given up, and those that wait for their next attempt."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define which calls are retried."""
        parser.add_argument(
            "--receiver", default="", metavar="NAME", help="only calls of this receiver, as the admin shows it"
        )
        parser.add_argument("--given-up", action="store_true", help="only calls that are given up")
        parser.add_argument(
            "--since", metavar="DATETIME", help=f"only calls of messages received at this time or later: {FORMATS}"
        )
        parser.add_argument("--dry-run", action="store_true", help="show the numbers, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the calls due, and print how many."""
        receiver, given_up, since = options["receiver"], options["given_up"], options["since"]
        if not (receiver or given_up or since):
            raise CommandError("at least one of --receiver NAME, --given-up and --since DATETIME is required")
        try:
            since = parse_timestamp(since) if since else None
        except ValueError as error:
            raise CommandError(f"--since {error}") from None
        calls = list(manual.retryable(receiver=receiver, given_up=given_up, since=since).values_list("pk", "receiver"))
        if receiver and not calls:
            self.refuse_unknown(receiver)
        for name, count in sorted(Counter(name for _, name in calls).items()):
            self.stdout.write(f"{name}: {count}")
        if options["dry_run"]:
            self.stdout.write(f"would try again: {len(calls)}")
            return
        pks = [pk for pk, _ in calls]
        done = sum(manual.requeue(pks[start : start + BATCH]) for start in range(0, len(pks), BATCH))
        if done:
            runners.current().wake()
        self.stdout.write(f"to be tried again: {done} of {len(calls)}")

    def refuse_unknown(self, receiver: str) -> None:
        """Refuse a name that no receiver has, connected or with calls of its own."""
        known = set().union(*ledger.known_receivers().values())
        known |= set(ReceiverCall.objects.using(database_alias()).values_list("receiver", flat=True).distinct())
        if receiver not in known:
            raise CommandError(f"no receiver is called {receiver}; these are: {', '.join(sorted(known)) or 'none'}")
