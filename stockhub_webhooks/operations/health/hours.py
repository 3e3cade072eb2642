"""How many messages came in each hour, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from django.db.models import Count
from django.db.models.functions import TruncHour
from django.utils.timezone import get_default_timezone

from stockhub_webhooks.models import Message
from stockhub_webhooks.operations.health.work import real_rows

HOUR = timedelta(hours=1)
SHOWN_HOURS = 48

# What became of a message: its outcome where it was applied, else its status; in the order of the chart.
RESULTS = (
    *Message.Outcome.values,
    Message.Status.QUARANTINED.value,
    Message.Status.FAILED.value,
    Message.Status.RECEIVED.value,
)


@dataclass(frozen=True)
class Hour:
    """One hour, and how many messages of each of `RESULTS` came in during it.

    `begins_at` is in the shop's time zone. Where the clock is put back, two hours have the same time of the clock and
    another offset; where it is put forward, one is missing.
    """

    begins_at: datetime
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All messages of the hour."""
        return sum(self.counts.values())


def last_hours(until: datetime) -> list[Hour]:
    """The last 48 hours, the one that `until` lies in included, oldest first; in one query over the messages of then.

    They are hours of UTC: counted on the clock of a zone, the two hours of a clock that is put back would be one.
    """
    last = until.astimezone(timezone.utc).replace(minute=0, second=0, microsecond=0)
    begins = [last - HOUR * back for back in range(SHOWN_HOURS - 1, -1, -1)]
    counted: dict[datetime, Counter[str]] = {begin: Counter() for begin in begins}
    rows = (
        real_rows(Message)
        .filter(received_at__gte=begins[0], received_at__lt=last + HOUR)
        .values(hour=TruncHour("received_at", tzinfo=timezone.utc))
        .values_list("hour", "status", "outcome")
        .annotate(count=Count("pk"))
        .order_by()
    )
    for hour, status, outcome, count in rows:
        counted[hour][outcome if status == Message.Status.APPLIED else status] += count
    zone = get_default_timezone()
    return [Hour(begin.astimezone(zone), counted[begin]) for begin in begins]
