"""The command `stockhub_replay`."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import CommandError

from stockhub_webhooks import runners
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.models import Replay
from stockhub_webhooks.operations import replay
from stockhub_webhooks.operations.dates import FORMATS
from stockhub_webhooks.operations.replay import MessageChoice, ReplayPreview
from stockhub_webhooks.operations.replay.choice import REPLAYED_STATUSES

BAR = 30


class Command(SafeCommand):
    """Replays messages in the foreground. A worker continues after a kill; Ctrl-C stops the replay for good."""

    help = (
        "Process stored messages again, in the order of their receipt; newer still wins. "
        "Exit code 0: done, 1: wrong options, 2: some messages failed or are waiting, 130: stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the messages, the receivers and the reason."""
        parser.add_argument(
            "--since", default="", metavar="DATETIME", help=f"received at this time or later: {FORMATS}"
        )
        parser.add_argument(
            "--until",
            default="",
            metavar="DATETIME",
            help=f"received before this time; a date includes the day: {FORMATS}",
        )
        parser.add_argument("--topic", default="", choices=topics.ALL, help="only messages of this topic")
        parser.add_argument(
            "--order", default="", metavar="NUMBER", help="only messages about this order: Stock Hub's number or ours"
        )
        parser.add_argument(
            "--status",
            default="",
            choices=[value for value, _label in REPLAYED_STATUSES],
            help="only messages in this state",
        )
        parser.add_argument(
            "--receiver",
            action="append",
            default=[],
            metavar="NAME",
            help="call this receiver for past events that it was not called for, marked as replay; may be repeated",
        )
        parser.add_argument("--only-tell", action="store_true", help="apply no message again, only call the receivers")
        parser.add_argument("--dry-run", action="store_true", help="show what would happen, without keeping it")
        parser.add_argument("--reason", default="", help="reason, for the record; required without --dry-run")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a preview, or run the replay."""
        choice, receivers = self.choice(options), frozenset(options["receiver"])
        applies = not options["only_tell"]
        if unknown := receivers - set().union(*ledger.known_receivers().values()):
            raise CommandError(f"no receiver is called {', '.join(sorted(unknown))}")
        if not (applies or receivers):
            raise CommandError("--only-tell needs --receiver NAME")
        if options["dry_run"]:
            self.show(replay.preview_messages(choice, receivers, applies=applies))
            return
        if not options["reason"].strip():
            raise CommandError("--reason TEXT is required")
        if not choice.messages().exists():
            raise CommandError("there is no such message: nothing is processed")
        self.run(
            replay.begin(
                choice,
                who=f"{user()} (stockhub_replay)",
                reason=options["reason"].strip(),
                receivers=receivers,
                applies=applies,
                claimed=True,
            )
        )

    def choice(self, options: dict[str, Any]) -> MessageChoice:
        """Return the choice of messages that the arguments describe."""
        try:
            since, until = replay.since_and_until(options["since"], options["until"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        if not (since or options["order"]):
            raise CommandError("say which: --since DATETIME, --order NUMBER, or both")
        return MessageChoice(since, until, options["topic"], options["order"], options["status"])

    def show(self, preview: ReplayPreview) -> None:
        """Print the result for each message, and the number of calls for each receiver."""
        for message, step in preview.steps:
            changed = ", ".join(sorted({name for event in step.events for name in event.changes}))
            error = step.error.partition("\n")[0]
            result = error or ": ".join(filter(None, (step.outcome or step.counted, changed)))
            self.stdout.write(f"{message.pk} {message.topic or '?'} {message.increment_id}: {result}")
        more = "" if preview.is_counted else " or more"
        self.stdout.write(f"would be processed: {preview.total}{more}; shown: {len(preview.steps)}")
        for receiver, count in preview.receivers.items():
            self.stdout.write(f"would tell {receiver}: {count}")

    def run(self, asked: Replay) -> None:
        """Run the replay. Ctrl-C rolls back the current message and stops."""
        counts: Counter[str] = Counter()
        try:
            for step in replay.steps(asked):
                counts[step.counted] += 1
                counts["owed"] += len(step.calls)
                self.bar(sum(counts.values()) - counts["owed"], asked.total)
        except KeyboardInterrupt:
            replay.halt(asked.pk, user())
        asked = Replay.objects.using(database_alias()).get(pk=asked.pk)
        if counts["owed"]:
            runners.current().wake()
        if self.stderr.isatty():
            self.stderr.write("")
        results = ", ".join(f"{name} {counts[name]}" for name in ("changed", "unchanged", "failed", "postponed"))
        self.stdout.write(
            f"replay {asked.pk}: {asked.status}, {asked.done} of {asked.total}: {results}; owed {asked.owed}"
        )
        if asked.status != Replay.Status.DONE:
            sys.exit(130)
        if asked.failed or asked.postponed:
            sys.exit(2)

    def bar(self, done: int, total: int) -> None:
        """Print a progress bar on a terminal."""
        if not self.stderr.isatty():
            return
        filled = BAR * done // max(total, done)
        self.stderr.write(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {done} of {total}", ending="")


def user() -> str:
    """Return the login name, "?" if the user has none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "?"
