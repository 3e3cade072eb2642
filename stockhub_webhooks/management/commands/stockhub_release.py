"""The command `stockhub_release`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from stockhub_webhooks import runners
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.models import RefusedBody
from stockhub_webhooks.receiving import refusals


class Command(SafeCommand):
    """Stores refused messages after the key was corrected."""

    help = "Let refused messages that were kept into the journal, as if they had come with the right key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define which messages are stored, and in which account."""
        parser.add_argument(
            "ids", nargs="*", type=int, metavar="ID", help="numbers of refused messages, as the admin shows them"
        )
        parser.add_argument(
            "--key", metavar="FINGERPRINT", help="all refused messages with this key, as the admin shows it"
        )
        parser.add_argument("--account", default="", help="account of the messages; required if there are several")

    def handle(self, *args: Any, **options: Any) -> None:
        """Store the messages, and print how many."""
        pks = list(options["ids"])
        if options["key"]:
            rows = RefusedBody.objects.using(database_alias()).filter(key_fingerprint=options["key"], message=None)
            pks += rows.order_by("pk").values_list("pk", flat=True)
        if not pks:
            raise CommandError("nothing to let in: name IDs or a --key that has refused messages")
        try:
            released = refusals.release(pks, account=options["account"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        runners.current().wake()
        self.stdout.write(f"let in: {released} of {len(pks)}")
