"""The command `stockhub_reconcile`."""

from __future__ import annotations

import getpass
import json
import uuid
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from stockhub_webhooks import runners
from stockhub_webhooks.conf import conf
from stockhub_webhooks.exceptions import PullUnderWay, RestError, RestUnavailable
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.models.pull import RESULTS
from stockhub_webhooks.operations.dates import FORMATS, parse_timestamp
from stockhub_webhooks.operations.reconcile import report, run
from stockhub_webhooks.operations.reconcile.asking import PullChoice
from stockhub_webhooks.operations.reconcile.steps import AnswerStep, Run

BAR = 30


class Command(SafeCommand):
    """Fetches what never arrived. A run that was interrupted is continued by the same command within a day."""

    help = (
        "Ask Stock Hub's REST calls for orders and returns that never arrived or differ, and store them as messages. "
        "Exit code 0: done, 1: wrong options or settings, 2: some calls failed, or Stock Hub did not answer, "
        "130: interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define what is asked for, and the output."""
        parser.add_argument("--account", default="", help="whose settings are used; required if there are several")
        parser.add_argument(
            "--since",
            default="",
            metavar="DATETIME",
            help=f"all orders that were created at this time or later: {FORMATS}",
        )
        parser.add_argument(
            "--order", action="append", default=[], dest="orders", metavar="NUMBER",
            help="only this order, by Stock Hub's number, and its returns; may be repeated",
        )  # fmt: skip
        parser.add_argument(
            "--po", action="append", default=[], dest="po_numbers", metavar="NUMBER",
            help="only the order with this number of the shop, and its returns; may be repeated",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="show what differs, store nothing")
        parser.add_argument(
            "--report", action="store_true", help="then print what is missing, and a mail that asks for it"
        )
        parser.add_argument("--json", action="store_true", help="print only the report, as JSON")
        parser.add_argument("--no-fetch", action="store_true", help="with --report: ask for nothing")
        parser.add_argument(
            "--per-second", type=float, default=5.0, metavar="N", help="at most N requests per second (default: 5)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Fetch, unless only the report is wanted; then print the report."""
        try:
            account = conf.account(options["account"])
            since = parse_timestamp(options["since"]) if options["since"] else None
        except ValueError as error:
            raise CommandError(str(error)) from None
        if options["per_second"] <= 0:
            raise CommandError("--per-second must be more than 0")
        failed = 0
        if not options["no_fetch"]:
            choice = PullChoice(since, tuple(options["orders"]), tuple(options["po_numbers"]))
            failed = self.fetch(account, choice, options)
        if options["report"] or options["json"]:
            self.report(account, as_json=options["json"])
        if failed:
            raise CommandError(f"{failed} calls failed, see above; the next run makes them again", returncode=2)

    def fetch(self, account: str, choice: PullChoice, options: dict[str, Any]) -> int:
        """Make the calls and print the results; return the number of calls that failed."""
        counts: Counter[str] = Counter()
        self.out = self.stderr if options["json"] else self.stdout
        steps = self.dry_run if options["dry_run"] else self.run
        try:
            for step in steps(account, choice, options["per_second"]):
                counts[step.result] += 1
                self.show(step, counts.total())
        except RestUnavailable as error:
            raise CommandError(f"{error}. What was fetched is kept; run it again to continue", returncode=2) from None
        except (RestError, PullUnderWay) as error:
            raise CommandError(str(error)) from None
        verb = "differs" if options["dry_run"] else "changed"
        results = ", ".join(f"{verb if name == 'changed' else name} {counts[name]}" for name in RESULTS)
        self.out.write(f"asked: {counts.total()}, {results}")
        return counts["failed"]

    def dry_run(self, account: str, choice: PullChoice, per_second: float) -> Iterator[AnswerStep]:
        """Yield what differs, without a record of the run."""
        with run.open_client(account, per_second) as client:
            yield from Run(client, choice, timezone.now(), keep=False).steps()

    def run(self, account: str, choice: PullChoice, per_second: float) -> Iterator[AnswerStep]:
        """Do the run; Ctrl-C stops it, and the same command continues it."""
        pull = run.begin(account, choice, who=f"{_user()} (stockhub_reconcile)", claim=uuid.uuid4())
        has_news = False
        try:
            for step in run.steps(pull, per_second=per_second):
                has_news = has_news or step.result == "changed"
                yield step
        except KeyboardInterrupt:
            run.halt(pull.pk, _user())
            self.stderr.write("interrupted; what was fetched is kept, and the same command goes on from here")
            raise SystemExit(130) from None
        finally:
            if has_news:
                runners.current().wake()

    def show(self, step: AnswerStep, done: int) -> None:
        """Print a result that a person should see, and a progress bar on a terminal."""
        if step.result != "unchanged":
            names = ": ".join(filter(None, (step.outcome, ", ".join(step.fields))))
            name = f"{step.topic} {step.number}" if step.topic else f"our number {step.number}"
            self.out.write(f"{name}: {step.error or names or step.result}")
        if self.stderr.isatty():
            filled = BAR * done // max(step.total, done)
            bar = "#" * filled + "." * (BAR - filled)
            self.stderr.write(f"\r[{bar}] {done} of {max(step.total, done)}", ending="")

    def report(self, account: str, *, as_json: bool) -> None:
        """Print what is missing."""
        rows = report.rows(account)
        if as_json:
            self.stdout.write(json.dumps(report.as_json(account, rows), indent=2))
        else:
            self.stdout.write(report.as_text(rows))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "?"
