"""The command `stockhub_release`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db.models import Count

from stockhub_webhooks import runners
from stockhub_webhooks.conf import conf
from stockhub_webhooks.management.commands.stockhub_replay import user
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.operations import release
from stockhub_webhooks.receiving import refusals

WARNINGS = {
    release.CHANGES_PROVED: "it changes an order that came with a key",
    release.ADDRESS: "no accepted message came from this address",
    release.AGENT: "no accepted message was sent by this program",
    release.NOTHING_ACCEPTED: "no message was accepted yet to compare it with",
}


class Command(SafeCommand):
    """Stores refused messages after the key was corrected."""

    help = (
        "Let refused messages that were kept into the journal, to be applied as if they had come with the right key. "
        "Anybody can send a message without a key, so look at them first: --dry-run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define which messages are stored, and in which account."""
        parser.add_argument(
            "ids", nargs="*", type=int, metavar="ID", help="numbers of refused messages, as the admin shows them"
        )
        parser.add_argument(
            "--key", metavar="FINGERPRINT", help="all refused messages with this key, as the admin shows it"
        )
        parser.add_argument("--account", default="", help="account of the messages; required if there are several")

        parser.add_argument(
            "--dry-run", action="store_true", help="print what would change and what is unusual, and change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Store the messages, and print how many."""
        pks = list(options["ids"])
        if options["key"]:
            rows = release.waiting().filter(key_fingerprint=options["key"])
            pks += rows.order_by("pk").values_list("pk", flat=True)
        waiting = set(release.waiting().filter(pk__in=pks).values_list("pk", flat=True))
        if missing := sorted(set(pks) - waiting):
            raise CommandError(f"no refused message waits under {', '.join(map(str, missing))}: nothing is let in")
        if not pks:
            raise CommandError(f"nothing to let in: name IDs or a --key that has refused messages. {self.keys()}")
        try:
            account = conf.account(options["account"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["dry_run"]:
            self.show(release.preview(release.waiting().filter(pk__in=pks), account))
            return
        released = refusals.release(pks, by=f"{user()} (stockhub_release)", account=account)
        runners.current().wake()
        self.stdout.write(f"let in: {released} of {len(pks)}")

    def keys(self) -> str:
        """Return the keys that have refused messages, with their number."""
        rows = release.waiting().order_by().values_list("key_fingerprint").annotate(Count("pk"))
        counts = [f"{key or 'no key'}: {count}" for key, count in sorted(rows)]
        return f"These have: {', '.join(counts)}" if counts else "There are none."

    def show(self, previews: list[release.ReleasePreview]) -> None:
        """Print the expected result of each message, and what is unusual about it."""
        for each in previews:
            changed = ", ".join(sorted({name for event in each.step.events for name in event.changes}))
            error = each.step.error.partition("\n")[0]
            result = error or ": ".join(filter(None, (each.step.outcome, changed)))
            warnings = "".join(f"; {WARNINGS[warning]}" for warning in each.warnings)
            self.stdout.write(f"{each.kept.pk} {each.kept.topic} {each.kept.increment_id}: {result}{warnings}")
        self.stdout.write(f"would be let in: {len(previews)}")
