"""Which return a credit note is probably for. Stock Hub does not say, so this is a guess, and is called one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from stockhub_webhooks.models import RMA, CreditMemo
from stockhub_webhooks.office.story.lines import CANCELLED, REFUSED


class Probable(NamedTuple):
    """A return, and what speaks for it: "articles" or only "sku", and perhaps "quantities", "fee" and "time"."""

    rma: RMA
    reasons: tuple[str, ...]


def probable_return(memo: CreditMemo, rmas: list[RMA]) -> Probable | None:
    """The one return that fits best; None where none has its articles, or two fit equally well."""
    credited = _pieces((item, item.qty) for item in memo.items.all() if not _is_cancelled(item))
    fitting = [(weight, rma) for rma in rmas if (weight := _weight(memo, credited, rma))]
    if not fitting:
        return None
    best = max(weight for weight, _ in fitting)
    chosen = [rma for weight, rma in fitting if weight == best]
    if len(chosen) > 1:
        return None
    return Probable(chosen[0], _reasons(best))


Weight = tuple[int, int, bool, bool, bool, float]


def _weight(memo: CreditMemo, credited: dict[Any, int], rma: RMA) -> Weight | None:
    """How well they fit: common articles and SKUs, equal quantities, an equal fee, the return before it, nearness."""
    items = [item for item in rma.items.all() if item.status not in REFUSED]
    returned = _pieces((item, item.qty_returned or item.qty_approved or item.qty_requested) for item in items)
    common = len(credited.keys() & returned.keys())
    same_sku = len({sku for sku, _size in credited} & {sku for sku, _size in returned})
    if not same_sku:
        return None
    fee = sum((item.row_line_return_fee or Decimal(0) for item in items), Decimal(0))
    seconds = (memo.created_at - rma.date_requested).total_seconds() if memo.created_at and rma.date_requested else None
    is_before = seconds is not None and seconds >= 0
    nearness = -abs(seconds) if seconds is not None else float("-inf")
    return common, same_sku, credited == returned, bool(fee) and fee == _fee(memo), is_before, nearness


def _reasons(weight: Weight) -> tuple[str, ...]:
    common, _same_sku, quantities, fee, is_before, _nearness = weight
    found = {"articles": common > 0, "sku": not common, "quantities": quantities, "fee": fee, "time": is_before}
    return tuple(reason for reason, speaks in found.items() if speaks)


def _fee(memo: CreditMemo) -> Decimal:
    told: Decimal | None = memo.fee_amount or memo.return_fee_amount
    return told or sum((item.return_item_fee or Decimal(0) for item in memo.items.all()), Decimal(0))


def _pieces(items: Any) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for item, number in items:
        found[item.sku, item.size] = found.get((item.sku, item.size), 0) + (number or 0)
    return found


def _is_cancelled(item: Any) -> bool:
    return (item.reversal or "").lower() in CANCELLED
