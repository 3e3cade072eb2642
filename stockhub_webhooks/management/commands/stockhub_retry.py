"""The command that tries tasks for the shop again."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from datetime import datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from stockhub_webhooks import runners
from stockhub_webhooks.delivery import ledger

BATCH = 500


class Command(BaseCommand):
    """Tries receiver calls again, after what made them fail was mended."""

    help = "Make receiver calls due now: those that are given up, and those that wait for their next attempt."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which."""
        parser.add_argument(
            "--receiver", default="", metavar="NAME", help="only this receiver's, as the admin shows it"
        )
        parser.add_argument("--given-up", action="store_true", help="only those that are given up")
        parser.add_argument("--since", metavar="DATETIME", help="only of messages that came in then or later")
        parser.add_argument("--dry-run", action="store_true", help="say the numbers, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them due, and say how many."""
        receiver, given_up, since = options["receiver"], options["given_up"], options["since"]
        if not (receiver or given_up or since):
            raise CommandError("say which: --receiver NAME, --given-up, --since DATETIME, or several of them")
        calls = ledger.retryable(receiver=receiver, given_up=given_up, since=moment(since) if since else None)
        found = list(calls.values_list("pk", "receiver"))
        for name, count in sorted(Counter(name for _, name in found).items()):
            self.stdout.write(f"{name}: {count}")
        if options["dry_run"]:
            self.stdout.write(f"would try again: {len(found)}")
            return
        pks = [pk for pk, _ in found]
        done = sum(ledger.requeue(pks[start : start + BATCH]) for start in range(0, len(pks), BATCH))
        if done:
            runners.current().wake()
        self.stdout.write(f"to be tried again: {done} of {len(found)}")


def moment(text: str) -> datetime:
    """A time or a day, in the host's time zone where it names none."""
    try:
        day = parse_date(text)
        found = datetime.combine(day, time.min) if day else parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"--since {text!r} is not a time: write 2026-01-31 or 2026-01-31T09:00")
    return found if timezone.is_aware(found) else timezone.make_aware(found, timezone.get_default_timezone())
