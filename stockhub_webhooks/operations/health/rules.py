"""What of a report is wrong, in words: numbers, times and links, nothing of a customer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from stockhub_webhooks.operations.health.collect import REFUSALS_OF
from stockhub_webhooks.operations.health.report import Report

# of a list in the admin: without tests, as they are counted nowhere here
REAL = {"account": "~real"}


class Level(IntEnum):
    """How bad it is; the number is the exit code of `stockhub_status`."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


class Finding(NamedTuple):
    """One thing that is wrong.

    Attributes:
        code: its name, for programs.
        level: how bad it is.
        text: a sentence, with the count.
        model: the model that it is about.
        filters: of that model's list in the admin, so that it shows what was counted; None where no list does.
    """

    code: str
    level: Level
    text: str
    model: str = "message"
    filters: Mapping[str, Any] | None = None

    @property
    def link(self) -> str:
        """The path of the admin's page about it, "" where there is none."""
        return self.link_in(None)

    def link_in(self, site: str | None) -> str:
        """The same in the admin site of that name; None is the host's default one."""
        return "" if self.filters is None else admin_link(self.model, self.filters, site)


def findings(report: Report) -> list[Finding]:
    """All that is wrong, in the active language."""
    return [finding for rule in RULES for finding in rule(report)]


def level_of(found: Iterable[Finding]) -> Level:
    """The worst of them."""
    return max((finding.level for finding in found), default=Level.OK)


def as_json(report: Report) -> dict[str, Any]:
    """The report and what of it is wrong, for `json.dumps`."""
    found = findings(report)
    listed = [
        {"code": finding.code, "level": finding.level.name.lower(), "text": finding.text, "link": finding.link}
        for finding in found
    ]
    return {"status": level_of(found).name.lower(), "findings": listed, **report.as_json()}


def admin_link(model: str, filters: Mapping[str, Any], site: str | None = None) -> str:
    """The path of a list in the admin; "" where the host has no admin, or none of that model."""
    try:
        path = reverse(f"admin:stockhub_webhooks_{model}_changelist", current_app=site)
    except NoReverseMatch:
        return ""
    return f"{path}?{urlencode(filters)}" if filters else path


def database(report: Report) -> Iterator[Finding]:
    """It does not answer: what comes in goes to the spool."""
    if report.database:
        text = _("The database does not answer (%(detail)s).") % {"detail": report.database}
        yield Finding("database", Level.CRITICAL, text)


def spool(report: Report) -> Iterator[Finding]:
    """What was accepted and cannot be read."""
    if report.spool.fault:
        text = _("The spool directory cannot be read (%(detail)s).") % {"detail": report.spool.fault}
        yield Finding("spool", Level.CRITICAL, text)
    if count := report.spool.broken:
        text = ngettext(
            "%(count)d file in the spool directory is broken.",
            "%(count)d files in the spool directory are broken.",
            count,
        )
        yield Finding("spool", Level.CRITICAL, text % {"count": count})


def given_up(report: Report) -> Iterator[Finding]:
    """Nobody does these any more, until somebody says so."""
    if count := report.given_up_calls.count:
        text = ngettext("%(count)d task for our shop is given up.", "%(count)d tasks for our shop are given up.", count)
        yield Finding("given_up", Level.CRITICAL, text % {"count": count}, "receivercall", {"needs": "given_up"})
    if count := report.failed.count:
        text = ngettext(
            "%(count)d message could not be processed and is given up.",
            "%(count)d messages could not be processed and are given up.",
            count,
        )
        yield Finding("given_up", Level.CRITICAL, text % {"count": count}, filters={"status__exact": "failed"} | REAL)


def quarantined(report: Report) -> Iterator[Finding]:
    """Stored, but it cannot be applied as it is."""
    if count := report.quarantined.count:
        text = ngettext("%(count)d message needs a look.", "%(count)d messages need a look.", count)
        yield Finding(
            "quarantined", Level.WARNING, text % {"count": count}, filters={"status__exact": "quarantined"} | REAL
        )


def refusals(report: Report) -> Iterator[Finding]:
    """Somebody is refused and nobody was let in since, perhaps Stock Hub with another key.

    Critical only where what was refused looks like Stock Hub's: all of the internet knocks at a door.
    """
    refused, success = report.refusals, report.last_message_at
    if refused.last_at is None or (success and success >= refused.last_at):
        return
    count = sum(refused.by_reason.values())
    text = ngettext(
        "%(count)d delivery was refused in the last 24 hours, and none was accepted since.",
        "%(count)d deliveries were refused in the last 24 hours, and none was accepted since.",
        count,
    )
    is_likely_ours = refused.last_kept_at and not (success and success >= refused.last_kept_at)
    if not is_likely_ours:
        since = {"hour__gt": (report.made_at - REFUSALS_OF).isoformat()}
        yield Finding("refusals", Level.WARNING, text % {"count": count}, "refusal", since)
        return
    kept = ngettext(
        "%(count)d of the kept ones looks like Stock Hub's: is the key right?",
        "%(count)d of the kept ones look like Stock Hub's: is the key right?",
        refused.kept,
    )
    text = f"{text % {'count': count}} {kept % {'count': refused.kept}}"
    yield Finding("refusals", Level.CRITICAL, text, "refusedbody", {"message__isnull": True})


def silence(report: Report) -> Iterator[Finding]:
    """Nothing came in for long."""
    if report.is_silent:
        text = _("Nothing came in since %(moment)s.") % {"moment": moment(report.last_message_at)}
        yield Finding("silence", Level.WARNING, text, filters={})


# of which pile of the report, in which list, and what is said
LATE: Any = (
    (
        lambda report: report.late_messages,
        ("message", {"needs": "late"}),
        ngettext_lazy(
            "%(count)d message should have been processed on %(moment)s.",
            "%(count)d messages should have been processed, the first on %(moment)s.",
            "count",
        ),
    ),
    (
        lambda report: report.late_calls,
        ("receivercall", {"needs": "late"}),
        ngettext_lazy(
            "%(count)d task for our shop should have been done on %(moment)s.",
            "%(count)d tasks for our shop should have been done, the first on %(moment)s.",
            "count",
        ),
    ),
    (
        lambda report: report.spool.late,
        ("message", None),
        ngettext_lazy(
            "%(count)d message waits in the spool directory since %(moment)s.",
            "%(count)d messages wait in the spool directory since %(moment)s.",
            "count",
        ),
    ),
)


def late(report: Report) -> Iterator[Finding]:
    """Work is due and not done: nobody does it, or not fast enough."""
    code, level, hint = "backlog", Level.WARNING, ""
    if not report.has_worker:
        code, level, hint = "no_worker", Level.CRITICAL, _("No worker came by: does stockhub_worker run?")
    for pile_in, (model, filters), text in LATE:
        pile = pile_in(report)
        if pile.count:
            told = text % {"count": pile.count, "moment": moment(pile.oldest)}
            yield Finding(code, level, f"{told} {hint}".strip(), model, filters)


def gone_receivers(report: Report) -> Iterator[Finding]:
    """They are owed calls, and nobody here knows them."""
    for gone in report.gone_receivers:
        text = ngettext(
            "%(count)d task waits for %(receiver)s, which is not known here.",
            "%(count)d tasks wait for %(receiver)s, which is not known here.",
            gone.open_calls,
        )
        text %= {"count": gone.open_calls, "receiver": f"{gone.receiver} ({gone.signal})"}
        filters = {"needs": "gone", "receiver__exact": gone.receiver, "signal__exact": gone.signal}
        yield Finding("gone_receivers", Level.WARNING, text, "receivercall", filters)


RULES: tuple[Callable[[Report], Iterator[Finding]], ...] = (
    database,
    spool,
    given_up,
    late,
    refusals,
    quarantined,
    silence,
    gone_receivers,
)


def moment(at: Any) -> str:
    """A moment in the active language and the host's time zone; a dash where there is none."""
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT") if at else "-"
