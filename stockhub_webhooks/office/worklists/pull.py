"""Rules that need a pull: what Stock Hub says on request, compared with what it sent.

`SEARCHES` are functions that yield findings of a purchase; what else a pull says about its documents is in them. A rule
of a pull replaces its counterpart for each document that a pull has spoken of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from stockhub_webhooks.office.worklists.loading import Case
from stockhub_webhooks.office.worklists.rules import RULES, Finding


@dataclass
class Spoken:
    """What pulls say of one purchase.

    Attributes:
        findings: what is missing.
        of: kind and number of each document that a pull has spoken of, by the code of the pull's rule.
    """

    findings: list[Finding] = field(default_factory=list)
    of: dict[str, set[tuple[str, str]]] = field(default_factory=dict)


Search = Callable[[Case], Spoken]
SEARCHES: tuple[Search, ...] = ()


def with_pull(case: Case, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings, those of a pull instead of their counterparts."""
    spoken = [search(case) for search in SEARCHES]
    replaced = {
        (RULES[code].replaces, *document)
        for each in spoken
        for code, documents in each.of.items()
        for document in documents
        if RULES[code].replaces and RULES[code].days is not None
    }
    for finding in findings:
        if (finding.rule, finding.kind, finding.document.increment_id) not in replaced:
            yield finding
    for each in spoken:
        yield from each.findings
