"""Problems in a health report. One rule for each problem; the texts hold no personal data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from stockhub_webhooks.conf import conf
from stockhub_webhooks.models.alarm import MAX_NAME
from stockhub_webhooks.models.personal import ADDRESSES, ATTEMPTS, BODIES, DOCUMENTS, EVENTS, REFUSED
from stockhub_webhooks.operations.health.refusals import find as find_refusals
from stockhub_webhooks.operations.health.report import Report

# problems that are one alarm: the breaker opens for a receiver that has only failed
SAME_ALARM = {"breaker": "receiver_fails"}

ABBREVIATED_END = re.compile(r"(?<=\b[ap]\.m)\.\.")  # a sentence that ends with an English time

# words of the office for the kinds of retention
KIND_LABELS = {
    BODIES: gettext_lazy("contents of messages"),
    REFUSED: gettext_lazy("refused messages"),
    ATTEMPTS: gettext_lazy("failed attempts"),
    EVENTS: gettext_lazy("changes"),
    ADDRESSES: gettext_lazy("addresses"),
    DOCUMENTS: gettext_lazy("documents"),
}

# changelist filter that leaves tests out, because health does not count them
REAL = {"account": "~real"}


class Level(IntEnum):
    """Severity; the number is the exit code of `stockhub_status`."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


class Problem(NamedTuple):
    """A problem found in a report.

    Attributes:
        code: its identifier, for programs.
        level: its severity.
        text: a sentence with the number of rows.
        model: the name of the model of these rows.
        filters: the filters of the model's changelist that select these rows; None if no changelist shows them.
        subject: what the problem is about if the rule finds several, such as a receiver; with the code it makes the
            `identity`.
        newest: a number that grows with each new row of the problem; None if new rows make no new problem.
    """

    code: str
    level: Level
    text: str
    model: str = "message"
    filters: Mapping[str, Any] | None = None
    subject: str = ""
    newest: int | None = None

    @property
    def identity(self) -> str:
        """The same for the same problem, in each report: its rule and its subject."""
        rule = SAME_ALARM.get(self.code, self.code)
        return (f"{rule}:{self.subject}" if self.subject else rule)[:MAX_NAME]

    @property
    def link(self) -> str:
        """The path of the changelist with the rows, "" if there is none."""
        return self.link_in(None)

    def link_in(self, site: str | None) -> str:
        """Return the path of the changelist in the admin site of that name; None is the default site."""
        return "" if self.filters is None else admin_link(self.model, self.filters, site)


def find_problems(report: Report) -> list[Problem]:
    """Return all problems, with texts in the active language."""
    problems = (problem for rule in RULES for problem in rule(report))
    return [problem._replace(text=ABBREVIATED_END.sub(".", problem.text)) for problem in problems]


def worst_level(problems: Iterable[Problem]) -> Level:
    """Return the highest level of the problems, `OK` if there are none."""
    return max((problem.level for problem in problems), default=Level.OK)


def as_json(report: Report, base: str = "") -> dict[str, Any]:
    """Return the report and its problems as a dict for `json.dumps`; links begin with `base`, a scheme and host."""
    problems = find_problems(report)
    findings = [
        {
            "code": problem.code,
            "level": problem.level.name.lower(),
            "text": problem.text,
            "link": absolute(problem.link, base),
        }
        for problem in problems
    ]
    return {"status": worst_level(problems).name.lower(), "findings": findings, **report.as_json()}


def admin_link(model: str, filters: Mapping[str, Any], site: str | None = None) -> str:
    """Return the path of a changelist in the admin; "" if the model is not registered there."""
    try:
        path = reverse(f"admin:stockhub_webhooks_{model}_changelist", current_app=site)
    except NoReverseMatch:
        return ""
    return f"{path}?{urlencode(filters)}" if filters else path


def absolute(link: str, base: str) -> str:
    """Return a link below the address of the site; "" stays "", and without an address it stays a path."""
    return f"{base}{link}" if link else ""


def database(report: Report) -> Iterator[Problem]:
    """Report that the database does not answer; new messages go to the spool."""
    if report.database:
        text = _("The database does not answer (%(detail)s).") % {"detail": report.database}
        yield Problem("database", Level.CRITICAL, text)


def writes(report: Report) -> Iterator[Problem]:
    """Report that the database takes no writes; new messages go to the spool."""
    if report.write_error:
        text = _("The database takes no writes (%(detail)s).") % {"detail": report.write_error}
        yield Problem("read_only", Level.CRITICAL, text)


def lost_messages(report: Report) -> Iterator[Problem]:
    """Report messages that this process has answered and that are no longer in the database."""
    if count := report.lost_messages:
        text = ngettext(
            "%(count)d message that was answered is no longer in the database: was an older backup restored?",
            "%(count)d messages that were answered are no longer in the database: was an older backup restored?",
            count,
        )
        yield Problem("lost_messages", Level.CRITICAL, text % {"count": count}, filters={})


def unwritable_spool(report: Report) -> Iterator[Problem]:
    """Report a spool directory that takes no file; messages are lost while the database is away."""
    if report.spool.write_fault and not report.spool.fault:
        text = _("The spool directory cannot be written (%(detail)s).") % {"detail": report.spool.write_fault}
        yield Problem("spool", Level.CRITICAL, text)


def unwritable_copy(report: Report) -> Iterator[Problem]:
    """Report that the copy of the journal cannot be written; messages are in the database alone."""
    if report.spool.copy_fault:
        text = _(
            "The copy of the journal cannot be written (%(detail)s): new messages are in the database alone. Make room "
            "in JOURNAL_COPY_DIR; stockhub_dump --since writes what the copy lacks."
        ) % {"detail": report.spool.copy_fault}
        yield Problem("journal_copy", Level.CRITICAL, text)


def spool(report: Report) -> Iterator[Problem]:
    """Report a spool directory or files in it that cannot be read."""
    if report.spool.fault:
        text = _("The spool directory cannot be read (%(detail)s).") % {"detail": report.spool.fault}
        yield Problem("spool", Level.CRITICAL, text)
    if count := report.spool.broken:
        text = ngettext(
            "%(count)d file in the spool directory is broken.",
            "%(count)d files in the spool directory are broken.",
            count,
        )
        yield Problem("spool", Level.CRITICAL, text % {"count": count})


def spool_late(report: Report) -> Iterator[Problem]:
    """Report files that wait in the spool directory although the database answers."""
    late = report.spool.late
    if late.count:
        text = ngettext(
            "%(count)d message waits in the spool directory since %(moment)s.",
            "%(count)d messages wait in the spool directory since %(moment)s.",
            late.count,
        )
        text %= {"count": late.count, "moment": format_time(late.oldest)}
        files = _("Files: %(names)s") % {"names": ", ".join(report.spool.names[: late.count])}
        yield Problem("spool_late", Level.CRITICAL, f"{text} {files}")


def spool_other(report: Report) -> Iterator[Problem]:
    """Report spool files of another database or schema, which are left alone."""
    for files in report.spool.others:
        text = _(
            "Files in the spool directory belong to another database or schema (%(owner)s) and are left alone: "
            "%(names)s. This command imports them: %(command)s"
        ) % {"owner": files.owner, "names": ", ".join(files.names), "command": files.command}
        yield Problem("spool_other", Level.WARNING, text)


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
        code, level, hint = "no_worker", Level.CRITICAL, _("No worker came by: does stockhub_worker run?")
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


def gone_receivers(report: Report) -> Iterator[Problem]:
    """Report calls whose receiver is not connected in this process."""
    for removed in report.gone_receivers:
        text = ngettext(
            "%(count)d task waits for %(receiver)s, which is not known here.",
            "%(count)d tasks wait for %(receiver)s, which is not known here.",
            removed.open_calls,
        )
        text %= {"count": removed.open_calls, "receiver": f"{removed.receiver} ({removed.signal})"}
        filters = {"needs": "gone", "receiver": removed.receiver, "signal__exact": removed.signal}
        subject = f"{removed.receiver} {removed.signal}"
        yield Problem("gone_receivers", Level.WARNING, text, "receivercall", filters, subject)


def hanging_receivers(report: Report) -> Iterator[Problem]:
    """Report receivers with a call that has been running for longer than `RECEIVER_ALARM_SECONDS`."""
    for receiver in report.hanging_receivers:
        text = _("%(receiver)s has been running for more than %(seconds)d seconds: does it wait for another service?")
        text %= {"receiver": receiver, "seconds": conf.RECEIVER_ALARM_SECONDS}
        filters = {"status__exact": "running", "receiver": receiver}
        yield Problem("receiver_hangs", Level.CRITICAL, text, "receivercall", filters, receiver)


def blocked_receivers(report: Report) -> Iterator[Problem]:
    """Report receivers that are away, critical, and receivers that a person paused."""
    for blocked in report.blocked_receivers:
        code, level = ("paused", Level.WARNING) if blocked.is_paused else ("breaker", Level.CRITICAL)
        text = _("%(receiver)s is away since %(moment)s: it is tried until it works again.")
        if blocked.is_paused:
            text = _("%(receiver)s is paused since %(moment)s.")
        if blocked.until:
            text = _("%(receiver)s is paused since %(moment)s, until %(until)s.")
        values = {"moment": format_time(blocked.since), "until": format_time(blocked.until)}
        sentence = text % {"receiver": blocked.receiver, **values}
        if blocked.waiting:
            waiting = ngettext("%(count)d task waits for it.", "%(count)d tasks wait for it.", blocked.waiting)
            sentence += " " + waiting % {"count": blocked.waiting}
        filters = {"status__in": "pending,running", "receiver": blocked.receiver} | REAL
        yield Problem(code, level, sentence, "receivercall", filters, blocked.receiver)


def failing_receivers(report: Report) -> Iterator[Problem]:
    """Report receivers that have only failed; critical if no receiver has succeeded since."""
    for failing in report.failing_receivers:
        text = ngettext(
            "%(receiver)s has only failed since %(moment)s (%(count)d attempt).",
            "%(receiver)s has only failed since %(moment)s (%(count)d attempts in a row).",
            failing.in_a_row,
        )
        text %= {"receiver": failing.receiver, "moment": format_time(failing.since), "count": failing.in_a_row}
        level = Level.WARNING
        if not failing.others_succeed:
            level, text = Level.CRITICAL, f"{text} {_('No receiver has succeeded since.')}"
        filters = {"status__in": "pending,running,given_up", "receiver": failing.receiver} | REAL
        yield Problem("receiver_fails", level, text, "receivercall", filters, failing.receiver)


def failing_lookups(report: Report) -> Iterator[Problem]:
    """Report that `HOST_ORDER_RESOLVER` raised; critical if it does nothing else."""
    for failing in report.failing_lookups:
        text = ngettext(
            "%(count)d order could not be looked up in our shop: HOST_ORDER_RESOLVER raised %(cause)s.",
            "%(count)d orders could not be looked up in our shop: HOST_ORDER_RESOLVER raised %(cause)s.",
            failing.count,
        )
        text %= {"count": failing.count, "cause": failing.cause}
        level = Level.WARNING
        if not failing.others_succeed:
            level, text = Level.CRITICAL, f"{text} {_('No look-up has succeeded since.')}"
        yield Problem("resolver_fails", level, text, "hostlink", {"status__exact": "failed"}, failing.cause)


def past_term(report: Report) -> Iterator[Problem]:
    """Report personal data that is past its term and still here: the worker removes it once an hour."""
    if count := sum(report.past_term.values()):
        text = ngettext(
            "%(count)d row with personal data is past its term and still here (%(kinds)s): does stockhub_worker run?",
            "%(count)d rows with personal data are past their term and still here (%(kinds)s): does stockhub_worker "
            "run?",
            count,
        )
        kinds = ", ".join(str(KIND_LABELS[kind]) for kind, rows in report.past_term.items() if rows)
        yield Problem("past_term", Level.WARNING, text % {"count": count, "kinds": kinds})


RULES: tuple[Callable[[Report], Iterator[Problem]], ...] = (
    database,
    writes,
    lost_messages,
    spool,
    unwritable_spool,
    unwritable_copy,
    spool_late,
    spool_other,
    given_up,
    late,
    order_locked,
    refusals,
    quarantined,
    impossible_times,
    silence,
    gone_receivers,
    hanging_receivers,
    blocked_receivers,
    past_term,
    failing_receivers,
    failing_lookups,
)


def format_time(at: Any) -> str:
    """Format a time in the active language and the time zone of the host; None becomes a dash."""
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT") if at else "-"
