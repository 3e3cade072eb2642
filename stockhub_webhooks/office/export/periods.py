"""Date ranges of whole days in the shop's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

DAYS = date(2, 1, 1), date(9997, 12, 31)  # the midnights between these are times in UTC, wherever the shop is


def is_period(first: date, last: date) -> bool:
    """Return True if the two days are in sequence, and within `DAYS`."""
    return DAYS[0] <= first <= last <= DAYS[1]


@dataclass(frozen=True)
class Period:
    """Date range that includes both its first and its last day."""

    first: date
    last: date

    def bounds(self) -> tuple[datetime, datetime]:
        """Return midnight of the first day and midnight after the last day, correct across clock changes."""
        return _midnight(self.first), _midnight(self.last + timedelta(days=1))


def today() -> date:
    """Return the current date in the shop's time zone."""
    return timezone.localdate(timezone=timezone.get_default_timezone())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_default_timezone())


def _period_of(day: date, months: int = 1) -> Period:
    """Return the calendar month that contains `day`; its quarter or year for three or twelve `months`."""
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    number = first.year * 12 + first.month - 1 + months
    return Period(first, date(number // 12, number % 12 + 1, 1) - timedelta(days=1))


def _previous(period: Period, months: int = 1) -> Period:
    return _period_of(period.first - timedelta(days=1), months)


def last_month(day: date) -> Period:
    """Return the calendar month before the one that contains `day`."""
    return _previous(_period_of(day))


def last_quarter(day: date) -> Period:
    """Return the calendar quarter before the one that contains `day`."""
    return _previous(_period_of(day, 3), 3)


def usual(day: date) -> list[tuple[Any, Period]]:
    """Return the shortcuts of the export page with their labels, relative to `day`."""
    month, quarter, year = (_period_of(day, months) for months in (1, 3, 12))
    return [
        (_("this month"), month),
        (_("last month"), _previous(month)),
        (_("this quarter"), quarter),
        (_("last quarter"), last_quarter(day)),
        (_("this year"), year),
        (_("last year"), _previous(year, 12)),
    ]
