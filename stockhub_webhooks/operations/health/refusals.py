"""Refused messages in the health report: what waits for a decision, until when, and what could not be kept.

A kept body stays a problem until it is let in or dismissed. That other messages were accepted since only says that the
key is right by now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import DatabaseError, transaction
from django.db.models import Count, F, Max, Min, Q, Subquery, Sum
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message, Refusal, RefusedBody
from stockhub_webhooks.models.message import Topic
from stockhub_webhooks.models.refusal import NOT_A_DELIVERY
from stockhub_webhooks.operations.health.report import Refusals, RefusedGroup, Report
from stockhub_webhooks.operations.health.work import real_rows, rows_of
from stockhub_webhooks.receiving import refused_bodies
from stockhub_webhooks.receiving.authentication import fingerprint
from stockhub_webhooks.receiving.refused_bodies import delete_at, kept_for

PERIOD = timedelta(hours=24)
NOT_KEPT_PERIOD = timedelta(days=7)
EXPIRING = timedelta(days=3)  # so long before its deletion, somebody must have been told
MAX_GROUPS = 5  # strangers can send any number of keys
CODES = ("refusals", "refusals_expiring")  # whose mail announces the deletion
NOT_ACCEPTED = (Message.Status.QUARANTINED, Message.Status.DISMISSED)  # answered 406


class RefusalProblem(NamedTuple):
    """A problem, as `problems.Problem` without its level."""

    code: str
    is_critical: bool
    text: str
    model: str
    filters: Mapping[str, Any]
    subject: str = ""
    newest: int | None = None


# ---------------------------------------------------------------- collecting


def collect(made_at: datetime, *, with_keys: bool) -> Refusals:
    """Count the refused requests of the last 24 hours, and what waits for a decision."""
    counted = rows_of(Refusal).filter(hour__gt=made_at - PERIOD)
    reasons = list(
        counted.values("reason")
        .annotate(number=Sum("count"), silenced=Sum("muted"), last=Max("last_at", filter=Q(count__gt=F("muted"))))
        .order_by("reason")
    )
    deliveries = [row for row in reasons if row["reason"] not in NOT_A_DELIVERY]
    waiting = rows_of(RefusedBody).waiting()
    is_expiring = Q(announced_at=None, refused_at__lte=made_at - kept_for() + EXPIRING)
    kept = waiting.aggregate(
        count=Count("pk"),
        first=Min("refused_at"),
        last=Max("refused_at"),
        untold=Count("pk", filter=Q(announced_at=None)),
        expiring=Count("pk", filter=is_expiring),
    )
    heard = sum(row["number"] - row["silenced"] for row in deliveries)
    pushed_out = rows_of(Refusal).filter(hour__gt=made_at - NOT_KEPT_PERIOD).aggregate(number=Sum("pushed_out"))
    return Refusals(
        by_reason={row["reason"]: row["number"] for row in reasons},
        by_key=_by_key(counted) if with_keys and reasons else {},
        deliveries=heard,
        muted=sum(row["silenced"] for row in reasons),
        last_at=max((row["last"] for row in deliveries if row["last"]), default=None),
        kept=kept["count"],
        last_kept_at=kept["last"],
        groups=_groups(waiting) if kept["count"] else [],
        untold=kept["untold"],
        expiring=kept["expiring"],
        delete_at=delete_at(kept["first"], is_announced=not kept["untold"]) if kept["count"] else None,
        pushed_out=pushed_out["number"] or 0,
        accepted_at=_accepted_at() if heard or kept["count"] else {},
    )


def _by_key(counted: Any) -> dict[str, int]:
    """Return how often each of the most frequent keys was refused."""
    keys = counted.exclude(key_fingerprint="").order_by().values_list("key_fingerprint")
    return dict(keys.annotate(number=Sum("count")).order_by("-number", "key_fingerprint")[:MAX_GROUPS])


def _groups(waiting: Any) -> list[RefusedGroup]:
    """Return the largest groups by topic and key."""
    account_of = {fingerprint(key): account for account, keys in conf.accounts().items() for key in keys}
    real = conf.real_accounts()
    only = real[0] if len(real) == 1 else ""
    rows = (
        waiting.order_by()
        .values("topic", "key_fingerprint")
        .annotate(
            count=Count("pk"),
            first_at=Min("refused_at"),
            last_at=Max("refused_at"),
            untold=Count("pk", filter=Q(announced_at=None)),
        )
        .order_by("-count", "topic", "key_fingerprint")[:MAX_GROUPS]
    )
    return [
        RefusedGroup(
            account=account_of.get(row["key_fingerprint"], only),
            topic=row["topic"],
            key_fingerprint=row["key_fingerprint"],
            count=row["count"],
            first_at=row["first_at"],
            last_at=row["last_at"],
            delete_at=delete_at(row["first_at"], is_announced=not row["untold"]),
        )
        for row in rows
    ]


def _accepted_at() -> dict[str, datetime | None]:
    """Return when the last message of each topic was accepted: one that could not be read was not."""
    accepted = real_rows(Message).filter(source=Message.Source.WEBHOOK).exclude(status__in=NOT_ACCEPTED)
    times = accepted.order_by("-received_at").values("received_at")
    names = {f"last_{number}": topic for number, topic in enumerate(topics.ALL)}
    lookups = {name: Subquery(times.filter(topic=topic)[:1]) for name, topic in names.items()}
    row = rows_of(Message).order_by().annotate(**lookups).values(*names).first() or {}
    return {topic: row.get(name) for name, topic in names.items()}


def announce_on_overview(report: Report) -> None:
    """Note that the overview tells of undecided messages, if nobody can be told by mail."""
    if report.refusals.untold and not conf.mails_alarms():
        with suppress(DatabaseError), transaction.atomic(using=database_alias()):
            refused_bodies.announce(report.made_at)


# ---------------------------------------------------------------- rules


def find(report: Report) -> Iterator[RefusalProblem]:
    """Yield what is wrong with the refused messages."""
    refused = report.refusals
    if refused.kept:
        yield from _undecided(refused)
    else:
        yield from _nothing_accepted(report)
    if refused.expiring:
        yield _expiring(refused)
    if refused.pushed_out:
        yield _pushed_out(report)


def _undecided(refused: Refusals) -> Iterator[RefusalProblem]:
    """Report each group of kept bodies. Critical: what is deleted is lost, for Stock Hub sends nothing twice."""
    for group in refused.groups:
        text = ngettext(
            "%(count)d message (%(what)s) was refused, and will be deleted on %(day)s: let it in, or dismiss it.",
            "%(count)d messages (%(what)s) were refused, and will be deleted from %(day)s on: let them in, or dismiss "
            "them.",
            group.count,
        ) % {"count": group.count, "what": _description(group), "day": _day(group.delete_at)}
        if is_key_in_doubt(group, refused):
            text += " " + _("Is the key right? Anybody can send such messages, so look at them first.")
        filters = {"needs": "undecided", "topic__exact": group.topic, "key_fingerprint__exact": group.key_fingerprint}
        # by topic alone: strangers can make up any number of keys
        yield RefusalProblem(
            "refusals", True, text, "refusedbody", filters, group.topic, int(group.last_at.timestamp())
        )
    others = refused.kept - sum(group.count for group in refused.groups)
    if others > 0:
        text = ngettext(
            "%(count)d more message, of another topic or key, was refused and waits for a decision.",
            "%(count)d more messages, of other topics or keys, were refused and wait for a decision.",
            others,
        )
        yield RefusalProblem("refusals", True, text % {"count": others}, "refusedbody", {"needs": "undecided"})


def is_key_in_doubt(group: RefusedGroup, refused: Refusals) -> bool:
    """Return True unless messages of this topic were accepted since; with several accounts, that proves nothing."""
    accepted_at = refused.accepted_at.get(group.topic)
    return accepted_at is None or accepted_at < group.last_at or len(conf.real_accounts()) > 1


def _description(group: RefusedGroup) -> str:
    key = _("key %(key)s") % {"key": group.key_fingerprint} if group.key_fingerprint else _("no key")
    labels = dict(Topic.choices)
    account = _("account %(account)s") % {"account": group.account} if len(conf.real_accounts()) > 1 else ""
    return ", ".join(filter(None, (str(labels.get(group.topic, "?")), key, account if group.account else "")))


def _nothing_accepted(report: Report) -> Iterator[RefusalProblem]:
    """Report refusals if no request was accepted since. A public URL attracts random requests, so it is a warning."""
    refused = report.refusals
    success = max(filter(None, refused.accepted_at.values()), default=None)
    if refused.last_at is None or not refused.deliveries or (success and success >= refused.last_at):
        return
    text = ngettext(
        "%(count)d delivery was refused in the last 24 hours, and none was accepted since.",
        "%(count)d deliveries were refused in the last 24 hours, and none was accepted since.",
        refused.deliveries,
    )
    since = {"hour__gt": (report.made_at - PERIOD).isoformat()}
    yield RefusalProblem("refusals", False, text % {"count": refused.deliveries}, "refusal", since)


def _expiring(refused: Refusals) -> RefusalProblem:
    """Report bodies that are soon deleted and that nobody was told of. Its mail is what they wait for."""
    text = ngettext(
        "%(count)d refused message is deleted on %(day)s, unless it is let in before.",
        "%(count)d refused messages are deleted from %(day)s on, unless they are let in before.",
        refused.expiring,
    ) % {"count": refused.expiring, "day": _day(refused.delete_at)}
    return RefusalProblem("refusals_expiring", True, text, "refusedbody", {"needs": "undecided"})


def _pushed_out(report: Report) -> RefusalProblem:
    text = ngettext(
        "%(count)d refused message of the last 7 days was not kept, since others took its room: see KEEP_REFUSED, and "
        "mute strangers.",
        "%(count)d refused messages of the last 7 days were not kept, since others took their room: see KEEP_REFUSED, "
        "and mute strangers.",
        report.refusals.pushed_out,
    ) % {"count": report.refusals.pushed_out}
    since = {"hour__gt": (report.made_at - NOT_KEPT_PERIOD).isoformat()}
    return RefusalProblem("refusals_pushed_out", False, text, "refusal", since)


def _day(at: datetime | None) -> str:
    return formats.date_format(timezone.localtime(at), "DATE_FORMAT") if at else "-"
