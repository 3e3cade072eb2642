"""The alarm: signals and mails about new problems, with at most one mail an hour.

A problem is identified by its rule and its subject. Its episode lasts from the first check that finds it to the first
one that does not, and is mailed once; rows that are new in it (a further quarantined message) are mailed again, and so
is a warning that becomes critical. Every decision is a conditional update of a row, so any number of processes may
check at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.core import mail
from django.core.mail import EmailMessage, mail_admins
from django.core.mail.backends import smtp
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Alarm, Message
from stockhub_webhooks.models.lock import acquire
from stockhub_webhooks.operations.health import refusals
from stockhub_webhooks.operations.health.alarm_thread import ALARM_THREAD
from stockhub_webhooks.operations.health.collect import collect_report, collect_spool
from stockhub_webhooks.operations.health.problems import SAME_ALARM, Level, Problem, absolute
from stockhub_webhooks.operations.health.report import Report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.operations.health.site_url import site_url
from stockhub_webhooks.receiving import refused_bodies
from stockhub_webhooks.visible import isolated

logger = logger_of(__name__)

CHECK_SECONDS = 60.0
ALERT_SECONDS = 3600.0
MAIL_SECONDS = 10.0  # for each answer of the mail server if EMAIL_TIMEOUT is not set
MAILED = (
    "breaker",
    "receiver_hangs",
    "receiver_fails",
    "resolver_fails",
    "line_resolver_fails",
    "given_up",
    "quarantined",
    "refusals",
    "refusals_expiring",
    "refusals_pushed_out",
    "silence",
    "no_worker",
    "spool",
    "spool_late",
    "lost_messages",
)
LOCAL = ("spool", "spool_late")  # of one process's disk: the process that looks at the tables may have another one
LOCAL_SECONDS = 900.0  # an episode of these ends if no process has seen the problem for so long

_seen_here: set[str] = set()  # codes of LOCAL whose problem this process has seen
check_throttle = Throttle(CHECK_SECONDS)
check_throttle.start()  # a process that has just started may find work that nothing has picked up yet


def check_if_due() -> None:
    """Check after an answer, at most once a minute in this process and not in its first minute."""
    if check_throttle.is_due():
        check_throttle.start()
        check()


def check() -> None:
    """Find problems and raise alarms, at most once a minute among all processes. Never raises, waits for no mail."""
    ALARM_THREAD.is_running()  # logs a step that hangs
    try:
        with query_timeout(database_alias()):
            is_whole = acquire("look", CHECK_SECONDS)
            report = collect_report(with_keys=False) if is_whole else collect_spool()
        raise_alarms(report, is_whole=is_whole)
    except Exception as error:
        logger.error("health check failed (%s); the next one runs in a minute", error_location(error))


def raise_alarms(report: Report, *, is_whole: bool = True) -> None:
    """Begin and end episodes, send the signals of new episodes, and mail new problems.

    Args:
        report: without an error of the database.
        is_whole: False if the report is about this process's spool directory alone.
    """
    if report.database:
        return  # without the database, episodes cannot be stored
    with translation.override(conf.language()):
        problems = [problem for problem in find_problems(report) if is_whole or problem.code in LOCAL]
    if not (problems or is_whole or _seen_here):
        return
    found = _states(problems) | ({"backlog": ProblemState()} if report.late.count else {})
    new = _update_episodes(found, is_whole=is_whole)
    mailed = [problem for problem in problems if problem.code in MAILED]
    if not new.isdisjoint(SIGNALLED) or (conf.ALERT and _unsent(mailed).exists()):
        ALARM_THREAD.start(partial(_send, report, new, mailed))


class ProblemState(NamedTuple):
    """What a check found of one problem: its newest row, and whether it is critical."""

    newest: int | None = None
    is_critical: bool = False


def _states(problems: Sequence[Problem]) -> dict[str, ProblemState]:
    """Return the states by identity; a rule that shares its alarm with another one makes the other no more urgent."""
    states: dict[str, ProblemState] = {}
    for problem in problems:
        former = states.get(problem.identity, ProblemState())
        newest = max((each for each in (former.newest, problem.newest) if each is not None), default=None)
        is_critical = problem.level is Level.CRITICAL and problem.code not in SAME_ALARM
        states[problem.identity] = ProblemState(newest, former.is_critical or is_critical)
    return states


def _send(report: Report, new: set[str], mailed: list[Problem]) -> None:
    """Send the signals of new episodes, and call `ALERT`. Runs the shop's code."""
    for code, send in SIGNALLED.items():
        if code in new:
            ALARM_THREAD.call(partial(send, report))
    if conf.ALERT:
        _alert(mailed, report.made_at)


def _send_silence(report: Report) -> None:
    signals.silence_detected.send_robust(
        Message, last_received_at=report.last_message_at, open_hours=report.silent_hours
    )


def _send_backlog(report: Report) -> None:
    signals.backlog_detected.send_robust(Message, count=report.late.count, oldest_due_at=report.late.oldest)


SIGNALLED = {"silence": _send_silence, "backlog": _send_backlog}


def _update_episodes(found: Mapping[str, ProblemState], *, is_whole: bool = True) -> set[str]:
    """End the episodes of all other problems, and begin those of `found`; return the ones that this process began.

    The episode of a problem on a disk is ended by the process that saw the problem, or if none saw it for a while.

    Args:
        found: the state of each problem, by its identity.
        is_whole: False if only the problems of `LOCAL` were looked for.
    """
    for code in found.keys() & LOCAL:
        acquire(f"seen {code}", 0)
        _seen_here.add(code)
    rows = Alarm.objects.using(database_alias())
    known = {row.name: row for row in rows.all()}
    over = [name for name, row in known.items() if row.since and name not in found]
    if ended := [name for name in over if _may_end(name, is_whole=is_whole)]:
        _seen_here.difference_update(ended)
        rows.filter(name__in=ended).update(since=None, told_at=None, newest=None, is_critical=False)
    began = set()
    for name, state in sorted(found.items()):
        row = known.get(name)
        if row is None or row.since is None:
            began |= {name} if _begin_episode(name, state, is_known=row is not None) else set()
            continue
        same = rows.filter(name=name, since__isnull=False)
        if state.newest is not None and state.newest > (row.newest or 0):
            same.filter(Q(newest=None) | Q(newest__lt=state.newest)).update(newest=state.newest, told_at=None)
        if state.is_critical and not row.is_critical:
            same.filter(is_critical=False).update(is_critical=True, told_at=None)
    return began


def _may_end(name: str, *, is_whole: bool) -> bool:
    if name not in LOCAL:
        return is_whole
    return name in _seen_here or (is_whole and acquire(f"seen {name}", LOCAL_SECONDS))


def _begin_episode(name: str, state: ProblemState, *, is_known: bool) -> bool:
    begun: dict[str, Any] = {"since": now(), "told_at": None, **state._asdict()}
    if is_known:
        return bool(Alarm.objects.using(database_alias()).filter(name=name, since=None).update(**begun))
    try:
        with transaction.atomic(using=database_alias()):
            Alarm(name=name, **begun).save(using=database_alias(), force_insert=True)
    except IntegrityError:  # another process was first
        return False
    return True


def _unsent(problems: list[Problem]) -> Any:
    """Return the episodes of these problems of which no alarm was sent."""
    names = {problem.identity for problem in problems}
    return Alarm.objects.using(database_alias()).filter(name__in=names, since__isnull=False, told_at=None)


def _alert(problems: list[Problem], made_at: datetime) -> None:
    """Call `ALERT` with all problems if one of them is new, unless it was called in the last hour.

    Refused messages may be deleted once they were announced so.
    """
    unsent = _unsent(problems)
    new = {name: ProblemState(*seen) for name, *seen in unsent.values_list("name", "newest", "is_critical")}
    if not new or not acquire("alert", ALERT_SECONDS):
        return
    with translation.override(conf.language()):
        subject, text = write_mail(
            [problem for problem in problems if problem.identity in new],
            [problem for problem in problems if problem.identity not in new],
            site_url(),
        )
    _call_alert(subject, text)
    if any(problem.code in refusals.CODES for problem in problems):
        refused_bodies.announce(made_at)
    for name, state in new.items():  # what came meanwhile is mailed in an hour
        unsent.filter(name=name, **state._asdict()).update(told_at=now())


def _call_alert(subject: str, text: str) -> None:
    function = import_string(conf.ALERT)
    if function is not mail_admins:
        function(subject, text)
        return
    prefix, sender, recipients = conf.mail_to_admins()
    connection = _mail_connection()
    if isinstance(connection, smtp.EmailBackend) and connection.timeout is None:
        connection.timeout = MAIL_SECONDS
    if recipients:
        connection.send_messages([EmailMessage(f"{prefix}{subject}", text, sender, recipients)])


def _mail_connection() -> Any:
    django_mail: Any = mail
    # Django 6.1 calls them mailers, and warns of `get_connection`
    return django_mail.mailers.default if hasattr(django_mail, "mailers") else django_mail.get_connection()


def write_mail(new: list[Problem], still_open: Sequence[Problem] = (), base: str = "") -> tuple[str, str]:
    """Return the subject and the text of a mail about the problems, in the active language.

    Args:
        new: what was not mailed yet.
        still_open: what was mailed before.
        base: scheme and host of the links; "" if it is not known.
    """
    subject = ngettext("Stock Hub: %(count)d new problem", "Stock Hub: %(count)d new problems", len(new))
    subject %= {"count": len(new)}
    lines = list(_lines(new, base))
    if still_open:
        subject += " " + _("(%(count)d still open)") % {"count": len(still_open)}
        lines = [_("New:"), *lines, "", _("Still open:"), *_lines(still_open, base)]
    if base:
        subject += f", {urlsplit(base).netloc}"  # somebody may have several shops
    end = _("All numbers: manage.py stockhub_status. You get at most one such mail an hour.")
    return subject, isolated("\n".join([*lines, "", end, ""]))


def _lines(problems: Sequence[Problem], base: str) -> Iterator[str]:
    for problem in problems:
        yield f"- {problem.text}"
        if link := absolute(problem.link, base):
            yield f"  {link}"
