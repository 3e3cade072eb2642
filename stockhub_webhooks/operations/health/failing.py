"""Receivers that have only failed, and a `HOST_ORDER_RESOLVER` that raises, for the health report."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Min, Q

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import from_now
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.models import HostLink, MissingLine, ReceiverCall, ReceiverState
from stockhub_webhooks.models.receiver_state import IS_OPEN, IS_PAUSED
from stockhub_webhooks.operations.health.report import FailingLookups, FailingReceiver
from stockhub_webhooks.operations.health.work import real_rows, rows_of

FAILING_SECONDS = 15 * 60
FAILED_IN_A_ROW = 5
RECENT_LINKS = 200
MAX_CAUSES = 20


def states_in_trouble() -> list[Any]:
    """Return the states of the receivers that are paused, away, or failing; `is_paused` says that a person did it."""
    has_failed = Q(failed_in_a_row__gte=FAILED_IN_A_ROW) | Q(failing_since__lte=from_now(-FAILING_SECONDS))
    is_failing = has_failed & Q(failing_since__isnull=False)
    rows = rows_of(ReceiverState).annotate(is_paused=ExpressionWrapper(IS_PAUSED, BooleanField()))
    return list(rows.filter(IS_PAUSED | IS_OPEN | is_failing).order_by("receiver"))


def failing_receivers(states: Iterable[Any], unsettled: Collection[str]) -> list[FailingReceiver]:
    """Return the receivers that failed five times in a row or for 15 minutes, and have not succeeded since.

    A receiver that is paused or away is left out: a rule of its own reports it.

    Args:
        states: what `states_in_trouble` returns.
        unsettled: the receivers with calls that wait or were given up; without any, nothing fails any more.
    """
    return [
        FailingReceiver(state.receiver, state.failing_since, state.failed_in_a_row, _any_success(state.failing_since))
        for state in states
        if not (state.is_paused or state.opened_at) and state.receiver in unsettled
    ]


def _any_success(since: datetime) -> bool:
    """Return True if any receiver that is connected here has succeeded since, tests left out."""
    done = real_rows(ReceiverCall).of(ledger.known_receivers())
    return bool(done.filter(status=ReceiverCall.Status.DONE, done_at__gte=since).exists())


def failing_lookups(made_at: datetime) -> list[FailingLookups]:
    """Return the orders and lines that could not be looked up since a resolver of the shop raised, by the cause."""
    if not conf.HOST_ORDER_RESOLVER:
        return []
    found = _causes(real_rows(HostLink).filter(status=HostLink.Status.FAILED, due_at__isnull=False))
    is_alone = bool(found) and _only_raises(min(row["since"] for row in found), made_at)
    of_orders = [FailingLookups(row["cause"], row["count"], row["since"], not is_alone) for row in found]
    return [*of_orders, *(_failing_lines(made_at) if conf.HOST_LINE_RESOLVER else [])]


def _causes(raised: Any) -> list[dict[str, Any]]:
    causes = raised.order_by().values("cause").annotate(count=Count("pk"), since=Min("since"))
    return list(causes.order_by("-count", "cause")[:MAX_CAUSES])


def _failing_lines(made_at: datetime) -> list[FailingLookups]:
    failed = MissingLine.Status.FAILED
    found = _causes(real_rows(MissingLine).filter(status=failed, link__lines_due_at__isnull=False))
    if not found:
        return []
    since = min(row["since"] for row in found)
    is_long = since <= made_at - timedelta(seconds=FAILING_SECONDS)
    is_alone = (is_long or sum(row["count"] for row in found) >= FAILED_IN_A_ROW) and not _any_line_answered(since)
    return [FailingLookups(row["cause"], row["count"], row["since"], not is_alone, of_lines=True) for row in found]


def _any_line_answered(since: datetime) -> bool:
    """Return True if `HOST_LINE_RESOLVER` has answered since: a line is not there, or all lines of an order are."""
    if real_rows(MissingLine).filter(status=MissingLine.Status.MISSING, looked_at__gte=since).exists():
        return True
    whole = real_rows(HostLink).filter(status=HostLink.Status.FOUND, lines_due_at=None, missing_lines=None)
    newest = whole.order_by("-pk").values_list("looked_at", flat=True)[:RECENT_LINKS]
    return any(at is not None and at >= since for at in newest)


def _only_raises(since: datetime, made_at: datetime) -> bool:
    """Return True if the last five look-ups raised, or all look-ups of the last 15 minutes and more."""
    newest = real_rows(HostLink).order_by("-pk").values_list("looked_at", "status")[:RECENT_LINKS]
    looked = sorted(((at, status) for at, status in newest if at), reverse=True)
    last = [status for _at, status in looked[:FAILED_IN_A_ROW]]
    if len(last) == FAILED_IN_A_ROW and set(last) == {HostLink.Status.FAILED}:
        return True
    has_answered = any(at >= since and status != HostLink.Status.FAILED for at, status in looked)
    return not has_answered and since <= made_at - timedelta(seconds=FAILING_SECONDS)
