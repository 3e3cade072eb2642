"""The alarm: signals and mails about new problems, once for each episode, with at most one mail an hour.

An episode lasts from the first check that finds a problem to the first one that does not. Every decision is a
conditional update of a row, so any number of processes may check at the same time.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
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
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.report import Report
from stockhub_webhooks.operations.health.rules import Problem, find_problems
from stockhub_webhooks.visible import isolated

logger = logger_of(__name__)

CHECK_SECONDS = 60.0
ALERT_SECONDS = 3600.0
MAILED = ("breaker", "given_up", "quarantined", "refusals", "silence", "no_worker", "spool")

check_throttle = Throttle(CHECK_SECONDS)
check_throttle.start()  # a process that has just started may find work that nothing has picked up yet


def check_if_due() -> None:
    """Check after an answer, at most once a minute in this process and not in its first minute."""
    if check_throttle.is_due():
        check_throttle.start()
        check()


def check() -> None:
    """Find problems and raise alarms, at most once a minute among all processes. Never raises."""
    try:
        with query_timeout(database_alias()):
            report = collect_report() if acquire("look", CHECK_SECONDS) else None
        if report:
            raise_alarms(report)
    except Exception as error:
        logger.error("health check failed (%s); the next one runs in a minute", error_location(error))


def raise_alarms(report: Report) -> None:
    """Begin and end episodes, send the signals of new episodes, and mail new problems."""
    if report.database:
        return  # without the database, episodes cannot be stored
    with translation.override(conf.language()):
        problems = find_problems(report)
    codes = {problem.code for problem in problems} | ({"backlog"} if report.late.count else set())
    new = _update_episodes(codes)
    if "silence" in new:
        signals.silence_detected.send_robust(
            Message, last_received_at=report.last_message_at, open_hours=report.silent_hours
        )
    if "backlog" in new:
        signals.backlog_detected.send_robust(Message, count=report.late.count, oldest_due_at=report.late.oldest)
    if conf.ALERT:
        _alert([problem for problem in problems if problem.code in MAILED])


def _update_episodes(codes: set[str]) -> set[str]:
    """End the episodes of all other codes, and begin those of `codes`; return the ones that this process began."""
    rows = Alarm.objects.using(database_alias())
    known = dict(rows.values_list("name", "since"))
    if ended := [name for name, since in known.items() if since and name not in codes]:
        rows.filter(name__in=ended).update(since=None, told_at=None)
    return {name for name in sorted(codes) if _begin_episode(name, known)}


def _begin_episode(name: str, known: dict[str, datetime | None]) -> bool:
    if known.get(name):
        return False
    if name in known:
        return bool(
            Alarm.objects.using(database_alias()).filter(name=name, since=None).update(since=now(), told_at=None)
        )
    try:
        with transaction.atomic(using=database_alias()):
            Alarm(name=name, since=now()).save(using=database_alias(), force_insert=True)
    except IntegrityError:  # another process was first
        return False
    return True


def _alert(problems: list[Problem]) -> None:
    """Call `ALERT` with all problems if one of them is new, unless it was called in the last hour."""
    unsent = Alarm.objects.using(database_alias()).filter(
        name__in={problem.code for problem in problems}, since__isnull=False, told_at=None
    )
    names = list(unsent.values_list("name", flat=True))
    if not names or not acquire("alert", ALERT_SECONDS):
        return
    with translation.override(conf.language()):
        subject, text = write_mail(problems)
    try:
        import_string(conf.ALERT)(subject, text)
    except Exception as error:
        logger.error("ALERT failed (%s); it is called again in an hour", error_location(error))
        return
    unsent.filter(name__in=names).update(told_at=now())


def write_mail(problems: list[Problem]) -> tuple[str, str]:
    """Return the subject and the text of a mail about the problems, in the active language."""
    subject = ngettext("Stock Hub: %(count)d thing is wrong", "Stock Hub: %(count)d things are wrong", len(problems))
    lines = [f"- {problem.text}" + (f"\n  {problem.link}" if problem.link else "") for problem in problems]
    end = _("All numbers: manage.py stockhub_status. You get at most one such mail an hour.")
    return subject % {"count": len(problems)}, isolated("\n".join([*lines, "", end, ""]))
