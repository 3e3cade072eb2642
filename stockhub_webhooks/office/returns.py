"""What the list of returns says of each: pieces, the value of the goods, and whether they are credited.

Stock Hub does not say which credit note belongs to which return. The pieces that the credit notes of an order have are
counted for its returns, the oldest first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import RMA
from stockhub_webhooks.models.credit_memo import CreditMemoItem
from stockhub_webhooks.models.order import OrderItem
from stockhub_webhooks.models.rma import RMAItem
from stockhub_webhooks.office.worklists.returning import Credited, is_refunded, take_pieces
from stockhub_webhooks.purchases.pieces import with_pieces
from stockhub_webhooks.purchases.quantities import CANCELLED

LIMIT = 5000  # lines of all returns and credit notes of a page; with more, nothing is said
CREDITED, IN_PART, OPEN, NO_REFUND = "credited", "in_part", "open", "no_refund"


@dataclass
class Summary:
    """A return in short.

    Attributes:
        pieces: that came back; until then those that are approved, or else requested.
        value: of these pieces, in the currency of the return, VAT included; None if a price is not known.
        refund: `CREDITED`, `IN_PART`, `OPEN`, or `NO_REFUND` if the return was refused or is exchanged.
    """

    pieces: int = 0
    value: Decimal | None = None
    refund: str = NO_REFUND


def summaries(returns: Sequence[RMA]) -> dict[int, Summary]:
    """Return a summary of each return by its primary key, in three queries; {} if they have too many lines."""
    orders = {rma.order_id for rma in returns}
    items = _lines(RMAItem, "rma", orders)
    prices = _lines(OrderItem, "order", orders)
    credited = _lines(CreditMemoItem, "credit_memo", orders)
    if items is None or prices is None or credited is None:
        return {}
    price_of = {(item.order_id, *_article(item)): item.item_price_inc_tax for item in prices}
    left: dict[int, Credited] = defaultdict(lambda: defaultdict(Counter))
    for memo_items in _by_document(credited, "credit_memo_id").values():
        for item in memo_items:
            if (item.reversal or "").lower() not in CANCELLED:
                left[item.credit_memo.order_id][item.sku or ""][item.size or ""] += item.qty or 0
    return {
        pk: _summary(rma_items, price_of, left[rma_items[0].rma.order_id])
        for pk, rma_items in sorted(_by_document(items, "rma_id").items())
    }


def _lines(model: Any, parent: str, orders: set[int]) -> list[Any] | None:
    path = "order" if parent == "order" else f"{parent}__order"
    rows = model.objects.using(database_alias()).filter(**{f"{path}__in": orders})
    if parent != "order":
        rows = rows.select_related(parent).defer(f"{parent}__extra")
    lines = list(rows.order_by("pk")[: LIMIT + 1])
    return lines if len(lines) <= LIMIT else None


def _by_document(lines: list[Any], key: str) -> dict[int, list[Any]]:
    by_document: dict[int, list[Any]] = defaultdict(list)
    for line in lines:
        by_document[getattr(line, key)].append(line)
    return {pk: with_pieces(lines) for pk, lines in by_document.items()}


def _summary(items: list[Any], price_of: dict[Any, Any], left: Credited) -> Summary:
    """Return the summary of one return, and take its pieces from those that are credited and `left`."""
    summary, wanted, taken = Summary(value=Decimal(0)), 0, 0
    for item in items:
        number = next((n for n in (item.qty_returned, item.qty_approved, item.qty_requested) if n is not None), 0)
        price = price_of.get((item.rma.order_id, *_article(item)))
        summary.pieces += number
        summary.value = None if price is None or summary.value is None else summary.value + price * number
        if is_refunded(item.rma, item):
            wanted, taken = wanted + number, taken + take_pieces(left[item.sku or ""], item.size or "", number)
    if wanted:
        summary.refund = CREDITED if taken == wanted else IN_PART if taken else OPEN
    return summary


def _article(item: Any) -> tuple[str, str]:
    return item.sku or "", item.size or ""
