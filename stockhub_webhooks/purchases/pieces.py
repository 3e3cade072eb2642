"""Which lines of a document count: Magento lists some articles twice, as a parent line and as its child.

Both lines have the SKU and the number of pieces, but the pieces exist once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

QUANTITIES = ("qty_ordered", "qty", "qty_requested")


def with_pieces(items: Iterable[Any]) -> list[Any]:
    """Return the lines of a document without the parent lines whose pieces are those of their children.

    A child has the SKU of its parent, no other size, and as many pieces. It names a `parent_sku`, which its parent
    does not, or it has no price, which its parent has.
    """
    items = list(items)
    parents: set[int] = set()
    children: set[int] = set()
    for item in items:
        own = [other for other in items if _is_child(other, item)]
        number, unmatched = _pieces(item), [child for child in own if id(child) not in children]
        if number not in (0, sum(map(_pieces, unmatched))):
            unmatched = [child for child in unmatched if _pieces(child) == number][:1]
        if id(item) not in children and (unmatched or (own and not number)):
            parents.add(id(item))
            children.update(map(id, unmatched))
    return [item for item in items if id(item) not in parents]


def _is_child(item: Any, parent: Any) -> bool:
    if item is parent or not item.sku or item.sku != parent.sku:
        return False
    if item.size and parent.size and item.size != parent.size:
        return False
    names_a_parent = bool(item.parent_sku) and not parent.parent_sku
    return names_a_parent or (_is_priced(parent) and not _is_priced(item))


def _is_priced(item: Any) -> bool:
    return bool(getattr(item, "item_price_inc_tax", None) or getattr(item, "row_total_inc_tax", None))


def _pieces(item: Any) -> int:
    return next((getattr(item, name) for name in QUANTITIES if hasattr(item, name)), None) or 0
