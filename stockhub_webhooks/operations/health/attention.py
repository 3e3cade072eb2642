"""The list "needs attention" of the admin: problems, and conditions worth checking that raise no alarm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import ngettext_lazy

from stockhub_webhooks.models.shipment import EXCEPTION
from stockhub_webhooks.operations.health import work
from stockhub_webhooks.operations.health.problems import REAL, Level, Problem
from stockhub_webhooks.operations.health.report import Report
from stockhub_webhooks.operations.health.rules import find_problems

# (code, rows, (model and filters of the changelist), text)
CONDITIONS: Any = (
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
        "in_part",
        work.messages_in_part,
        ("message", {"needs": "in_part"}),
        ngettext_lazy("%(count)d message was applied in part.", "%(count)d messages were applied in part.", "count"),
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
        "outdated_returns",
        work.outdated_returns,
        ("message", {"needs": "outdated"}),
        ngettext_lazy(
            "%(count)d message about a return was outdated and changed nothing.",
            "%(count)d messages about returns were outdated and changed nothing.",
            "count",
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
    (
        "lines_not_in_our_shop",
        work.lines_not_in_our_shop,
        ("missingline", REAL),
        ngettext_lazy(
            "%(count)d order line was not found in our shop.",
            "%(count)d order lines were not found in our shop.",
            "count",
        ),
    ),
)


def attention(report: Report) -> list[Problem]:
    """Return the problems and conditions in the active language, the worst first."""
    problems = [*find_problems(report), *(() if report.database else _conditions())]
    return sorted(problems, key=lambda problem: -problem.level)


def _conditions() -> Iterator[Problem]:
    for code, rows, (model, filters), text in CONDITIONS:
        if count := rows().count():
            yield Problem(code, Level.WARNING, text % {"count": count}, model, filters)
