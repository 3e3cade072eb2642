"""Periods of exports: whole days in the shop's time zone."""

from datetime import date, datetime, timedelta, timezone

import pytest

from stockhub_webhooks.office.export import periods
from stockhub_webhooks.office.export.periods import Period


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2024, 2, 29), ["2024-02-01 2024-02-29", "2024-01-01 2024-01-31", "2024-01-01 2024-03-31",
                             "2023-10-01 2023-12-31", "2024-01-01 2024-12-31", "2023-01-01 2023-12-31"]),
        (date(2025, 12, 31), ["2025-12-01 2025-12-31", "2025-11-01 2025-11-30", "2025-10-01 2025-12-31",
                              "2025-07-01 2025-09-30", "2025-01-01 2025-12-31", "2024-01-01 2024-12-31"]),
    ],
)  # fmt: skip
def test_usual_periods_are_whole_months_quarters_and_years(day, expected):
    usual = [period for _name, period in periods.usual(day)]
    assert [f"{period.first} {period.last}" for period in usual] == expected
    assert periods.last_quarter(day) == usual[3]


def test_quarter_with_a_clock_change_ends_at_local_midnight():
    start, end = Period(date(2024, 1, 1), date(2024, 3, 31)).bounds()  # Amsterdam: winter, then summer
    assert start == datetime(2023, 12, 31, 23, tzinfo=timezone.utc)
    assert end == datetime(2024, 3, 31, 22, tzinfo=timezone.utc)
    autumn = Period(date(2024, 10, 27), date(2024, 10, 27)).bounds()
    assert autumn[1].astimezone(timezone.utc) - autumn[0].astimezone(timezone.utc) == timedelta(hours=25)
