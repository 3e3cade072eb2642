"""Hours without a message, counted within opening hours."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from stockhub_webhooks.conf import conf

DAY = timedelta(days=1)
MAX_PERIOD = timedelta(days=400)


def open_hours(since: datetime, until: datetime) -> float:
    """Return the hours of a period that are within `OPENING_HOURS` on `OPENING_WEEKDAYS`; 400 days at most."""
    since = max(since, until - MAX_PERIOD)
    zone = timezone.get_default_timezone()
    try:
        opens, closes = conf.opening_hours()
    except (TypeError, ValueError):
        opens, closes = timedelta(0), DAY
    # add to naive local times, then make each one aware: a day with a clock change has 23 or 25 hours
    day = since.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) - DAY
    seconds = 0.0
    while day.replace(tzinfo=zone) < until:
        if day.weekday() in conf.OPENING_WEEKDAYS:
            start, end = (day + opens).replace(tzinfo=zone), (day + closes).replace(tzinfo=zone)
            seconds += max(min(end, until).timestamp() - max(start, since).timestamp(), 0.0)
        day += DAY
    return seconds / 3600
