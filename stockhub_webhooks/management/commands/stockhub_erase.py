"""The command `stockhub_erase`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import Error as DatabaseError

from stockhub_webhooks.conf import conf
from stockhub_webhooks.exceptions import MultipleAccounts
from stockhub_webhooks.management.commands.stockhub_replay import user
from stockhub_webhooks.management.output import SafeCommand, confirmed, database_sentence
from stockhub_webhooks.management.person_options import add_person_options, chosen_subjects
from stockhub_webhooks.operations.privacy.again import erase_again
from stockhub_webhooks.operations.privacy.answer import answers
from stockhub_webhooks.operations.privacy.erase import ErasureResult, erase, preview
from stockhub_webhooks.operations.privacy.subjects import Subjects
from stockhub_webhooks.operations.privacy.unreceived import Unreceived

COUNTED = {
    "documents": "documents that keep their numbers, amounts and dates",
    "addresses": "addresses",
    "messages": "bodies of messages",
    "refused": "refused messages",
    "events": "changes with personal values",
    "errors": "errors of receivers",
    "calls": "pending receiver calls, which are given up",
    "texts": "texts of colleagues and of replays",
    "files": "files that the spool set aside, and files of large exports",
}


class Command(SafeCommand):
    """Erases the personal data of orders."""

    help = "Erase the personal data of orders; numbers, articles, amounts and dates stay. It asks before it erases."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define which orders are erased, `--again`, `--dry-run` and `--no-input`."""
        group = add_person_options(parser)
        group.add_argument("--again", metavar="FILE", help="repeat the erasures of a log, after a restored backup")
        parser.add_argument("--dry-run", action="store_true", help="show what would be erased, erase nothing")
        parser.add_argument(
            "--no-input", "--noinput", "--yes", action="store_false", dest="interactive", help="do not ask"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Show the orders and what would be erased, ask, erase, and print the answer to the customer."""
        try:
            if options["again"]:
                self.again(Path(options["again"]))
            else:
                self.erase(*chosen_subjects(options), options)
        except DatabaseError as error:
            sentence = database_sentence(error) or f"the database failed ({type(error).__name__})"
            raise CommandError(f"{sentence}. Then run it again.") from error
        except (MultipleAccounts, OSError, ValueError) as error:
            raise CommandError(str(error)) from error

    def erase(self, found: list[Subjects], unreceived: list[Unreceived], options: dict[str, Any]) -> None:
        """Preview and erase."""
        if not (found or unreceived):
            raise CommandError("there is no such order")
        for order in unreceived:
            self.stdout.write(
                f"{order.number} ({order.account}): the order was not received; messages that were not applied or let "
                f"in name it: {order.bodies}"
            )
        for subjects in found:
            self.print_preview(preview(subjects))
        if options["dry_run"]:
            return
        if options["interactive"] and not confirmed("Erase? It cannot be undone."):
            raise CommandError("nothing is erased")
        found += [order.begin() for order in unreceived]
        for subjects in found:
            result = erase(subjects, by=f"{user()} (stockhub_erase)")
            self.stdout.write(f"erased: {len(subjects.numbers)} orders")
            if not conf.ERASURE_LOG:
                self.stdout.write("ERASURE_LOG is not set: keep this line, for stockhub_erase --again after a restore:")
                self.stdout.write(result.log_line)
        for language, text in answers(found).items():
            self.stdout.write(f"\n--- answer to the customer ({language}) ---\n\n{text}")

    def print_preview(self, result: ErasureResult) -> None:
        """Print the orders, and what would be erased."""
        for order in result.subjects.rows:
            day = order.created_at.date().isoformat() if order.created_at else "?"
            ship_to = ", ".join(order.shipping_address.lines) if order.shipping_address else "no shipping address"
            self.stdout.write(f"{order.increment_id} ({order.po_number or '-'}, {order.account}) of {day}: {ship_to}")
        for name, label in COUNTED.items():
            if result.counts[name]:
                self.stdout.write(f"  {label}: {result.counts[name]}")
        if result.waiting:
            self.stdout.write(f"  messages that wait, and are erased when they are applied: {result.waiting}")
        if result.running:
            self.stdout.write(f"  receiver calls that run now, and are not stopped: {result.running}")

    def again(self, path: Path) -> None:
        """Repeat the erasures of a log."""
        unknown = orders = 0
        with path.open(encoding="utf-8") as file:
            for repeated in erase_again(file):
                orders += len(repeated.result.subjects.numbers)
                unknown += len(repeated.unknown)
        self.stdout.write(f"erased again: {orders} orders")
        if unknown:
            self.stdout.write(f"not here: {unknown} orders; run it again when their messages have been ingested")
