"""From when to when: whole days in the shop's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Period:
    """From the first day to the last, both included."""

    first: date
    last: date

    def bounds(self) -> tuple[datetime, datetime]:
        """When the first day begins and when the day after the last does: also where the clock was changed."""
        return _midnight(self.first), _midnight(self.last + timedelta(days=1))


def today() -> date:
    """The day in the shop's time zone."""
    return timezone.localdate(timezone=timezone.get_default_timezone())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_default_timezone())


def _month(day: date, months: int = 1) -> Period:
    """The calendar month that the day is in; the quarter or year, where that has three or twelve."""
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    number = first.year * 12 + first.month - 1 + months
    return Period(first, date(number // 12, number % 12 + 1, 1) - timedelta(days=1))


def _before(period: Period, months: int = 1) -> Period:
    return _month(period.first - timedelta(days=1), months)


def last_quarter(day: date) -> Period:
    """The whole quarter before the one that the day is in."""
    return _before(_month(day, 3), 3)


def usual(day: date) -> list[tuple[Any, Period]]:
    """The periods that one asks for most, as seen from a day, with their names."""
    month, quarter, year = (_month(day, months) for months in (1, 3, 12))
    return [
        (_("this month"), month),
        (_("last month"), _before(month)),
        (_("this quarter"), quarter),
        (_("last quarter"), last_quarter(day)),
        (_("this year"), year),
        (_("last year"), _before(year, 12)),
    ]
