"""How long it took, on average: from an order to its first parcel, and from a return to the refund."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, F, Min, OuterRef, Subquery

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.durations import DaysBetween
from stockhub_webhooks.models import RMA, CreditMemo, Order, Shipment
from stockhub_webhooks.models.order import CANCELED
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.figures.buckets import in_period


@dataclass(frozen=True)
class Days:
    """An average, in days; None if nothing of the period got that far. `count` is the number of what it is made of."""

    average: float | None
    count: int


def order_to_parcel(period: Period) -> Days:
    """Return the days from the orders of the period to the first parcel of each."""
    orders = in_period(Order.objects.using(database_alias()), "created_at", period).exclude(status__iexact=CANCELED)
    return _average(orders, "created_at", Shipment, OuterRef("pk"))


def return_to_refund(period: Period) -> Days:
    """Return the days from the returns requested in the period to the first credit note of the order after that.

    Stock Hub does not say which credit note is for which return.
    """
    returns = in_period(RMA.objects.using(database_alias()), "date_requested", period)
    return _average(returns, "date_requested", CreditMemo, OuterRef("order"))


def _average(rows: Any, begin: str, following: Any, order: OuterRef) -> Days:
    later = following.objects.filter(order=order, created_at__gte=OuterRef(begin)).order_by()
    first = Subquery(later.values("order").annotate(first=Min("created_at")).values("first"))
    measured = rows.alias(first=first).annotate(days=DaysBetween(F(begin), F("first")))
    return Days(**measured.aggregate(average=Avg("days"), count=Count("days")))
