"""The figures of a period as rows for a file."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.figures import counts, days, rates
from stockhub_webhooks.office.figures.counts import Counts
from stockhub_webhooks.office.figures.rates import Rate

NAMES = {
    "orders": gettext_lazy("orders"),
    "parcels": gettext_lazy("shipments"),
    "returns": gettext_lazy("returns"),
    "refunds": gettext_lazy("credit notes"),
}
TENTH = Decimal("0.1")


def rows(period: Period, language: str | None) -> Iterator[list[Any]]:
    """Yield the heads, then a row for each figure, brand and SKU; in a language, since a file is read later."""
    with translation.override(language):
        counted = counts.counts_of(period)
        brands, total, _skus = rates.rates_of(period)
        first = [*_heads(), *_totals(counted), *_by_part(counted), *_durations(period)]
        first.append([capfirst(_("return rate")), *_rate(total)])
        by_brand, by_sku = capfirst(_("return rate by brand")), capfirst(_("return rate by SKU"))
    yield from first
    yield from ([by_brand, *_rate(rate)] for rate in brands)
    yield from ([by_sku, *_rate(rate)] for rate in rates.all_skus(period))


def _heads() -> Iterator[list[Any]]:
    names = (_("figure"), _("of"), _("number"), _("amount"), _("currency"), _("ordered"), _("returned"), _("percent"),
             _("days"))  # fmt: skip
    yield [capfirst(name) for name in names]


def _totals(counted: Counts) -> Iterator[list[Any]]:
    for name, kind in counted.kinds.items():
        label = capfirst(str(NAMES[name]))
        yield [label, "", kind.total, None, "", None, None, None, None]
        for currency, amount in sorted(kind.amounts.items()):
            yield [label, "", None, amount, currency, None, None, None, None]
    yield [capfirst(_("cancelled orders")), "", counted.cancelled_orders, None, "", None, None, None, None]


def _by_part(counted: Counts) -> Iterator[list[Any]]:
    for name, kind in counted.kinds.items():
        for part, number in zip(counted.buckets.parts, kind.by_part, strict=True):
            day = part.first.isoformat()
            yield [capfirst(str(NAMES[name])), day, number, None, "", None, None, None, None]


def _durations(period: Period) -> Iterator[list[Any]]:
    measured = (
        (_("days from order to shipment"), days.order_to_parcel(period)),
        (_("days from return to credit note"), days.return_to_refund(period)),
    )
    for label, each in measured:
        average = None if each.average is None else Decimal(each.average).quantize(TENTH)
        yield [capfirst(label), "", each.count, None, "", None, None, None, average]


def _rate(rate: Rate) -> list[Any]:
    percent = None if rate.percent is None else Decimal(rate.percent).quantize(TENTH)
    return [rate.name, None, None, "", rate.ordered, rate.returned, percent, None]
