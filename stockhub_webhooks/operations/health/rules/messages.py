"""Messages: refused, waiting, given up, with impossible times, past their term, or none at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from stockhub_webhooks.conf import conf
from stockhub_webhooks.models.personal import ADDRESSES, ATTEMPTS, BODIES, DOCUMENTS, EVENTS, REFUSED
from stockhub_webhooks.operations.health.problems import REAL, Level, Problem, format_time
from stockhub_webhooks.operations.health.refusals import find as find_refusals
from stockhub_webhooks.operations.health.report import MAX_PAST_TERM, Report

# words of the office for the kinds of retention
KIND_LABELS = {
    BODIES: gettext_lazy("contents of messages"),
    REFUSED: gettext_lazy("refused messages"),
    ATTEMPTS: gettext_lazy("failed attempts"),
    EVENTS: gettext_lazy("changes"),
    ADDRESSES: gettext_lazy("addresses"),
    DOCUMENTS: gettext_lazy("documents"),
}


def given_up(report: Report) -> Iterator[Problem]:
    """Report given-up calls and messages: only a manual retry revives them."""
    if count := report.given_up_calls.count:
        text = ngettext("%(count)d task for our shop is given up.", "%(count)d tasks for our shop are given up.", count)
        newest = report.given_up_calls.newest
        yield Problem(
            "given_up", Level.CRITICAL, text % {"count": count}, "receivercall", {"needs": "given_up"}, newest=newest
        )
    if count := report.failed.count:
        text = ngettext(
            "%(count)d message could not be processed and is given up.",
            "%(count)d messages could not be processed and are given up.",
            count,
        )
        filters = {"status__exact": "failed"} | REAL
        newest = report.failed.newest
        yield Problem(
            "given_up", Level.CRITICAL, text % {"count": count}, filters=filters, subject="message", newest=newest
        )


def quarantined(report: Report) -> Iterator[Problem]:
    """Report quarantined messages."""
    if count := report.quarantined.count:
        text = ngettext("%(count)d message needs a look.", "%(count)d messages need a look.", count)
        filters = {"status__exact": "quarantined"} | REAL
        newest = report.quarantined.newest
        yield Problem("quarantined", Level.WARNING, text % {"count": count}, filters=filters, newest=newest)


def refusals(report: Report) -> Iterator[Problem]:
    """Report refused messages, see `health.refusals`."""
    for found in find_refusals(report):
        level = Level.CRITICAL if found.is_critical else Level.WARNING
        yield Problem(found.code, level, found.text, found.model, found.filters, found.subject, found.newest)


def silence(report: Report) -> Iterator[Problem]:
    """Report that no message arrived for the hours that count as silence."""
    if report.is_silent:
        text = _("Nothing came in since %(moment)s.") % {"moment": format_time(report.last_message_at)}
        yield Problem("silence", Level.WARNING, text, filters={})


def impossible_times(report: Report) -> Iterator[Problem]:
    """Report times that cannot be true: the setting `NAIVE_TIMEZONE` or a clock is wrong."""
    times = report.impossible_times
    if not times.count:
        return
    text = ngettext(
        "%(count)d message of the last 3 days has a time that cannot be true (received on %(moment)s).",
        "%(count)d messages of the last 3 days have a time that cannot be true (the last one received on %(moment)s).",
        times.count,
    ) % {"count": times.count, "moment": format_time(times.last_at)}
    if times.are_whole_hours:
        cause = _("All are ahead by whole hours: the setting NAIVE_TIMEZONE (%(zone)s) is probably wrong.")
        cause %= {"zone": conf.NAIVE_TIMEZONE}
    else:
        cause = _("A clock is probably wrong: that of this server or that of Stock Hub.")
    yield Problem("impossible_times", Level.WARNING, f"{text} {cause}", filters={"needs": "times"})


# (field of the report, (model and filters of the changelist), text)
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
)


def late(report: Report) -> Iterator[Problem]:
    """Report overdue work: critical if no worker is running."""
    code, level, hint = "backlog", Level.WARNING, ""
    if not report.has_worker:
        code, level, hint = "no_worker", Level.CRITICAL, _("No worker ran: is stockhub_worker started?")
    for field, (model, filters), text in LATE:
        backlog = field(report)
        if backlog.count:
            sentence = text % {"count": backlog.count, "moment": format_time(backlog.oldest)}
            yield Problem(code, level, f"{sentence} {hint}".strip(), model, filters)


def order_locked(report: Report) -> Iterator[Problem]:
    """Report orders whose messages wait, since another transaction holds the row."""
    if not (count := report.locked_messages.count):
        return
    text = ngettext(
        "%(count)d message waits since %(moment)s, because another transaction holds a row (%(rows)s).",
        "%(count)d messages wait, the first since %(moment)s, because another transaction holds a row (%(rows)s).",
        count,
    )
    rows = "; ".join(f"{locked.row}: {locked.holder}" if locked.holder else locked.row for locked in report.locked_rows)
    text %= {"count": count, "moment": format_time(report.locked_messages.oldest), "rows": rows}
    hint = _("End that transaction if it does not end by itself.")
    yield Problem("order_locked", Level.WARNING, f"{text} {hint}", filters={"needs": "locked"})


def past_term(report: Report) -> Iterator[Problem]:
    """Report personal data that is past its term and still here: the worker removes it once an hour."""
    if count := sum(report.past_term.values()):
        text = ngettext(
            "%(count)d row with personal data is past its term and still here (%(kinds)s): does stockhub_worker run?",
            "%(count)d rows with personal data are past their term and still here (%(kinds)s): does stockhub_worker "
            "run?",
            count,
        )
        if max(report.past_term.values()) >= MAX_PAST_TERM:
            text = _(
                "At least %(count)d rows with personal data are past their term and still here (%(kinds)s): does "
                "stockhub_worker run?"
            )
        kinds = ", ".join(str(KIND_LABELS[kind]) for kind, rows in report.past_term.items() if rows)
        yield Problem("past_term", Level.WARNING, text % {"count": count, "kinds": kinds})
