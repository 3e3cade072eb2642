"""Dates and times as people write them in commands."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from datetime import timezone as datetime_timezone

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

# Ends the help of each option that takes a time.
FORMATS = "2026-01-31, 2026-01-31T09:00, or with a zone 2026-01-31T09:00+01:00; without one, in TIME_ZONE"


def parse_timestamp(text: str | datetime, *, end_of_day: bool = False) -> datetime:
    """Return an aware time. A text without a time zone is in the one of the host; a day is its beginning.

    Args:
        text: ISO 8601; a `datetime` is accepted for `call_command`.
        end_of_day: return the end of a day that is given without a time.

    Raises:
        ValueError: the text is neither a day nor a time.
    """
    try:
        if isinstance(text, datetime):
            parsed: datetime | None = text
        elif day := parse_date(text):
            parsed = datetime.combine(day + timedelta(days=end_of_day), time.min)
        else:
            parsed = parse_datetime(text)
        if parsed and timezone.is_naive(parsed):
            parsed = timezone.make_aware(parsed, timezone.get_default_timezone())
        if parsed:
            parsed.astimezone(datetime_timezone.utc)  # fails for a time that no database takes
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None:
        raise ValueError(f"{text!r} is not a time: write {FORMATS}")
    return parsed


def parse_duration(text: str) -> timedelta | None:
    """Return a duration such as 30m, 2h or 3d; None if the text is none."""
    match = re.fullmatch(r"\s*([0-9]{1,5})\s*([mhd])\s*", text)
    return timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[match[2]]: int(match[1])}) if match else None
