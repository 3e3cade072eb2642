"""The worklists as pages and files read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import IntegerField, QuerySet, Subquery

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import WorklistRow
from stockhub_webhooks.office.worklists import rows, wording
from stockhub_webhooks.office.worklists.rules import active

MAX_COUNT = 1000  # a longer list is "1000+": counting it would take as long as it is
PAGE = 500


@dataclass(frozen=True)
class Tab:
    """A rule with the number of its rows.

    Attributes:
        rule: its code.
        label: for people.
        count: the number of rows, `MAX_COUNT` at most.
        is_more: True if there are more.
    """

    rule: str
    label: Any
    count: int
    is_more: bool

    @property
    def shown_count(self) -> str:
        """The number for people."""
        return f"{self.count}+" if self.is_more else str(self.count)


class BoundedCount(Subquery):
    """The number of rows of a query that has a limit."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def tabs() -> list[Tab]:
    """Return the rules that have rows, in the order of the table of rules, with one query."""
    rules = active()
    counts = {f"in_{rule.code}": BoundedCount(_few(rule.code)) for rule in rules}
    any_row = WorklistRow.objects.using(database_alias()).order_by().annotate(**counts).values(*counts)
    numbers: dict[str, int] = next(iter(any_row[:1]), {}) if counts else {}
    return [
        Tab(rule.code, rule.label, min(number, MAX_COUNT), number > MAX_COUNT)
        for rule in rules
        if (number := numbers.get(f"in_{rule.code}", 0))
    ]


def _few(rule: str) -> QuerySet[WorklistRow]:
    few: QuerySet[WorklistRow] = rows.open_rows(rule).order_by().values("pk")[: MAX_COUNT + 1]
    return few


def exported(rule: str = "") -> Iterator[list[Any]]:
    """Yield the lines of a file with all rows of a rule, or of all rules: the heads first, then the oldest first."""
    yield wording.heads()
    after: tuple[datetime, int] | None = None
    while True:
        page = rows.open_rows(rule).select_related("order").defer("order__extra").order_by("since", "pk")
        if after:
            page = page.filter(since__gte=after[0]).exclude(since=after[0], pk__lte=after[1])
        batch: list[WorklistRow] = list(page[:PAGE])
        for row in batch:
            yield wording.cells(row)
        if len(batch) < PAGE:
            return
        after = batch[-1].since, batch[-1].pk
