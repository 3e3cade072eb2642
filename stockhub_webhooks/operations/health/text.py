"""The report as lines to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _

from stockhub_webhooks.conf import conf
from stockhub_webhooks.models import Message, RefusalReason, Topic
from stockhub_webhooks.operations.health.report import Backlog, Report
from stockhub_webhooks.operations.health.rules import Level, findings, level_of, moment


def lines(report: Report) -> Iterator[str]:
    """What is wrong, then all there is to know, in the active language."""
    found = findings(report)
    yield {
        Level.OK: _("All is well."),
        Level.WARNING: _("Something needs a look."),
        Level.CRITICAL: _("Something is wrong."),
    }[level_of(found)]
    yield from (f"  {'!' * finding.level} {finding.text}" for finding in found)
    if not report.database:
        yield from _section(_("Last message"), _last_messages(report))
        yield from _section(_("Last use of each key"), _keys(report))
        yield from _section(_("Work"), _work(report))
        yield from _section(_("Refusals of the last 24 hours"), _refusals(report))
        yield from _section(_("Last sign of life of a worker"), [(n, moment(at)) for n, at in report.workers.items()])
    yield from _section(_("Spool"), _spool(report))


def _section(title: str, facts: Iterable[tuple[Any, str]]) -> Iterator[str]:
    yield ""
    yield f"{title}:"
    found = [f"  {name}: {value}" for name, value in facts]
    yield from found or ["  -"]


def _pile(pile: Backlog) -> str:
    return _("%(count)d, the oldest of %(moment)s") % {"count": pile.count, "moment": moment(pile.oldest)} \
        if pile.count else "0"  # fmt: skip


def _last_messages(report: Report) -> Iterator[tuple[Any, str]]:
    words = dict(Topic.choices)
    for topic, at in report.last_messages.items():
        yield words.get(topic, "?"), moment(at)
    if conf.SILENCE_AFTER_HOURS > 0 and report.silent_hours is not None:
        yield _("opening hours since"), f"{report.silent_hours:g} / {conf.SILENCE_AFTER_HOURS:g}"


def _keys(report: Report) -> Iterator[tuple[Any, str]]:
    gone = _("no longer configured")
    for key in report.keys:
        remark = "" if key.is_configured else f" ({gone})"
        yield f"{key.fingerprint}, {key.account}{remark}", moment(key.last_used)


def _work(report: Report) -> Iterator[tuple[Any, str]]:
    yield _("messages not processed yet"), _pile(report.open_messages)
    yield Message.Status.QUARANTINED.label, _pile(report.quarantined)
    yield _("messages given up"), _pile(report.failed)
    yield _("tasks for our shop that are due"), _pile(report.due_calls)
    yield _("tasks for our shop given up"), _pile(report.given_up_calls)
    for gone in report.gone_receivers:
        yield _("waiting for %(receiver)s, not known here") % {"receiver": gone.receiver}, str(gone.open_calls)


def _refusals(report: Report) -> Iterator[tuple[Any, str]]:
    words = dict(RefusalReason.choices)
    for reason, count in report.refusals.by_reason.items():
        yield words.get(reason, reason), str(count)
    if report.refusals.kept:
        yield _("kept, and can still be let in"), str(report.refusals.kept)


def _spool(report: Report) -> Iterator[tuple[Any, str]]:
    yield _("files that wait"), _pile(report.spool.waiting)
    yield _("broken files"), str(report.spool.broken)
