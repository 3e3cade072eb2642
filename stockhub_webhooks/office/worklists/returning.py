"""Rules on returns: nobody answered, or the pieces came back and were not credited."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from stockhub_webhooks.models import RMA, RMAItem
from stockhub_webhooks.office.worklists.loading import Case, first_known
from stockhub_webhooks.office.worklists.rules import Finding
from stockhub_webhooks.purchases.pieces import with_pieces
from stockhub_webhooks.purchases.quantities import CANCELLED, SETTLED, is_exchanged, is_refused

UNANSWERED = frozenset({"", "pending"})
CAME_BACK = frozenset({"received", "approved", "processed_closed"})  # of an item or a whole return
PARTLY_BACK = frozenset({"received_on_item", "approved_on_item", "rejected_on_item"})

Credited = defaultdict[str, Counter[str]]  # by SKU, the pieces by size


def find(case: Case) -> Iterator[Finding]:
    """Yield returns without an answer, and those that came back and are not credited."""
    rmas = list(filter(case.purchase.has, case.purchase.rmas))
    for rma in rmas:
        if _is_unanswered(rma):
            since = first_known(rma, "date_requested")
            pieces = sum(item.qty_requested or 0 for item in with_pieces(rma.items.all()))
            yield Finding("return_not_answered", rma, since, [{"code": "not_answered", "pieces": pieces}])
    if rmas:
        yield from _not_credited(case, rmas)


def _code(status: str | None) -> str:
    return (status or "").lower()


def _is_unanswered(rma: RMA) -> bool:
    codes = {_code(item.status) for item in rma.items.all()} | {_code(rma.status)}
    return codes <= UNANSWERED and not rma.date_received and not rma.date_processed and not _due(rma)


def _not_credited(case: Case, rmas: list[RMA]) -> Iterator[Finding]:
    """Hand the credited pieces out to the returns, the oldest first; yield those that miss some."""
    credited: Credited = defaultdict(Counter)
    for memo in filter(case.purchase.has, case.purchase.credit_memos):
        for item in with_pieces(memo.items.all()):
            if _code(item.reversal) not in CANCELLED:
                credited[item.sku or ""][item.size or ""] += item.qty or 0
    for rma in sorted(rmas, key=lambda rma: (first_known(rma, "date_received", "date_requested"), rma.pk)):
        due = _due(rma)
        missing = sum(number - take_pieces(credited[sku], size, number) for (sku, size), number in due.items())
        if missing > 0:
            since = first_known(rma, "date_received", "date_processed")
            facts = {"code": "not_credited", "pieces": missing, "of": sum(due.values())}
            yield Finding("return_not_credited", rma, since, [facts])


def take_pieces(credited: Counter[str], size: str, number: int) -> int:
    """Take pieces out of those of an article that were credited; a size that one side lacks is no difference.

    Args:
        credited: pieces by size; what is taken is subtracted.
        size: the size of the pieces that came back.
        number: how many of them are wanted.
    """
    taken = 0
    for key in [size, *(key for key in credited if key != size and not (key and size))]:
        part = min(credited[key], number - taken)
        credited[key] -= part
        taken += part
    return taken


def _due(rma: RMA) -> dict[tuple[str, str], int]:
    """Return the pieces that came back and are to be credited."""
    due: Counter[tuple[str, str]] = Counter()
    for item in with_pieces(rma.items.all()):
        if pieces := _pieces_due(rma, item):
            due[item.sku or "", item.size or ""] += pieces
    return due


def is_refunded(rma: RMA, item: RMAItem) -> bool:
    """Return True if what came back of an item is to be credited: it is neither refused nor exchanged."""
    return not is_refused(item, rma.status) and not is_exchanged(item)


def _pieces_due(rma: RMA, item: RMAItem) -> int:
    if not is_refunded(rma, item):
        return 0
    code = _code(item.status or rma.status)
    approved: Any = item.qty_approved
    if code in SETTLED and approved is not None:
        return int(min(approved, item.qty_returned) if item.qty_returned is not None else approved)
    if item.qty_returned is not None:
        return int(item.qty_returned)
    if code in CAME_BACK or (rma.date_received and code not in PARTLY_BACK and code != "closed"):
        return int((approved if approved is not None else item.qty_requested) or 0)
    return 0
