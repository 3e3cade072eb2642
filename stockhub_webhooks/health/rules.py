"""What of a report is wrong, in words: numbers, times and links, nothing of a customer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stockhub_webhooks.health.facts import Report


class Level(IntEnum):
    """How bad it is; the number is the exit code of `stockhub_status`."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


class Finding(NamedTuple):
    """One thing that is wrong. `link` is the path of the admin's page about it, "" where there is none."""

    code: str
    level: Level
    text: str
    link: str = ""


def findings(report: Report) -> list[Finding]:
    """All that is wrong, in the active language."""
    return [finding for rule in RULES for finding in rule(report)]


def level_of(found: Iterable[Finding]) -> Level:
    """The worst of them."""
    return max((finding.level for finding in found), default=Level.OK)


def as_json(report: Report) -> dict[str, Any]:
    """The report and what of it is wrong, for `json.dumps`."""
    found = findings(report)
    listed = [finding._asdict() | {"level": finding.level.name.lower()} for finding in found]
    return {"status": level_of(found).name.lower(), "findings": listed, **report.as_json()}


def admin_link(model: str, **filters: Any) -> str:
    """The path of a list in the admin; "" where the host has no admin."""
    try:
        path = reverse(f"admin:stockhub_webhooks_{model}_changelist")
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
        link = admin_link("receivercall", status__exact="given_up")
        yield Finding("given_up", Level.CRITICAL, text % {"count": count}, link)
    if count := report.failed.count:
        text = ngettext(
            "%(count)d message could not be processed and is given up.",
            "%(count)d messages could not be processed and are given up.",
            count,
        )
        yield Finding(
            "given_up", Level.CRITICAL, text % {"count": count}, admin_link("message", status__exact="failed")
        )


def quarantined(report: Report) -> Iterator[Finding]:
    """Stored, but it cannot be applied as it is."""
    if count := report.quarantined.count:
        text = ngettext("%(count)d message needs a look.", "%(count)d messages need a look.", count)
        link = admin_link("message", status__exact="quarantined")
        yield Finding("quarantined", Level.WARNING, text % {"count": count}, link)


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
        yield Finding("refusals", Level.WARNING, text % {"count": count}, admin_link("refusal"))
        return
    kept = ngettext(
        "%(count)d of the kept ones looks like Stock Hub's: is the key right?",
        "%(count)d of the kept ones look like Stock Hub's: is the key right?",
        refused.kept,
    )
    text = f"{text % {'count': count}} {kept % {'count': refused.kept}}"
    yield Finding("refusals", Level.CRITICAL, text, admin_link("refusedbody"))


def silence(report: Report) -> Iterator[Finding]:
    """Nothing came in for long."""
    if report.is_silent:
        text = _("Nothing came in since %(moment)s.") % {"moment": moment(report.last_message_at)}
        yield Finding("silence", Level.WARNING, text, admin_link("message"))


def late(report: Report) -> Iterator[Finding]:
    """Work is due and not done: nobody does it, or not fast enough."""
    count = report.late.count
    if not count:
        return
    text = ngettext(
        "%(count)d piece of work is due since %(moment)s and not done.",
        "%(count)d pieces of work are due since %(moment)s and not done.",
        count,
    ) % {"count": count, "moment": moment(report.late.oldest)}
    if report.has_worker:
        yield Finding("backlog", Level.WARNING, text)
    else:
        hint = _("No worker came by: does stockhub_worker run?")
        yield Finding("no_worker", Level.CRITICAL, f"{text} {hint}")


def gone_receivers(report: Report) -> Iterator[Finding]:
    """They are owed calls, and nobody here knows them."""
    for gone in report.gone_receivers:
        text = ngettext(
            "%(count)d task waits for %(receiver)s, which is not known here.",
            "%(count)d tasks wait for %(receiver)s, which is not known here.",
            gone.open_calls,
        )
        text %= {"count": gone.open_calls, "receiver": f"{gone.receiver} ({gone.signal})"}
        yield Finding("gone_receivers", Level.WARNING, text, admin_link("receivercall"))


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
