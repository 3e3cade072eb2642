"""Rules that need a pull: what Stock Hub says on request, compared with what it sent.

A rule of a pull replaces its counterpart for each document that a pull has spoken of, also if the pull says that all is
well. It has said nothing of an order that Stock Hub does not know, or of a return that is not decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stockhub_webhooks.models import Document
from stockhub_webhooks.office.worklists import gaps
from stockhub_webhooks.office.worklists.loading import Case
from stockhub_webhooks.office.worklists.rules import RULES, Finding


def with_pull(case: Case, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings, those of a pull instead of their counterparts."""
    known = list(gaps.known_orders(case))
    spoken_of: set[Document] = {
        document for each in known for document in (each.order, *filter(gaps.is_decided, each.rmas))
    }
    replaced = {RULES[rule].replaces for rule in gaps.RULES if RULES[rule].days is not None} - {""}
    for finding in findings:
        if finding.rule not in replaced or finding.document not in spoken_of:
            yield finding
    for each in known:
        for gap in gaps.of_order(each):
            if gap.document is not None:
                yield Finding(gap.rule, gap.document, gap.since, [{"code": gap.rule, **gap.detail}])
