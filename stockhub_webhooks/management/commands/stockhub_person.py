"""The command `stockhub_person`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from stockhub_webhooks.exceptions import MultipleAccounts
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.management.person_options import add_person_options, chosen_subjects
from stockhub_webhooks.operations.privacy.person import export


class Command(SafeCommand):
    """Writes all that is kept of a customer to standard output."""

    writes_data = True
    help = "Write all that is kept of a customer's orders as JSON, for a request for access."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define which orders are written."""
        add_person_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the JSON."""
        try:
            found, unreceived = chosen_subjects(options)
        except (MultipleAccounts, ValueError) as error:
            raise CommandError(str(error)) from error
        if not (found or unreceived):
            raise CommandError("there is no such order")
        self.stdout.write(json.dumps(export(found, unreceived), indent=2, ensure_ascii=True))
