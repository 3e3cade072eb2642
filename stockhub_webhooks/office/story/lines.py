"""How many pieces of each line were ordered, sent, delivered, returned and refunded.

Lines of two documents are the same when SKU, size and their turn among equals are, as `apply` matches them. A document
that leaves the size out means the only line of that SKU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from stockhub_webhooks.models import Order
from stockhub_webhooks.office.story.purchase import Purchase

CANCELLED = frozenset({"cancelled", "canceled"})
ENDED = frozenset({"canceled", "closed"})  # order statuses after which nothing more is sent
REFUSED = frozenset({"rejected", "denied"})  # states of a return that comes to nothing
SETTLED = frozenset({"closed", "processed_closed"})  # states of a return that nothing more is added to
COUNTED = (
    "shipped", "delivered", "asked_back", "refused", "returned", "kept", "refunded", "reversed", "cancelled",
)  # fmt: skip


@dataclass
class Quantities:
    """The pieces of one line.

    Attributes:
        order: whose line it is; None where no order of the purchase is known to have it.
        ordered: None where Stock Hub did not say.
        asked_back: what returns ask for and nobody refused, what already came back too.
        refused: what returns ask for and somebody refused.
        kept: what came back and was refused then, so that nothing is paid back for it; part of `returned`.
        reversed: what a credit note pays back because it is cancelled; part of `refunded`.
        cancelled: what will not be sent: `reversed`, or left when the order ended.
    """

    order: Order | None = None
    sku: str = ""
    size: str = ""
    name: str = ""
    ordered: int | None = None
    shipped: int = 0
    delivered: int = 0
    asked_back: int = 0
    refused: int = 0
    returned: int = 0
    kept: int = 0
    refunded: int = 0
    reversed: int = 0
    cancelled: int = 0

    @property
    def expected(self) -> int | None:
        """What was or will be sent, None where that is unknown."""
        return None if self.ordered is None else max(self.ordered - self.cancelled, 0)

    @property
    def open(self) -> int | None:
        """What is still to be sent, None where that is unknown."""
        return None if self.expected is None else max(self.expected - self.shipped, 0)

    @property
    def is_too_much(self) -> bool:
        """Whether more was sent, returned or refunded than can be."""
        if self.ordered is None:
            return False
        return max(self.shipped, self.returned, self.refunded, self.cancelled) > self.ordered

    def room(self, counted: str) -> int:
        """How many pieces can still be counted before it is more than was ordered."""
        return (self.ordered or 0) - int(getattr(self, counted))


def lines_of(purchase: Purchase) -> list[Quantities]:
    """Each line of the orders, then what other documents speak of and no order has."""
    return _Count(purchase).run()


def total_of(lines: list[Quantities]) -> Quantities:
    """All lines together. What was ordered is unknown where it is of one of the orders' lines."""
    known = [line.ordered for line in lines if line.order]
    total = Quantities(ordered=None if None in known or not known else sum(number or 0 for number in known))
    for counted in COUNTED:
        setattr(total, counted, sum(getattr(line, counted) for line in lines))
    return total


class _Count:
    def __init__(self, purchase: Purchase) -> None:
        self.purchase = purchase
        self.lines: list[Quantities] = []

    def run(self) -> list[Quantities]:
        for order in self.purchase.orders:
            self.lines += [_line(item, order, item.qty_ordered) for item in order.items.all()]
        for shipment in filter(self.purchase.has, self.purchase.shipments):
            self.add(shipment, _delivered if shipment.is_delivered else _sent)
        for rma in filter(self.purchase.has, self.purchase.rmas):
            self.add(rma, partial(_coming_back, rma.status))
        for memo in filter(self.purchase.has, self.purchase.credit_memos):
            self.add(memo, _credited)
        for line in self.lines:
            left = (line.ordered or 0) - line.shipped if line.order and line.order.status in ENDED else 0
            line.cancelled = max(line.reversed, left)
        return self.lines

    def add(self, document: Any, pieces: Callable[[Any], dict[str, int]]) -> None:
        """Count the pieces of a document's items on the lines that they are of."""
        turns: Counter[tuple[Any, ...]] = Counter()
        for item in document.items.all():
            same = self.same_lines(item, document)
            turn = turns[item.sku, item.size]
            turns[item.sku, item.size] += 1
            for counted, number in pieces(item).items():
                _spread(same, turn, counted, number)

    def same_lines(self, item: Any, document: Any) -> list[Quantities]:
        """The lines that an item may be of: those of its own order, else of any order of the purchase."""
        known = [line for line in self.lines if line.sku == (item.sku or "")]
        for candidates in ([line for line in known if line.order and line.order.pk == document.order_id], known):
            found = [line for line in candidates if line.size == (item.size or "")]
            if not found and not item.size and len(candidates) == 1:
                found = candidates
            if found:
                return found
        unknown = _line(item, None, None)
        self.lines.append(unknown)
        return [unknown]


def _line(item: Any, order: Order | None, ordered: int | None) -> Quantities:
    name = " ".join(filter(None, (item.manufacturer, item.mpn)))
    return Quantities(order, item.sku or "", item.size or "", name, ordered)


def _spread(same: list[Quantities], turn: int, counted: str, number: int) -> None:
    """Count on the line whose turn it is; what is more than was ordered of it goes to its equals."""
    first = same[min(turn, len(same) - 1)]
    for line in (first, *(other for other in same if other is not first)):
        taken = max(min(number, line.room(counted)), 0)
        setattr(line, counted, getattr(line, counted) + taken)
        number -= taken
    setattr(first, counted, getattr(first, counted) + number)


def _sent(item: Any) -> dict[str, int]:
    return {"shipped": item.qty or 0}


def _delivered(item: Any) -> dict[str, int]:
    return {"shipped": item.qty or 0, "delivered": item.qty or 0}


def _coming_back(status_of_all: str | None, item: Any) -> dict[str, int]:
    status = item.status or status_of_all
    returned, requested = item.qty_returned or 0, item.qty_requested or 0
    if status in REFUSED:
        refused = max(requested - returned, 0)
        return {"asked_back": returned, "returned": returned, "kept": returned, "refused": refused}
    approved = item.qty_approved if status in SETTLED else None
    asked = max(returned, requested if approved is None else approved)
    return {"asked_back": asked, "returned": returned, "refused": max(requested - asked, 0)}


def _credited(item: Any) -> dict[str, int]:
    number = item.qty or 0
    is_cancelled = (item.reversal or "").lower() in CANCELLED
    return {"refunded": number, "reversed": number if is_cancelled else 0}
