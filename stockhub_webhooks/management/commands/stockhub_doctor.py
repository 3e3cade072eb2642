"""The command `stockhub_doctor`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import Error as DatabaseError
from django.utils import translation
from django.utils.translation import gettext as _

from stockhub_webhooks import runners
from stockhub_webhooks.management.output import SafeCommand
from stockhub_webhooks.operations.doctor import address, findings, findings_text, keys, support_message
from stockhub_webhooks.operations.doctor.address import BaseUrl, NoAddress, examine_address, located
from stockhub_webhooks.operations.doctor.examination import examine
from stockhub_webhooks.operations.doctor.findings import Section
from stockhub_webhooks.operations.health import site_url


class Command(SafeCommand):
    """Checks the installation, and the URLs from outside. The exit code is the highest `Level`."""

    requires_system_checks = []  # the command reports them itself
    help = (
        "Say whether the app is set up right, and what to do, in order. The exit code is 0 where all is well, 1 with "
        "warnings, 2 where messages would be lost."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define `--url`, `--live`, `--new-key` and `--language`."""
        parser.add_argument("--url", default="", help="public URL: request the addresses there and post a test message")
        parser.add_argument(
            "--live",
            action="store_true",
            help='with --url: request `health` with the key of a real account instead of "test", and post nothing',
        )
        parser.add_argument("--new-key", action="store_true", help="make a strong key, and show where to put it")
        parser.add_argument("--language", default="", help='language of the report and the mail, such as "nl" or "en"')

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the findings, the activation mail and the steps, and exit with the level."""
        if options["live"] and not options["url"]:
            raise CommandError("--live needs --url")
        try:
            there = located(BaseUrl.read(options["url"])) if options["url"] else None
        except NoAddress as error:
            raise CommandError(f"--url: {error}") from None
        if options["language"] and not translation.check_for_language(options["language"]):
            raise CommandError(f"--language: {options['language']!r} is not known; write nl or en")
        with translation.override(options["language"] or translation.get_language()):
            found = self.examine(there, live=options["live"])
            if options["new_key"]:
                self.say(_("A new key:"), "", *keys.lines(), "")
            self.say_mail(there, found)
            self.say(*findings_text.what_to_do(found))
        if level := findings.worst(found):
            sys.exit(int(level))

    def say_mail(self, there: BaseUrl | None, found: list[Section]) -> None:
        """Print the activation mail, unless its addresses do not lead to this app."""
        if there and not _is_reached(found):
            self.say(_("The mail that activates the webhooks follows once all six addresses lead to this app."), "")
            return
        prefix = there.for_mail if there else f"https://shop.example{address.usual_path()}"
        self.say(_("The mail that activates the webhooks (never with the key):"), "")
        self.say(*(f"  {line}".rstrip() for line in support_message.activation(prefix).splitlines()), "")

    def examine(self, there: BaseUrl | None, *, live: bool) -> list[Section]:
        """Run the examination, and print each section as soon as it is finished."""
        found = []
        for section in examine(applies_in_request=runners.current().applies_in_request):
            found.append(section)
            self.say(*findings_text.lines(section))
        if there is None:
            return found
        if live:
            account, _key = keys.real_key()
            said = _("With --live: %(url)s is asked with the key of the account %(account)s. Nothing is posted.")
            self.say(said % {"url": there.of("health"), "account": account or "-"}, "")
        for section in examine_address(there, live=live):
            found.append(section)
            self.say(*findings_text.lines(section))
        if _is_reached(found):
            self.remember(there)
        return found

    def remember(self, there: BaseUrl) -> None:
        """Remember the address for the links in mails; without a database, the next run does."""
        try:
            site_url.remember(there.prefix)
        except DatabaseError as error:
            self.stderr.write(_("The address could not be stored: %(error)s.") % {"error": type(error).__name__})

    def say(self, *lines: str) -> None:
        """Print lines without buffering, because the next section may take long."""
        for line in lines:
            self.stdout.write(line)
        self.stdout.flush()


def _is_reached(found: list[Section]) -> bool:
    return any(finding.code == "all_addresses" for section in found for finding in section.findings)
