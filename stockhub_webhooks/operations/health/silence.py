"""Hours without a message, counted within opening hours, and how many of them are silence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.models import Message
from stockhub_webhooks.operations.health.work import real_rows

DAY = timedelta(days=1)
MAX_PERIOD = timedelta(days=400)
LEARNING_DAYS = 14
GAP_FACTOR = 3
MIN_HOURS = 24.0
MIN_GAP = timedelta(hours=MIN_HOURS / GAP_FACTOR)  # a shorter one makes no difference


def silence_after(silent_hours: float | None, *, always: bool) -> float | None:
    """Return the opening hours without a message that are a silence; None if there is no such number.

    Args:
        silent_hours: the opening hours since the last message.
        always: learn the number also if it is not reached anyway; otherwise None is returned then, without a query.
    """
    hours = conf.SILENCE_AFTER_HOURS
    if hours is not None:
        return hours if hours > 0 else None
    if silent_hours is None or not (always or silent_hours >= MIN_HOURS):
        return None
    return learned_hours()


def learned_hours() -> float | None:
    """Return three times the longest gap of the last 14 days with messages, in opening hours, and at least 24.

    Returns None before there are 14 such days. The number of queries does not depend on the number of messages: gaps
    that are shorter than a third of 24 hours are jumped over.
    """
    times = real_rows(Message).filter(source=Message.Source.WEBHOOK).order_by("received_at")
    first = _learning_begins(times)
    if first is None:
        return None
    longest = MIN_HOURS / GAP_FACTOR
    at = first
    while True:
        near = times.filter(received_at__gt=at, received_at__lte=at + MIN_GAP).reverse()
        following = _first(near) or _first(times.filter(received_at__gt=at))
        if following is None:
            return round(longest * GAP_FACTOR, 2)
        if following - at > MIN_GAP:
            longest = max(longest, open_hours(at, following))
        at = following


def _learning_begins(times: Any) -> datetime | None:
    """Return the first message of the last 14 days with messages, by the shop's calendar; None if there are fewer."""
    zone = timezone.get_default_timezone()
    midnight = None
    for _day in range(LEARNING_DAYS):
        last = _first((times.filter(received_at__lt=midnight) if midnight else times).reverse())
        if last is None:
            return None
        midnight = last.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return _first(times.filter(received_at__gte=midnight))


def _first(times: Any) -> datetime | None:
    at: datetime | None = times.values_list("received_at", flat=True).first()
    return at


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
