"""Which lines of a document count: Magento lists some articles twice, as a parent line and as its child.

Both lines have the SKU and the number of pieces, but the pieces exist once.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any

QUANTITIES = ("qty_ordered", "qty", "qty_requested")


def with_pieces(items: Iterable[Any]) -> list[Any]:
    """Return the lines of a document without the parent lines whose pieces are those of their children.

    A child has the SKU of its parent, no other size, and as many pieces. It names a `parent_sku`, which its parent
    does not, or it has no price, which its parent has. The work is proportional to the number of lines.
    """
    items = list(items)
    by_sku: dict[str, list[Any]] = defaultdict(list)
    for item in items:
        if item.sku:
            by_sku[item.sku].append(item)
    parents: set[int] = set()
    for twins in by_sku.values():
        if len(twins) > 1:
            parents |= _Family(twins).parents()
    return [item for item in items if id(item) not in parents]


class _Pool:
    """Lines that a parent may have as its children; those that have a parent leave it."""

    def __init__(self) -> None:
        self.size = 0
        self.left = 0
        self.pieces = 0
        self.waiting: deque[int] = deque()
        self.by_pieces: dict[int, deque[int]] = defaultdict(deque)

    def add(self, place: int, pieces: int) -> None:
        self.size += 1
        self.left += 1
        self.pieces += pieces
        self.waiting.append(place)
        self.by_pieces[pieces].append(place)


class _Family:
    """Lines of one SKU, in pools by what decides which of them are children of a line."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items
        self.pieces = [_pieces(item) for item in items]
        self.kinds = [(bool(item.parent_sku), _is_priced(item)) for item in items]
        self.children: set[int] = set()
        # by kind and size; the size None holds the lines of all sizes
        self.pools: dict[tuple[tuple[bool, bool], str | None], _Pool] = defaultdict(_Pool)
        if len(set(self.kinds)) > 1:
            for place in range(len(items)):
                for pool in self.pools_with(place):
                    pool.add(place, self.pieces[place])

    def parents(self) -> set[int]:
        """Return the `id` of each parent line."""
        parents = set()
        for place, item in enumerate(self.items):
            if place in self.children:
                continue
            pools = self.pools_of_children(place)
            own = self.children_of(place, pools)
            if own or (any(pool.size for pool in pools) and not self.pieces[place]):
                parents.add(id(item))
                for child in own:
                    self.take(child)
        return parents

    def children_of(self, place: int, pools: list[_Pool]) -> list[int]:
        """Return the lines without a parent that have as many pieces as this line: all of them, or else one."""
        number = self.pieces[place]
        if number not in (0, sum(pool.pieces for pool in pools)):
            heads = [self.first(pool.by_pieces.get(number)) for pool in pools]
            return sorted(head for head in heads if head is not None)[:1]
        return [child for pool in pools if pool.left for child in pool.waiting if child not in self.children]

    def first(self, places: deque[int] | None) -> int | None:
        """Return the first line that has no parent yet."""
        while places and places[0] in self.children:
            places.popleft()
        return places[0] if places else None

    def take(self, place: int) -> None:
        """Give a line its parent."""
        self.children.add(place)
        for pool in self.pools_with(place):
            pool.left -= 1
            pool.pieces -= self.pieces[place]
            if not pool.left:
                pool.waiting.clear()

    def pools_with(self, place: int) -> tuple[_Pool, _Pool]:
        """Return the pools that hold a line."""
        kind, size = self.kinds[place], self.items[place].size or ""
        return self.pools[kind, size], self.pools[kind, None]

    def pools_of_children(self, place: int) -> list[_Pool]:
        """Return the pools of the lines that may be children of this line."""
        has_parent, is_priced = self.kinds[place]
        kinds = [
            (names_parent, priced)
            for names_parent in (False, True)
            for priced in (False, True)
            if (names_parent and not has_parent) or (is_priced and not priced)
        ]
        size = self.items[place].size
        sizes = (size, "") if size else (None,)
        return [self.pools[kind, size] for kind in kinds for size in sizes if (kind, size) in self.pools]


def _is_priced(item: Any) -> bool:
    return bool(getattr(item, "item_price_inc_tax", None) or getattr(item, "row_total_inc_tax", None))


def _pieces(item: Any) -> int:
    return next((getattr(item, name) for name in QUANTITIES if hasattr(item, name)), None) or 0
