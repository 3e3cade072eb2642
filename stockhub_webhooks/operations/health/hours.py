"""The number of messages by hour and result, for the chart of the overview."""

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

# The outcome of an applied message, the status of any other one; in the order of the chart. A message that was split is
# left out, since its parts are counted.
RESULTS = (
    *(outcome for outcome in Message.Outcome.values if outcome != Message.Outcome.SPLIT),
    Message.Status.QUARANTINED.value,
    Message.Status.FAILED.value,
    Message.Status.RECEIVED.value,
    Message.Status.DISMISSED.value,
)


@dataclass(frozen=True)
class Hour:
    """One hour, and the number of messages received in it by result (one of `RESULTS`).

    `begins_at` is in the time zone of the shop. When the clock is set back, two hours show the same time with different
    UTC offsets; when it is set forward, one hour is missing.
    """

    begins_at: datetime
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """The number of all messages of the hour."""
        return sum(self.counts.values())


def last_hours(until: datetime) -> list[Hour]:
    """Return the last 48 hours up to and including the hour of `until`, the oldest first, with one query.

    The query groups by hours of UTC: in local time, the repeated hour of a clock change would be counted as one.
    """
    last = until.astimezone(timezone.utc).replace(minute=0, second=0, microsecond=0)
    begins = [last - HOUR * back for back in range(SHOWN_HOURS - 1, -1, -1)]
    counted: dict[datetime, Counter[str]] = {begin: Counter() for begin in begins}
    rows = (
        real_rows(Message)
        .filter(received_at__gte=begins[0], received_at__lt=last + HOUR)
        .exclude(status=Message.Status.APPLIED, outcome=Message.Outcome.SPLIT)
        .values(hour=TruncHour("received_at", tzinfo=timezone.utc))
        .values_list("hour", "status", "outcome")
        .annotate(count=Count("pk"))
        .order_by()
    )
    for hour, status, outcome, count in rows:
        counted[hour][outcome if status == Message.Status.APPLIED else status] += count
    zone = get_default_timezone()
    return [Hour(begin.astimezone(zone), counted[begin]) for begin in begins]
