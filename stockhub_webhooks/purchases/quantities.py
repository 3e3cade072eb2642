"""Pieces of each order line that were ordered, sent, delivered, returned and refunded.

A line of another document matches an order line by SKU, size and position among equal lines, as in `apply`. If one of
the two has no size, they match if it is the only order line of that SKU. A parent line and its child count once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Protocol

from stockhub_webhooks.models import RMA, CreditMemo, Order, Shipment
from stockhub_webhooks.purchases.pieces import with_pieces

CANCELLED = frozenset({"cancelled", "canceled"})
REFUSED = frozenset({"rejected", "denied"})  # return statuses without a refund
NOT_REFUNDED = frozenset({"exchange", "replacement", "repair", "store_credit"})  # resolutions of an item of a return
SETTLED = frozenset({"closed", "processed_closed"})  # return statuses in which `qty_approved` is final
COUNTED = (
    "sent", "delivered", "asked_back", "refused", "returned", "kept", "refunded", "reversed", "cancelled",
)  # fmt: skip


@dataclass
class Quantities:
    """Pieces of one line of one order.

    Attributes:
        item: the line of the order, or else of the first document that has it.
        order: the order of the line; None if no known order of the purchase has it.
        ordered: None if Stock Hub sent no quantity.
        sent: pieces that have left: the carrier has collected their parcel.
        asked_back: pieces of returns that were not refused, including those already returned.
        refused: pieces of returns that were refused.
        kept: pieces of returns that are not refunded: they were refused after they came back, or are exchanged; part of
            `asked_back`.
        reversed: pieces refunded because they were cancelled; part of `refunded`.
        cancelled: pieces that will not be sent: `reversed`, or those of a cancelled order that have not left. What is
            cancelled line by line no message says, so a closed order may keep open pieces.
        other_sizes: sizes that other documents name for this line, if they differ from its own.
    """

    item: Any = None
    order: Order | None = None
    sku: str = ""
    size: str = ""
    name: str = ""
    ordered: int | None = None
    sent: int = 0
    delivered: int = 0
    asked_back: int = 0
    refused: int = 0
    returned: int = 0
    kept: int = 0
    refunded: int = 0
    reversed: int = 0
    cancelled: int = 0
    other_sizes: set[str] = field(default_factory=set)

    @property
    def expected(self) -> int | None:
        """Pieces that were or will be sent; None if unknown."""
        return None if self.ordered is None else max(self.ordered - self.cancelled, 0)

    @property
    def open(self) -> int | None:
        """Pieces still to be sent; None if unknown."""
        return None if self.expected is None else max(self.expected - self.sent, 0)

    @property
    def is_too_much(self) -> bool:
        """True if more was sent, returned, refunded or cancelled than was ordered."""
        if self.ordered is None:
            return False
        return max(self.sent, self.returned, self.refunded, self.cancelled) > self.ordered

    def room(self, counted: str) -> int:
        """Return the number of pieces that can be counted before it exceeds the ordered quantity."""
        return (self.ordered or 0) - int(getattr(self, counted))


class Documents(Protocol):
    """The documents of a purchase, with their lines."""

    @property
    def orders(self) -> list[Order]:
        """The orders, oldest first."""

    @property
    def shipments(self) -> list[Shipment]:
        """The shipments."""

    @property
    def rmas(self) -> list[RMA]:
        """The returns."""

    @property
    def credit_memos(self) -> list[CreditMemo]:
        """The credit notes."""

    def has(self, document: Any) -> bool:
        """Return True if the document counts in this purchase."""


def lines_of(purchase: Documents) -> list[Quantities]:
    """Return the lines of the orders, then the lines that only other documents have."""
    return _LineCounter(purchase).run()


def total_of(lines: list[Quantities]) -> Quantities:
    """Add up all lines; `ordered` is None if one order line has no quantity."""
    known = [line.ordered for line in lines if line.order]
    total = Quantities(ordered=None if None in known or not known else sum(number or 0 for number in known))
    for counted in COUNTED:
        setattr(total, counted, sum(getattr(line, counted) for line in lines))
    return total


class _Group:
    """Lines with one SKU, or with one SKU and size, of one order or of all orders of the purchase."""

    def __init__(self) -> None:
        self.lines: list[Quantities] = []
        # by counted quantity: the lines before this place have no room
        self.full: Counter[str] = Counter()

    def first_with_room(self, counted: str) -> Quantities | None:
        """Return the first line that can take more pieces."""
        while self.full[counted] < len(self.lines):
            line = self.lines[self.full[counted]]
            if line.room(counted) > 0:
                return line
            self.full[counted] += 1
        return None


GroupKey = tuple[int | None, str, str | None]  # the order, None for all of them; the SKU; the size, None for all sizes


class _LineCounter:
    """Counts pieces on the lines of a purchase, in a time proportional to the number of lines of its documents."""

    def __init__(self, purchase: Documents) -> None:
        self.purchase = purchase
        self.lines: list[Quantities] = []
        self.groups: dict[GroupKey, _Group] = {}
        self.places: dict[int, list[tuple[_Group, int]]] = {}

    def run(self) -> list[Quantities]:
        for order in self.purchase.orders:
            for item in self.counted_items(order):
                self.append(_line(item, order, item.qty_ordered))
        for shipment in filter(self.purchase.has, self.purchase.shipments):
            self.add(shipment, _pieces_of(shipment))
        for rma in filter(self.purchase.has, self.purchase.rmas):
            self.add(rma, partial(_returning, rma.status))
        for memo in filter(self.purchase.has, self.purchase.credit_memos):
            self.add(memo, _credited)
        for line in self.lines:
            left = (line.ordered or 0) - line.sent if line.order and line.order.is_cancelled else 0
            line.cancelled = max(line.reversed, left)
        return self.lines

    def append(self, line: Quantities) -> None:
        """Add a line, to its groups too."""
        self.lines.append(line)
        places = self.places[id(line)] = []
        for order in {None, line.order.pk if line.order else None}:
            for size in (None, line.size):
                group = self.groups.setdefault((order, line.sku, size), _Group())
                places.append((group, len(group.lines)))
                group.lines.append(line)

    def counted_items(self, order: Order) -> list[Any]:
        """Return the lines of an order that have pieces; a parent line has some if more was sent than its children."""
        items = list(order.items.all())
        counted = with_pieces(items)
        if len(counted) == len(items):
            return items
        ordered = Counter[str | None]()
        for item in counted:
            ordered[item.sku] += item.qty_ordered or 0
        sent = Counter[str | None]()
        for shipment in self.shipments_by_order[order.pk]:
            for item in with_pieces(shipment.items.all()):
                sent[item.sku] += item.qty or 0
        kept = set(map(id, counted))
        return [item for item in items if id(item) in kept or sent[item.sku] > ordered[item.sku]]

    @cached_property
    def shipments_by_order(self) -> dict[int, list[Any]]:
        """The shipments that have left, by the primary key of their order."""
        shipments: dict[int, list[Any]] = defaultdict(list)
        for shipment in filter(self.purchase.has, self.purchase.shipments):
            if shipment.has_left:
                shipments[shipment.order_id].append(shipment)
        return shipments

    def add(self, document: Any, pieces: Callable[[Any], dict[str, int]]) -> None:
        """Count the pieces of a document's items on their matching lines."""
        positions: Counter[tuple[Any, ...]] = Counter()
        for item in with_pieces(document.items.all()):
            group = self.matching_group(item, document)
            position = positions[item.sku, item.size]
            positions[item.sku, item.size] += 1
            for counted, number in pieces(item).items():
                self.distribute(group, position, counted, number)

    def matching_group(self, item: Any, document: Any) -> _Group:
        """Return the lines of the item's own order, or else of any order of the purchase, that match the item."""
        sku, size = item.sku or "", item.size or ""
        for order in (document.order_id, None):
            if equal := self.groups.get((order, sku, size)):
                return equal
            same_sku = self.groups.get((order, sku, None))
            if same_sku and len(same_sku.lines) == 1 and not (size and same_sku.lines[0].size):
                same_sku.lines[0].other_sizes.add(size)
                return same_sku
        self.append(_line(item, None, None))
        return self.groups[None, sku, size]

    def distribute(self, group: _Group, position: int, counted: str, number: int) -> None:
        """Count pieces on the line at this position; pieces beyond its ordered quantity go to the other lines."""
        first = group.lines[min(position, len(group.lines) - 1)]
        line: Quantities | None = first
        left = number
        while line and left > 0:
            pieces = max(min(left, line.room(counted)), 0)
            setattr(line, counted, getattr(line, counted) + pieces)
            left -= pieces
            line = group.first_with_room(counted) if left else None
        setattr(first, counted, getattr(first, counted) + left)
        if left < 0:  # there is room again
            for others, place in self.places[id(first)]:
                others.full[counted] = min(others.full[counted], place)


def _line(item: Any, order: Order | None, ordered: int | None) -> Quantities:
    name = " ".join(filter(None, (item.manufacturer, item.mpn)))
    return Quantities(item, order, item.sku or "", item.size or "", name, ordered)


def _pieces_of(shipment: Shipment) -> Callable[[Any], dict[str, int]]:
    if not shipment.has_left:
        return lambda item: {}
    return _delivered if shipment.is_delivered else _sent


def _sent(item: Any) -> dict[str, int]:
    return {"sent": item.qty or 0}


def _delivered(item: Any) -> dict[str, int]:
    return {"sent": item.qty or 0, "delivered": item.qty or 0}


def is_refused(item: Any, rma_status: str | None) -> bool:
    """Return True if an item of a return was refused; one without a status has that of the return."""
    return _return_status(item, rma_status) in REFUSED


def is_exchanged(item: Any) -> bool:
    """Return True if an item of a return is exchanged or repaired rather than refunded."""
    return not NOT_REFUNDED.isdisjoint((wish or "").lower() for wish in (item.resolution, item.merchant_resolution))


def _return_status(item: Any, rma_status: str | None) -> str:
    return (item.status or rma_status or "").lower()


def _returning(rma_status: str | None, item: Any) -> dict[str, int]:
    returned, requested = item.qty_returned or 0, item.qty_requested or 0
    if is_refused(item, rma_status):
        refused = max(requested - returned, 0)
        return {"asked_back": returned, "returned": returned, "kept": returned, "refused": refused}
    approved = item.qty_approved if _return_status(item, rma_status) in SETTLED else None
    asked = max(returned, requested if approved is None else approved)
    kept = asked if is_exchanged(item) else 0
    return {"asked_back": asked, "returned": returned, "kept": kept, "refused": max(requested - asked, 0)}


def _credited(item: Any) -> dict[str, int]:
    number = item.qty or 0
    is_cancelled = (item.reversal or "").lower() in CANCELLED
    return {"refunded": number, "reversed": number if is_cancelled else 0}
