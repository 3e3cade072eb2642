"""Look-up of the lines of orders in the shop by `HOST_LINE_RESOLVER`, once their order was found there.

`HostLink.lines_due_at` says when. It is done by the worker, beside the look-up of orders.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Min
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW, database_alias, from_now
from stockhub_webhooks.models import HostLink, MissingLine
from stockhub_webhooks.models.host_objects import Answer, find_host_line, find_host_order
from stockhub_webhooks.purchases import counted_items

PAUSE_SECONDS = 3600.0  # between two look-ups of an order with missing lines; it grows with their age, up to a day
LONGEST_PAUSE_SECONDS = 86_400.0
MAX_AGE_SECONDS = 30 * LONGEST_PAUSE_SECONDS  # missing lines that are older are looked up at a person's request only


def due(limit: int) -> list[HostLink]:
    """Return orders whose lines are to be looked up, oldest first."""
    if not conf.HOST_LINE_RESOLVER:
        return []
    rows = _links().filter(lines_due_at__lte=NOW).order_by("lines_due_at", "pk")
    return list(rows.select_related("order")[:limit])


def when_found() -> Any:
    """Return when to look up the lines of an order that was just found; None without the setting."""
    return NOW if conf.HOST_LINE_RESOLVER else None


def requeue(pks: list[int]) -> int:
    """Make look-ups of these missing lines due now; return their number."""
    rows = MissingLine.objects.using(database_alias()).filter(pk__in=pks)
    links = set(rows.values_list("link", flat=True))
    _links().filter(pk__in=links).update(lines_due_at=NOW)
    return rows.count()


def look_up(link: HostLink) -> bool:
    """Look up the lines of an order, and save those that are missing; return False if another process was first."""
    mine = _links().filter(pk=link.pk, lines_due_at=link.lines_due_at)
    if link.order is None or not mine.update(lines_due_at=from_now(PAUSE_SECONDS)):
        return False
    host_order = find_host_order(link.order.po_number, link.order).host_object
    if host_order is None:
        return True
    missing = MissingLine.objects.using(database_alias()).filter(link=link)
    answers = {item: find_host_line(item, host_order) for item in counted_items(link.order)}
    absent = {item: answer for item, answer in answers.items() if answer.host_object is None}
    for item, answer in absent.items():
        _save_missing(link, item, answer)
    missing.exclude(item__in=[item.pk for item in absent]).delete()
    oldest = missing.aggregate(oldest=Min("since"))["oldest"]
    _links().filter(pk=link.pk).update(lines_due_at=_next_look_up(oldest))
    return True


def _next_look_up(since: datetime | None) -> Any:
    """Return when to look up the lines again.

    Args:
        since: since when the oldest of them is missing; None if none is missing, so that no look-up is needed.
    """
    age = (timezone.now() - since).total_seconds() if since else MAX_AGE_SECONDS
    return from_now(min(max(age, PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)) if age < MAX_AGE_SECONDS else None


def _save_missing(link: HostLink, item: Any, answer: Answer) -> None:
    now = timezone.now()
    values = {
        "status": MissingLine.Status.FAILED if answer.fault else MissingLine.Status.MISSING,
        "cause": answer.fault,
        "looked_at": now,
    }
    MissingLine.objects.using(database_alias()).update_or_create(
        item=item, defaults=values, create_defaults={**values, "link": link, "account": link.account, "since": now}
    )


def _links() -> Any:
    return HostLink.objects.using(database_alias())
