"""Return rates: of the pieces that were ordered in a period, how many were sent back until now.

The orders decide the period, and not the returns, so no rate is above 100 %, and that of a recent period still grows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.db.models import Case, CharField, Exists, F, IntegerField, OuterRef, Q, Sum, Value, When
from django.db.models.functions import Coalesce, Lower, NullIf
from django.db.models.lookups import GreaterThan, IsNull

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Order, OrderItem, RMAItem
from stockhub_webhooks.models.order import CANCELED
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.figures.buckets import in_period
from stockhub_webhooks.purchases.quantities import REFUSED

MAX_ROWS = 10_000  # that are read: brands, of which one in two spellings is one
CHUNK_SIZE = 10_000


class Rate(NamedTuple):
    """The pieces of one brand or SKU that were ordered in a period, and those of them that were sent back."""

    name: str
    ordered: int
    returned: int

    @property
    def percent(self) -> float | None:
        """The share that was sent back; None if nothing was ordered."""
        return 100 * self.returned / self.ordered if self.ordered else None


class Rates(NamedTuple):
    """The rates of a period: by brand, those of which the most was ordered first, of all together, and by SKU."""

    by_brand: list[Rate]
    total: Rate
    by_sku: list[Rate]


def rates_of(period: Period, skus: int = 0) -> Rates:
    """Return the rates of a period; the order lines, which are many, are read once.

    Args:
        period: of the orders.
        skus: the number of SKUs; those of which the most pieces were sent back.
    """
    back = _most_returned(period, skus) if skus else {}
    listed = Case(When(sku__in=list(back), then="sku"), default=Value(""), output_field=CharField())
    rows = _ordered(period).annotate(listed=listed).values("manufacturer", "listed").annotate(pieces=Sum("number"))
    brands: Counter[str | None] = Counter()
    ordered: Counter[str] = Counter()
    for row in rows.order_by("-listed", "-pieces", "manufacturer")[:MAX_ROWS]:
        brands[row["manufacturer"]] += row["pieces"] or 0
        ordered[row["listed"]] += row["pieces"] or 0
    sums = _returned(period).values("manufacturer").annotate(pieces=Sum("number"))
    most = sums.order_by("-pieces", "manufacturer")[:MAX_ROWS]
    returned = _by_name({row["manufacturer"]: row["pieces"] or 0 for row in most})
    rates = [Rate(name, pieces, returned.get(key, ("", 0))[1]) for key, (name, pieces) in _by_name(brands).items()]
    total = Rate("", sum(rate.ordered for rate in rates), sum(pieces for _name, pieces in returned.values()))
    by_brand = sorted(rates, key=lambda rate: (-rate.ordered, rate.name))
    return Rates(by_brand, total, [Rate(sku, ordered[sku], pieces) for sku, pieces in back.items()])


def _most_returned(period: Period, limit: int) -> dict[str, int]:
    """Return the pieces that were sent back, by SKU, for the SKUs with the most."""
    returned = _returned(period).values("sku").annotate(pieces=Sum("number")).order_by("-pieces", "sku")
    return {row["sku"]: row["pieces"] or 0 for row in returned.exclude(sku=None)[:limit]}


def all_skus(period: Period) -> Iterator[Rate]:
    """Yield the rate of each SKU that was ordered, by its name; a chunk of them is in memory at a time."""
    last = ""
    while True:
        rows = _ordered(period).filter(sku__gt=last).values("sku").annotate(pieces=Sum("number"))
        chunk = list(rows.order_by("sku")[:CHUNK_SIZE])
        if not chunk:
            return
        back = _returned(period).filter(sku__gt=last, sku__lte=chunk[-1]["sku"])
        returned = {row["sku"]: row["pieces"] for row in back.values("sku").annotate(pieces=Sum("number")).order_by()}
        yield from (Rate(row["sku"], row["pieces"] or 0, returned.get(row["sku"]) or 0) for row in chunk)
        last = chunk[-1]["sku"]


def _by_name(sums: Mapping[str | None, int]) -> dict[str, tuple[str, int]]:
    """Return a name in its most frequent spelling and its pieces, by the name without case and blanks around it."""
    found: dict[str, tuple[str, int]] = {}
    for spelling, pieces in sorted(sums.items(), key=lambda item: (-item[1], item[0] or "")):
        name = (spelling or "").strip()
        former = found.get(name.casefold(), (name, 0))
        found[name.casefold()] = (former[0], former[1] + pieces)
    return found


def _orders(period: Period) -> Any:
    return in_period(Order.objects.using(database_alias()), "created_at", period).exclude(status__iexact=CANCELED)


def _ordered(period: Period) -> Any:
    """Return the order lines of the period, without the lines that only repeat the pieces of another one."""
    return _without_parents(
        OrderItem.objects.using(database_alias()).filter(order__in=_orders(period).values("pk")),
        "order",
        "qty_ordered",
        Q(item_price_inc_tax=None) | Q(item_price_inc_tax=0),
    ).annotate(number=F("qty_ordered"))


def _returned(period: Period) -> Any:
    """Return the returned lines of these orders, without refused ones; the pieces as far as they are known."""
    rows = RMAItem.objects.using(database_alias()).filter(rma__order__in=_orders(period).values("pk"))
    pieces = Coalesce(
        NullIf("qty_returned", 0), NullIf("qty_approved", 0), "qty_requested", output_field=IntegerField()
    )
    rows = _without_parents(rows, "rma", "qty_requested", None)
    status = Lower(Coalesce(NullIf("status", Value("")), "rma__status", Value("")))
    return rows.annotate(number=pieces, return_status=status).exclude(return_status__in=REFUSED)


def _without_parents(rows: Any, document: str, pieces: str, has_no_price: Q | None) -> Any:
    """Leave out the lines whose pieces another line of the document repeats, as `purchases.pieces` does.

    Magento lists some articles twice: the child names a `parent_sku` and its parent does not, or has no price.
    """
    same: dict[str, Any] = {name: OuterRef(name) for name in (document, "sku", pieces)}
    twins = rows.model.objects.filter(**same).exclude(pk=OuterRef("pk"))
    is_child: Any = ~Q(parent_sku=None) & ~Q(parent_sku="") & IsNull(OuterRef("parent_sku"), True)
    if has_no_price is not None:
        is_child |= has_no_price & GreaterThan(OuterRef("item_price_inc_tax"), 0)
    return rows.exclude(Exists(twins.filter(is_child))).order_by()
