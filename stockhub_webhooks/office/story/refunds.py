"""Guess of the return that a credit note belongs to; Stock Hub does not send this relation."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple

from stockhub_webhooks.models import RMA, CreditMemo
from stockhub_webhooks.office.story.lines import CANCELLED, REFUSED
from stockhub_webhooks.purchases.pieces import with_pieces


class Probable(NamedTuple):
    """Probable return, with the reasons: "articles" or only "sku", and possibly "quantities", "fee" and "time"."""

    rma: RMA
    reasons: tuple[str, ...]


def probable_return(memo: CreditMemo, rmas: list[RMA]) -> Probable | None:
    """Return the best match; None if no return shares a SKU or two returns match equally well."""
    credited = _pieces((item, item.qty) for item in with_pieces(memo.items.all()) if not _is_cancelled(item))
    matching = [(score, rma) for rma in rmas if (score := _score(memo, credited, rma))]
    if not matching:
        return None
    best_score = max(score for score, _ in matching)
    best = [rma for score, rma in matching if score == best_score]
    return Probable(best[0], _reasons(best_score)) if len(best) == 1 else None


Score = tuple[int, int, bool, bool, bool, float]


def _score(memo: CreditMemo, credited: dict[Any, int], rma: RMA) -> Score | None:
    """Return (common articles, common SKUs, equal quantities, equal fee, return before credit note, nearness)."""
    items = [item for item in with_pieces(rma.items.all()) if item.status not in REFUSED]
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


def _reasons(score: Score) -> tuple[str, ...]:
    common, _same_sku, quantities, fee, is_before, _nearness = score
    reasons = {"articles": common > 0, "sku": not common, "quantities": quantities, "fee": fee, "time": is_before}
    return tuple(reason for reason, applies in reasons.items() if applies)


def _fee(memo: CreditMemo) -> Decimal:
    total: Decimal | None = memo.fee_amount or memo.return_fee_amount
    return total or sum((item.return_item_fee or Decimal(0) for item in memo.items.all()), Decimal(0))


def _pieces(items: Any) -> dict[Any, int]:
    pieces: Counter[Any] = Counter()
    for item, number in items:
        pieces[item.sku, item.size] += number or 0
    return dict(pieces)  # comparing two Counters would ignore articles with zero pieces


def _is_cancelled(item: Any) -> bool:
    return (item.reversal or "").lower() in CANCELLED
