"""Orders, parcels, returns and refunds of a period, by day or month, and their amounts by currency."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import RMA, CreditMemo, Order, Shipment
from stockhub_webhooks.models.order import CANCELED
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.figures.buckets import Buckets, in_period

# name, model, its own time; amounts are added by currency
KINDS: dict[str, tuple[Any, str, bool]] = {
    "orders": (Order, "created_at", True),
    "parcels": (Shipment, "created_at", False),
    "returns": (RMA, "date_requested", False),
    "refunds": (CreditMemo, "created_at", True),
}


@dataclass
class Kind:
    """The documents of one kind: their number in each part of the period, and their amounts by currency."""

    by_part: list[int]
    amounts: dict[str, Decimal] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of all documents."""
        return sum(self.by_part)


@dataclass(frozen=True)
class Counts:
    """The numbers of a period. Cancelled orders are counted apart: an edited order is cancelled and continues anew."""

    buckets: Buckets
    kinds: dict[str, Kind]
    cancelled_orders: int


def counts_of(period: Period) -> Counts:
    """Count the documents of a period by their own time; documents without one are left out."""
    buckets = Buckets.of(period)
    kinds = {name: _kind(name, period, buckets) for name in KINDS}
    cancelled = in_period(Order.objects.using(database_alias()), "created_at", period).filter(status__iexact=CANCELED)
    return Counts(buckets, kinds, cancelled.count())


def _kind(name: str, period: Period, buckets: Buckets) -> Kind:
    model, column, has_amounts = KINDS[name]
    rows = in_period(model.objects.using(database_alias()), column, period)
    if model is Order:
        rows = rows.exclude(status__iexact=CANCELED)
    keys = ["part", *(["currency"] if has_amounts else [])]
    sums = {"amount": Sum("grand_total")} if has_amounts else {}
    kind = Kind([0] * len(buckets.parts))
    for row in rows.annotate(part=buckets.number_of(column)).values(*keys).annotate(count=Count("pk"), **sums):
        kind.by_part[row["part"]] += row["count"]
        if row.get("amount") is not None:
            currency = (row["currency"] or "").strip().upper()
            kind.amounts[currency] = kind.amounts.get(currency, Decimal(0)) + row["amount"]
    return kind
