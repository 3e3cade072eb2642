"""The report as text for `stockhub_status`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stockhub_webhooks.models import Drift, Message, RefusalReason, Topic
from stockhub_webhooks.operations.health.problems import Level, absolute, format_time, worst_level
from stockhub_webhooks.operations.health.report import Backlog, Report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.operations.health.site_url import site_url


def lines(report: Report) -> Iterator[str]:
    """Yield the problems, then all numbers of the report, in the active language."""
    problems = find_problems(report)
    yield {
        Level.OK: _("All is well."),
        Level.WARNING: _("Something needs a look."),
        Level.CRITICAL: _("Something is wrong."),
    }[worst_level(problems)]
    base = "" if report.database else site_url()
    for problem in problems:
        yield f"  {'!' * problem.level} {problem.text}"
        if base and problem.link:
            yield f"    {absolute(problem.link, base)}"
    if not report.database:
        yield from _section(_("Last message"), _last_messages(report))
        yield from _section(_("Last use of each key"), _keys(report))
        yield from _section(_("Work"), _work(report))
        yield from _section(_("Refusals of the last 24 hours"), _refusals(report))
        yield from _section(_("Different from the documentation"), _drift(report))
        yield from _section(_("Last sign of life of a worker"), _workers(report))
    yield from _section(_("Spool"), _spool(report))


def _section(title: str, values: Iterable[tuple[Any, str]]) -> Iterator[str]:
    yield ""
    yield f"{title}:"
    lines = [f"  {name}: {value}" for name, value in values]
    yield from lines or ["  -"]


def _backlog(backlog: Backlog) -> str:
    if not backlog.count:
        return "0"
    return _("%(count)d, the oldest of %(moment)s") % {"count": backlog.count, "moment": format_time(backlog.oldest)}


def _last_messages(report: Report) -> Iterator[tuple[Any, str]]:
    labels = dict(Topic.choices)
    for topic, at in report.last_messages.items():
        yield labels.get(topic, "?"), format_time(at)
    if report.silence_after_hours and report.silent_hours is not None:
        yield _("opening hours since"), f"{report.silent_hours:g} / {report.silence_after_hours:g}"


def _keys(report: Report) -> Iterator[tuple[Any, str]]:
    removed = _("no longer configured")
    for key in report.keys:
        remark = "" if key.is_configured else f" ({removed})"
        yield f"{key.fingerprint}, {key.account}{remark}", format_time(key.last_used)


def _work(report: Report) -> Iterator[tuple[Any, str]]:
    yield _("messages not processed yet"), _backlog(report.open_messages)
    yield Message.Status.QUARANTINED.label, _backlog(report.quarantined)
    yield _("messages given up"), _backlog(report.failed)
    yield _("messages applied in part, of the last 30 days"), _backlog(report.in_part)
    yield _("tasks for our shop that are due"), _backlog(report.due_calls)
    yield _("tasks for our shop given up"), _backlog(report.given_up_calls)
    for blocked in report.blocked_receivers:
        label = _("paused: %(receiver)s") if blocked.is_paused else _("away: %(receiver)s")
        yield label % {"receiver": blocked.receiver}, str(blocked.waiting)
    for removed in report.gone_receivers:
        yield _("waiting for %(receiver)s, not known here") % {"receiver": removed.receiver}, str(removed.open_calls)


def _drift(report: Report) -> Iterator[tuple[Any, str]]:
    topics, kinds = dict(Topic.choices), dict(Drift.Kind.choices)
    for row in report.drift:
        what = f"{topics.get(row.topic, row.topic)}, {kinds.get(row.kind, row.kind)} {row.name}".strip()
        times = {"first": format_time(row.first_seen_at), "last": format_time(row.last_seen_at)}
        yield (
            what,
            ngettext("%(count)d message, %(first)s to %(last)s", "%(count)d messages, %(first)s to %(last)s", row.count)
            % {"count": row.count, **times},
        )


def _workers(report: Report) -> Iterator[tuple[Any, str]]:
    for name, beat_at in report.workers.items():
        yield name, format_time(beat_at)


def _refusals(report: Report) -> Iterator[tuple[Any, str]]:
    labels = dict(RefusalReason.choices)
    for reason, count in report.refusals.by_reason.items():
        yield labels.get(reason, reason), str(count)
    for key, count in report.refusals.by_key.items():
        yield _("key %(key)s") % {"key": key}, str(count)
    if report.refusals.kept:
        yield _("kept, and can still be let in"), str(report.refusals.kept)
    if report.refusals.muted:
        yield _("from muted senders"), str(report.refusals.muted)
    if report.refusals.pushed_out:
        yield _("not kept for want of room, in the last 7 days"), str(report.refusals.pushed_out)


def _spool(report: Report) -> Iterator[tuple[Any, str]]:
    yield _("files that wait"), _backlog(report.spool.waiting)
    if report.spool.names:
        yield _("the oldest files"), ", ".join(report.spool.names)
    yield _("broken files"), str(report.spool.broken)
