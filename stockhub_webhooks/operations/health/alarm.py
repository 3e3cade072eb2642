"""Tells somebody what is wrong: once an episode, by one process, with at most one mail an hour.

Everything is decided by rows that are changed conditionally, so it does not matter how many processes look.
"""

from __future__ import annotations

from datetime import datetime

from django.core import mail
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
from stockhub_webhooks.operations.health.rules import Finding, findings

logger = logger_of(__name__)

LOOK_SECONDS = 60.0
ALERT_SECONDS = 3600.0
MAILED = ("given_up", "quarantined", "refusals", "silence", "no_worker", "spool")

check_throttle = Throttle(LOOK_SECONDS)
check_throttle.start()  # a process that has just started may find work that nothing has picked up yet


def check_if_due() -> None:
    """Check after an answer, at most once a minute in this process and not in its first minute."""
    if check_throttle.is_due():
        check_throttle.start()
        check()


def check() -> None:
    """Look whether all is well, at most once a minute among all processes, and tell what is not. Never raises."""
    try:
        with query_timeout(database_alias()):
            seen = collect_report() if acquire("look", LOOK_SECONDS) else None
        if seen:
            tell(seen)
    except Exception as fault:
        logger.error("looking whether all is well failed with %s", error_location(fault))


def tell(seen: Report) -> None:
    """Begin and end episodes, send the signals of those that begin, and mail what was not told yet."""
    if seen.database:
        return
    with translation.override(conf.language()):
        found = findings(seen)
    wrong = {finding.code for finding in found} | ({"backlog"} if seen.late.count else set())
    begun = _episodes(wrong)
    if "silence" in begun:
        signals.silence_detected.send_robust(
            Message, last_received_at=seen.last_message_at, open_hours=seen.silent_hours
        )
    if "backlog" in begun:
        signals.backlog_detected.send_robust(Message, count=seen.late.count, oldest_due_at=seen.late.oldest)
    if conf.ALERT:
        _alert([finding for finding in found if finding.code in MAILED])


def _episodes(wrong: set[str]) -> set[str]:
    """Write down what is wrong now; the names of those that this process found first."""
    rows = Alarm.objects.using(database_alias())
    known = dict(rows.values_list("name", "since"))
    if over := [name for name, since in known.items() if since and name not in wrong]:
        rows.filter(name__in=over).update(since=None, told_at=None)
    return {name for name in sorted(wrong) if _begin(name, known)}


def _begin(name: str, known: dict[str, datetime | None]) -> bool:
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


def _alert(found: list[Finding]) -> None:
    """Tell all that is wrong, where something of it was not told in this episode, and none in the last hour."""
    untold = Alarm.objects.using(database_alias()).filter(
        name__in={finding.code for finding in found}, since__isnull=False, told_at=None
    )
    names = list(untold.values_list("name", flat=True))
    if not names or not acquire("alert", ALERT_SECONDS):
        return
    with translation.override(conf.language()):
        subject, text = write(found)
    try:
        import_string(conf.ALERT)(subject, text)
    except Exception as fault:
        logger.error("ALERT failed with %s, it is tried again in an hour", error_location(fault))
        return
    untold.filter(name__in=names).update(told_at=now())


def write(found: list[Finding]) -> tuple[str, str]:
    """Subject and text of a mail about what is wrong, in the active language."""
    subject = ngettext("Stock Hub: %(count)d thing is wrong", "Stock Hub: %(count)d things are wrong", len(found))
    lines = [f"- {finding.text}" + (f"\n  {finding.link}" if finding.link else "") for finding in found]
    end = _("All numbers: manage.py stockhub_status. You get at most one such mail an hour.")
    return subject % {"count": len(found)}, "\n".join([*lines, "", end, ""])


def mail_admins(subject: str, text: str) -> None:
    """Django's own, with what `ALERT` is called with."""
    mail.mail_admins(subject, text)
