"""Times in each notation that is unambiguous."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockhub_webhooks.serializers.times import parse_time, received_at

EXPECTED = datetime(2024, 2, 20, 15, 28, 51, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "value",
    [
        "2024-02-20 15:28:51",
        " 2024-02-20T15:28:51Z ",
        "2024-02-20T16:28:51+01:00",
        "2024-02-20T16:28:51+0100",
        "2024-02-20 15:28:51 UTC",
        "2024-02-20 15:28:51 GMT",
        "Tue, 20 Feb 2024 15:28:51 +0000",
        "Tue, 20 Feb 2024 16:28:51 +0100",
        "Tue, 20 Feb 2024 15:28:51 GMT",
        1708442931,
        "1708442931",
        1708442931000,
        Decimal("1708442931.0"),
        {"date": "2024-02-20 15:28:51.000000", "timezone_type": 3, "timezone": "UTC"},
        {"date": "2024-02-20 16:28:51.000000", "timezone_type": 3, "timezone": "Europe/Amsterdam"},
        {"date": "2024-02-20 16:28:51.000000", "timezone_type": 1, "timezone": "+01:00"},
        {"date": "2024-02-20 15:28:51.000000", "timezone_type": 2, "timezone": "Z"},
        {"date": "2024-02-20 15:28:51"},
    ],
)
def test_each_notation_gives_the_same_time(value):
    assert parse_time(value) == EXPECTED
    assert parse_time(value).utcoffset() == timedelta(0)


def test_a_date_alone_is_its_midnight():
    assert parse_time("2024-02-20") == datetime(2024, 2, 20, tzinfo=timezone.utc)


@pytest.mark.parametrize("value", ["", "  ", "0000-00-00 00:00:00", "0000-00-00", {"date": "0000-00-00 00:00:00"}])
def test_a_zero_date_is_none(value):
    assert parse_time(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "20-02-2024 15:28",  # day and month may be meant the other way round
        "2024-13-45",
        7,
        -1,
        Decimal("NaN"),
        Decimal("Infinity"),
        True,
        None,
        [],
        {},
        {"date": 5},
        {"date": "x"},
        {"date": "2024-02-20 15:28:51", "timezone": "Nowhere/Land"},
        {"date": "2024-02-20 15:28:51", "timezone": "../../etc/passwd"},
        "9" * 100,
    ],
)
def test_anything_else_is_no_time(value):
    with pytest.raises((ValueError, OverflowError)):
        parse_time(value)


@given(
    st.one_of(
        st.text(), st.integers(), st.decimals(), st.dictionaries(st.sampled_from(["date", "timezone"]), st.text())
    )
)
def test_no_value_raises_another_error(value):
    try:
        time = parse_time(value)
    except (ValueError, OverflowError):
        return
    assert time is None or time.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("local", "received", "expected"),
    [
        ("02:50:00", "00:50:02", "00:50:00"),  # the first of the two hours
        ("02:05:00", "01:05:02", "01:05:00"),  # the second one
        ("02:05:00", "01:04:55", "01:05:00"),  # the second one, by a clock that is fast
        ("02:50:00", "09:00:00", "01:50:00"),  # received much later: the later time
        ("01:59:59", "00:00:00", "23:59:59"),
        ("03:00:00", "02:00:01", "02:00:00"),
    ],
)
def test_the_hour_that_comes_twice_is_the_later_one_that_is_not_after_the_receipt(settings, local, received, expected):
    settings.STOCKHUB_WEBHOOKS = {"NAIVE_TIMEZONE": "Europe/Amsterdam"}
    day = "24" if expected.startswith("23") else "25"
    with received_at(datetime.fromisoformat(f"2026-10-25T{received}+00:00")):
        assert parse_time(f"2026-10-25 {local}") == datetime.fromisoformat(f"2026-10-{day}T{expected}+00:00")


def test_an_hour_that_the_clock_skips_is_read(settings):
    settings.STOCKHUB_WEBHOOKS = {"NAIVE_TIMEZONE": "Europe/Amsterdam"}
    assert parse_time("2026-03-29 02:30:00") is not None
