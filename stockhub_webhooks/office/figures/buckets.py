"""A period divided into days, months or years of the shop's time zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Case, IntegerField, Value, When

from stockhub_webhooks.office.export.periods import Period

MAX_BUCKETS = 62


@dataclass(frozen=True)
class Buckets:
    """Consecutive parts of a period.

    Attributes:
        unit: "day", "month" or "year".
        parts: the parts; the first and the last one may be cut by the period.
    """

    unit: str
    parts: list[Period]

    @classmethod
    def of(cls, period: Period) -> Buckets:
        """Divide a period into days, or into months or years if there would be more than `MAX_BUCKETS`."""
        for unit in ("day", "month"):
            parts = list(_parts(period, unit, MAX_BUCKETS + 1))
            if len(parts) <= MAX_BUCKETS:
                return cls(unit, parts)
        return cls("year", list(_parts(period, "year", MAX_BUCKETS)))

    def number_of(self, column: str) -> Case:
        """Return the number of the part that a time of the period is in, as an expression.

        Boundaries instead of `Trunc`: they need no time zone tables on MySQL and no call of Python on SQLite, and they
        are right on days with a clock change.
        """
        ends = [part.bounds()[1] for part in self.parts[:-1]]
        whens = [When(**{f"{column}__lt": end}, then=Value(number)) for number, end in enumerate(ends)]
        return Case(*whens, default=Value(len(ends)), output_field=IntegerField())

    def bounds(self) -> tuple[datetime, datetime]:
        """Return the begin of the first part and the end of the last one."""
        return self.parts[0].bounds()[0], self.parts[-1].bounds()[1]


def _parts(period: Period, unit: str, limit: int) -> Iterator[Period]:
    first, number = period.first, 0
    while first <= period.last and number < limit:
        following = _begin_of_next(first, unit)
        last = period.last if number == limit - 1 and unit == "year" else following - timedelta(days=1)
        yield Period(first, min(last, period.last))
        first, number = following, number + 1


def _begin_of_next(day: date, unit: str) -> date:
    if unit == "day":
        return day + timedelta(days=1)
    if unit == "year" or day.month == 12:
        return date(day.year + 1, 1, 1)
    return date(day.year, day.month + 1, 1)


def in_period(rows: Any, column: str, period: Period) -> Any:
    """Filter rows whose own time is in a period, tests left out."""
    start, end = period.bounds()
    return rows.real().filter(**{f"{column}__gte": start, f"{column}__lt": end}).order_by()
