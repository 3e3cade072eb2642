"""Guess of the return that a credit note belongs to; Stock Hub does not send this relation."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any, NamedTuple

from stockhub_webhooks.models import RMA, CreditMemo
from stockhub_webhooks.purchases.pieces import with_pieces
from stockhub_webhooks.purchases.quantities import CANCELLED, is_refused

LIMIT = 100  # returns; among more of the same article a guess says nothing


class Probable(NamedTuple):
    """Probable return, with the reasons: "articles" or only "sku", and possibly "quantities", "fee" and "time"."""

    rma: RMA
    reasons: tuple[str, ...]


class Returns:
    """The returns of a purchase, each of which is read once."""

    def __init__(self, rmas: list[RMA]) -> None:
        self._by_sku: dict[Any, list[_Returned]] = defaultdict(list)
        for place, rma in enumerate(rmas):
            returned = _Returned.of(place, rma)
            for sku in returned.skus:
                self._by_sku[sku].append(returned)

    def probable(self, memo: CreditMemo) -> Probable | None:
        """Return the return that matches a credit note best.

        None if no return shares a SKU, if two match equally well, or if more than `LIMIT` share a SKU.
        """
        items = [item for item in with_pieces(memo.items.all()) if not _is_cancelled(item)]
        credited = _pieces((item, item.qty) for item in items)
        skus = {sku for sku, _size in credited}
        matching: dict[int, _Returned] = {}
        for sku in skus:
            candidates = self._by_sku.get(sku, [])
            if len(candidates) > LIMIT:
                return None
            matching |= {returned.place: returned for returned in candidates}
            if len(matching) > LIMIT:
                return None
        scores = [(_score(memo, credited, skus, matching[place]), matching[place].rma) for place in sorted(matching)]
        if not scores:
            return None
        best_score = max(score for score, _ in scores)
        best = [rma for score, rma in scores if score == best_score]
        return Probable(best[0], _reasons(best_score)) if len(best) == 1 else None


class _Returned(NamedTuple):
    """A return with the pieces of its articles and its fee."""

    place: int
    rma: RMA
    pieces: dict[Any, int]
    skus: set[Any]
    fee: Decimal

    @classmethod
    def of(cls, place: int, rma: RMA) -> _Returned:
        items = [item for item in with_pieces(rma.items.all()) if not is_refused(item, rma.status)]
        pieces = _pieces((item, item.qty_returned or item.qty_approved or item.qty_requested) for item in items)
        fee = sum((item.row_line_return_fee or Decimal(0) for item in items), Decimal(0))
        return cls(place, rma, pieces, {sku for sku, _size in pieces}, fee)


Score = tuple[int, int, bool, bool, bool, float]


def _score(memo: CreditMemo, credited: dict[Any, int], skus: set[Any], returned: _Returned) -> Score:
    """Return (common articles, common SKUs, equal quantities, equal fee, return before credit note, nearness)."""
    rma = returned.rma
    seconds = (memo.created_at - rma.date_requested).total_seconds() if memo.created_at and rma.date_requested else None
    return (
        len(credited.keys() & returned.pieces.keys()),
        len(skus & returned.skus),
        credited == returned.pieces,
        bool(returned.fee) and returned.fee == _fee(memo),
        seconds is not None and seconds >= 0,
        -abs(seconds) if seconds is not None else float("-inf"),
    )


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
