"""What somebody in the office should look at: what is wrong, and what is nobody's alarm but somebody's question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import ngettext_lazy

from stockhub_webhooks.models.shipment import EXCEPTION
from stockhub_webhooks.operations.health import work
from stockhub_webhooks.operations.health.report import Report
from stockhub_webhooks.operations.health.rules import REAL, Finding, Level, findings

# code, which rows, in which list, and what is said
QUESTIONS: Any = (
    (
        "failing_calls",
        work.failing_calls,
        ("receivercall", {"needs": "failing"}),
        ngettext_lazy(
            "%(count)d task for our shop failed and is tried again.",
            "%(count)d tasks for our shop failed and are tried again.",
            "count",
        ),
    ),
    (
        "failing_messages",
        work.failing_messages,
        ("message", {"needs": "failing"}),
        ngettext_lazy(
            "%(count)d message could not be processed and is tried again.",
            "%(count)d messages could not be processed and are tried again.",
            "count",
        ),
    ),
    (
        "problem_on_the_way",
        work.parcels_with_a_problem,
        ("shipment", {"status": EXCEPTION} | REAL),
        ngettext_lazy(
            "%(count)d shipment has a problem on the way.", "%(count)d shipments have a problem on the way.", "count"
        ),
    ),
    (
        "not_received",
        work.orders_not_received,
        ("order", {"received": "no"} | REAL),
        ngettext_lazy(
            "%(count)d order was not received yet: we know it from what belongs to it.",
            "%(count)d orders were not received yet: we know them from what belongs to them.",
            "count",
        ),
    ),
    (
        "not_in_our_shop",
        work.orders_not_in_our_shop,
        ("hostlink", {}),
        ngettext_lazy(
            "%(count)d order was not found in our shop.", "%(count)d orders were not found in our shop.", "count"
        ),
    ),
)


def attention(report: Report) -> list[Finding]:
    """All of it in the active language, the worst first."""
    found = [*findings(report), *(() if report.database else _questions())]
    return sorted(found, key=lambda finding: -finding.level)


def _questions() -> Iterator[Finding]:
    for code, rows, (model, filters), text in QUESTIONS:
        if count := rows().count():
            yield Finding(code, Level.WARNING, text % {"count": count}, model, filters)
