"""The command `stockhub_status`."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.problems import worst_level
from stockhub_webhooks.operations.health.report_text import lines
from stockhub_webhooks.operations.health.rules import as_json, find_problems
from stockhub_webhooks.operations.health.site_url import site_url


class Command(SafeCommand):
    """Prints the health report. Exit code for monitors: 0 ok, 1 warnings, 2 critical."""

    requires_system_checks = []  # a monitor needs the report even if a check fails
    help = "Say whether all is well; the exit code is 0 where it is, 1 with warnings, 2 where it is critical."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define `--json`."""
        parser.add_argument("--json", action="store_true", help="JSON, as the URL `health` returns it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the report, and exit with its level."""
        report = collect_report()
        if options["json"]:
            self.stdout.write(json.dumps(as_json(report, "" if report.database else site_url()), indent=2))
        else:
            self.stdout.write("\n".join(lines(report)))
        if level := worst_level(find_problems(report)):
            sys.exit(int(level))
