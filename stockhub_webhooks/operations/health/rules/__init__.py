"""The rules that derive problems from a health report, one for each problem; the texts hold no personal data.

``messages``, ``receivers`` of the shop, and ``storage`` (database, spool, copy of the journal).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from stockhub_webhooks.operations.health.problems import Problem, absolute, worst_level
from stockhub_webhooks.operations.health.report import Report
from stockhub_webhooks.operations.health.rules import messages, receivers, storage

ABBREVIATED_END = re.compile(r"(?<=\b[ap]\.m)\.\.")  # a sentence that ends with an English time

# in the order in which problems are shown
RULES: tuple[Callable[[Report], Iterator[Problem]], ...] = (
    storage.database,
    storage.writes,
    storage.lost_messages,
    storage.spool,
    storage.unwritable_spool,
    storage.unwritable_copy,
    storage.spool_late,
    storage.spool_other,
    messages.given_up,
    messages.late,
    messages.order_locked,
    messages.refusals,
    messages.quarantined,
    messages.impossible_times,
    messages.silence,
    receivers.gone_receivers,
    receivers.hanging_receivers,
    receivers.blocked_receivers,
    messages.past_term,
    receivers.failing_receivers,
    receivers.failing_lookups,
)


def find_problems(report: Report) -> list[Problem]:
    """Return all problems, with texts in the active language."""
    problems = (problem for rule in RULES for problem in rule(report))
    return [problem._replace(text=ABBREVIATED_END.sub(".", problem.text)) for problem in problems]


def as_json(report: Report, base: str = "") -> dict[str, Any]:
    """Return the report and its problems as a dict for `json.dumps`; links begin with `base`, a scheme and host."""
    problems = find_problems(report)
    findings = [
        {
            "code": problem.code,
            "level": problem.level.name.lower(),
            "text": problem.text,
            "link": absolute(problem.link, base),
        }
        for problem in problems
    ]
    return {"status": worst_level(problems).name.lower(), "findings": findings, **report.as_json()}
