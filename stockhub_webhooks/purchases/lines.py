"""The lines of a purchase, over all its orders: one for each SKU and size, as the shop's own order has them.

Lines that an order repeats are told apart by their position among equal ones. If an order was edited, it was cancelled
(`000000123`) and continues under a new number (`000000123-1`): the pieces that continue are ordered once, and are not
cancelled.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from stockhub_webhooks.models import Order
from stockhub_webhooks.purchases.quantities import Quantities

EDITED = re.compile(r"(?P<first>.+)-(?P<edition>\d{1,4})")
MAX_KEY = 255
COUNTED = ("sent", "delivered", "cancelled", "returned", "refunded")

Key = tuple[str, str, int]


@dataclass
class PurchaseLine:
    """Pieces of one article of a purchase.

    Attributes:
        key: the same for the same article as long as the purchase lives, whatever comes first; for `event.book`.
        sku: Stock Hub's number of the article.
        size: "" if it has none.
        items: the lines of the orders; if no order has the article, those of the other documents.
        ordered: pieces, 0 if Stock Hub has not said how many.
        sent: pieces that have left: collected by the carrier, in transit, delivered, or with a problem on the way.
        delivered: pieces of delivered shipments; part of `sent`.
        cancelled: pieces of a cancelled order that have not left, and pieces of credit notes whose reversal is
            "cancelled". A closed order cancels nothing.
        returned: pieces that came back, by what returns say.
        refunded: pieces of credit notes, those of cancelled pieces included.
    """

    key: str
    sku: str
    size: str
    items: list[Any] = field(repr=False, default_factory=list)
    ordered: int = 0
    sent: int = 0
    delivered: int = 0
    cancelled: int = 0
    returned: int = 0
    refunded: int = 0
    is_known: bool = field(repr=False, default=True)
    find_host_line: Callable[[Any], Any] = field(repr=False, compare=False, default=lambda item: None)

    @cached_property
    def host_line(self) -> Any:
        """The shop's own line, as `HOST_LINE_RESOLVER` finds it; None if it finds none."""
        return next(filter(None, map(self.find_host_line, self.items[:1])), None)

    @property
    def is_all_sent(self) -> bool:
        """True if each piece that was ordered has left or is cancelled."""
        return self.is_known and self.sent >= self.ordered - self.cancelled


def purchase_lines(counted: list[Quantities], find_host_line: Callable[[Any], Any]) -> list[PurchaseLine]:
    """Return the lines of a purchase, from the pieces of each line of its orders."""
    continued = _continued(counted)
    lines: dict[Key, PurchaseLine] = {}
    for key, each in _with_keys(counted):
        line = lines.get(key)
        if line is None:
            line = lines[key] = PurchaseLine(_text(key), each.sku, each.size, find_host_line=find_host_line)
        again = continued[id(each)]
        line.items.append(each.item)
        line.ordered += (each.ordered or 0) - again
        line.is_known &= each.order is None or each.ordered is not None
        for name in COUNTED:
            setattr(line, name, getattr(line, name) + getattr(each, name))
        line.cancelled -= again
    for each in counted:
        for size in sorted(each.other_sizes):
            # a document without its order had a line of this size: what was booked for it goes back to nothing
            former = PurchaseLine(
                _text((each.sku, size, 0)), each.sku, size, [each.item], find_host_line=find_host_line
            )
            lines.setdefault((each.sku, size, 0), former)
    return list(lines.values())


def _with_keys(counted: list[Quantities]) -> Iterator[tuple[Key, Quantities]]:
    """Yield each line with its key: SKU, size, and the position among equal lines of its order."""
    positions: Counter[tuple[int | None, str, str]] = Counter()
    for line in counted:
        own = (line.order.pk if line.order else None, line.sku, line.size)
        # what no order has is counted on one line, whatever order it is of
        yield (line.sku, line.size, positions[own] if line.order else 0), line
        positions[own] += 1


def _text(key: Key) -> str:
    sku, size, position = key
    parts = [part.replace("%", "%25").replace("|", "%7C") for part in (sku, size)]
    text = "|".join([*parts, *([str(position + 1)] if position else [])])
    return text if len(text) <= MAX_KEY else f"{text[:180]}#{hashlib.sha256(text.encode()).hexdigest()}"


def _continued(counted: list[Quantities]) -> Counter[int]:
    """Return, by the `id` of a line of a cancelled order, its cancelled pieces that the order's next edition has."""
    orders = {line.order.pk: line.order for line in counted if line.order}
    next_edition = _next_editions(list(orders.values()))
    room: Counter[tuple[int, str, str]] = Counter()
    for line in counted:
        if line.order:
            room[line.order.pk, line.sku, line.size] += line.ordered or 0
    continued: Counter[int] = Counter()
    for line in counted:
        following = next_edition.get(line.order.pk) if line.order and line.order.is_cancelled else None
        if following is not None:
            place = (following, line.sku, line.size)
            continued[id(line)] = max(min(line.cancelled, line.ordered or 0, room[place]), 0)
            room[place] -= continued[id(line)]
    return continued


def _next_editions(orders: list[Order]) -> dict[int, int]:
    """Return the primary key of the order that continues an edited order, by the primary key of the edited one."""
    editions: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for order in orders:
        edited = EDITED.fullmatch(order.increment_id)
        first, edition = (edited["first"], int(edited["edition"])) if edited else (order.increment_id, 0)
        editions[first].append((edition, order.pk))
    following: dict[int, int] = {}
    for numbered in editions.values():
        numbered.sort()
        following |= {pk: after for (_, pk), (_, after) in pairwise(numbered)}
    return following
