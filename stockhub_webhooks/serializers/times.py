"""Points in time, in each notation that is unambiguous. Source: the contract, and what shops report of Magento.

Read are ISO 8601 with or without an offset, a date alone (its midnight), `2024-02-20 15:28:51 UTC`, RFC 2822 as in
mails, seconds and milliseconds since 1970, and PHP's `{"date": ..., "timezone_type": ..., "timezone": ...}`. A time
without an offset is in `NAIVE_TIMEZONE`. Magento's zero date `0000-00-00 00:00:00` is none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_date, parse_datetime

from stockhub_webhooks.conf import conf

CLOCK_TOLERANCE = dt.timedelta(minutes=10)
CLOCK_DIFFERENCE = dt.timedelta(minutes=1)  # of two servers that both set their clocks
UTC_SUFFIXES = (" UTC", " GMT", "UTC", "GMT")
MAX_TEXT_LENGTH = 80
# Unix times between 2000 and 2100: seconds have ten digits, milliseconds thirteen
SECONDS = (946_684_800, 4_102_444_800)


# The time of receipt of the message that is being parsed; None if it is not known.
_received_at: ContextVar[dt.datetime | None] = ContextVar("stockhub_received_at", default=None)


# The time zone of times without an offset; None for `NAIVE_TIMEZONE`.
_naive_zone: ContextVar[dt.tzinfo | None] = ContextVar("stockhub_naive_zone", default=None)


@contextmanager
def naive_times_in(zone: dt.tzinfo) -> Iterator[None]:
    """Parse times without an offset as those of a zone, whatever `NAIVE_TIMEZONE` is."""
    token = _naive_zone.set(zone)
    try:
        yield
    finally:
        _naive_zone.reset(token)


@contextmanager
def received_at(time: dt.datetime | None) -> Iterator[None]:
    """Parse times as those of a message that was received then."""
    token = _received_at.set(time)
    try:
        yield
    finally:
        _received_at.reset(token)


def seconds_ahead(time: dt.datetime) -> int:
    """Return by how many seconds a time is later than the receipt; 0 if that is within what a clock may be wrong."""
    received = _received_at.get()
    if received is None or time <= received + CLOCK_TOLERANCE:
        return 0
    return int((time - received).total_seconds())


def parse_time(value: Any) -> dt.datetime | None:
    """Return an aware time in UTC; None for a zero date and for a blank text.

    Raises:
        ValueError: the value is no time, or its notation is not known.
    """
    if isinstance(value, dict):
        return _parse_php(value)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return _from_unix(Decimal(value))
    if not isinstance(value, str):
        raise ValueError("not a time")  # noqa: TRY004 - one error for all bad values
    text = value.strip()
    if not text or text.startswith("0000-00-00"):
        return None
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueError("not a time")
    if text.isascii() and text.isdecimal() and len(text) >= 10:
        return _from_unix(Decimal(text))
    time = _parse_text(text)
    return (
        _in_utc(time, _naive_zone.get() or conf.naive_timezone())
        if time.tzinfo is None
        else time.astimezone(dt.timezone.utc)
    )


def _parse_text(text: str) -> dt.datetime:
    """Parse a text; raise ValueError or OverflowError if its notation is unknown."""
    if text[-1:].isalpha():
        for suffix in UTC_SUFFIXES:
            if text.upper().endswith(suffix):
                text = text[: -len(suffix)] + "+00:00"
                break
    if time := parse_datetime(text):
        return time
    if day := parse_date(text):
        return dt.datetime.combine(day, dt.time())
    try:
        return parsedate_to_datetime(text)
    except (TypeError, IndexError):
        raise ValueError("not a time") from None


def _parse_php(value: dict[str, Any]) -> dt.datetime | None:
    """Parse PHP's DateTime as `json_encode` writes it. Types: 1 an offset, 2 an abbreviation, 3 a name."""
    text, zone = value.get("date"), value.get("timezone")
    if not isinstance(text, str) or len(text) > MAX_TEXT_LENGTH:
        raise ValueError("not a time")
    if text.startswith("0000-00-00"):
        return None
    time = parse_datetime(text.strip())
    if time is None:
        raise ValueError("not a time")
    if not isinstance(zone, str):
        return _in_utc(time, _naive_zone.get() or conf.naive_timezone())
    if zone[:1] in "+-":
        return _in_utc(dt.datetime.fromisoformat(f"{time.replace(tzinfo=None).isoformat()}{zone}"), dt.timezone.utc)
    try:
        return _in_utc(time, ZoneInfo({"Z": "UTC", "GMT": "UTC"}.get(zone, zone)))
    except (KeyError, OSError):
        raise ValueError("an unknown time zone") from None


def _from_unix(number: Decimal) -> dt.datetime:
    """Convert a Unix time of this century, in seconds or milliseconds; raise ValueError for any other number."""
    if not number.is_finite():
        raise ValueError("not a time")
    for divisor in (1, 1000):
        if SECONDS[0] <= number / divisor < SECONDS[1]:
            return dt.datetime.fromtimestamp(0, dt.timezone.utc) + dt.timedelta(seconds=float(number / divisor))
    raise ValueError("not a time")


def _in_utc(time: dt.datetime, default: dt.tzinfo) -> dt.datetime:
    if time.tzinfo is not None:
        return time.astimezone(dt.timezone.utc)
    earlier, later = (time.replace(tzinfo=default, fold=fold).astimezone(dt.timezone.utc) for fold in (0, 1))
    if earlier >= later:  # the same, or an hour that the clock skips in spring
        return earlier
    # the hour that comes twice in autumn: the later one, unless the message was received before
    received = _received_at.get()
    return later if received is None or later <= received + CLOCK_DIFFERENCE else earlier
