"""Receivers of the shop and its resolver: failing, hanging, paused or gone."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stockhub_webhooks.conf import conf
from stockhub_webhooks.operations.health.problems import REAL, Level, Problem, format_time
from stockhub_webhooks.operations.health.report import Report


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
    """Report that `HOST_ORDER_RESOLVER` or `HOST_LINE_RESOLVER` raised; critical if it does nothing else."""
    for failing in report.failing_lookups:
        code, model = "resolver_fails", "hostlink"
        text = ngettext(
            "%(count)d order could not be looked up in our shop: HOST_ORDER_RESOLVER raised %(cause)s.",
            "%(count)d orders could not be looked up in our shop: HOST_ORDER_RESOLVER raised %(cause)s.",
            failing.count,
        )
        if failing.of_lines:
            code, model = "line_resolver_fails", "missingline"
            text = ngettext(
                "%(count)d order line could not be looked up in our shop: HOST_LINE_RESOLVER raised %(cause)s.",
                "%(count)d order lines could not be looked up in our shop: HOST_LINE_RESOLVER raised %(cause)s.",
                failing.count,
            )
        error, _at, place = failing.cause.partition(" at ")
        cause = _("%(error)s in %(place)s") % {"error": error, "place": place} if place else error
        text %= {"count": failing.count, "cause": cause}
        level = Level.WARNING
        if not failing.others_succeed:
            level, text = Level.CRITICAL, f"{text} {_('No look-up has succeeded since.')}"
        yield Problem(code, level, text, model, {"status__exact": "failed"}, failing.cause)
