"""Match the lines of a message with the stored lines of its document.

A line has no number of its own, but for the item of a return. So it is known by its key: the item's number, or else
SKU and size. A part of a key that is missing or could not be read matches any value, so that an unreadable value
never deletes a row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple


class LineKey(NamedTuple):
    """What a line is known by; None is a part that is missing or could not be read."""

    number: str | None
    sku: str | None
    size: str | None

    def may_equal(self, other: LineKey) -> bool:
        """Return True unless a part that both keys have differs. The item's number outweighs SKU and size."""
        if self.number and other.number:
            return self.number == other.number
        return all(a is None or b is None or a == b for a, b in ((self.sku, other.sku), (self.size, other.size)))

    @property
    def label(self) -> str:
        """The key as shown in the changes of an event: the number, or `SKU/size`."""
        parts = (self.number,) if self.number else (self.sku, self.size)
        return "/".join(filter(None, parts)) or "?"


def line_key(values: Mapping[str, Any], *, is_numbered: bool) -> LineKey:
    """Return the key of a line.

    Args:
        values: the values of the line, by the names of the model's fields.
        is_numbered: whether lines of this kind have numbers, as the items of a return have.
    """
    number = values.get("item_id") if is_numbered else None
    return LineKey((number.lstrip("0") or "0") if number else None, values.get("sku"), values.get("size"))


def match_lines(lines: Sequence[LineKey], rows: Sequence[LineKey]) -> list[int | None]:
    """Return for each line the index of its row; None for a line without one.

    Equal keys match first, in their sequence. Then each line that is left takes the first row that may be the same,
    the one at its own position before others.
    """
    matches: list[int | None] = [None] * len(lines)
    free = set(range(len(rows)))

    def take(line: int, row: int) -> None:
        matches[line] = row
        free.discard(row)

    lines_by_key, rows_by_key = _by_identity(lines), _by_identity(rows)
    for identity, places in lines_by_key.items():
        candidates = rows_by_key.get(identity, [])
        if len(places) != len(candidates):  # a twin is missing or unreadable: the others keep their positions
            for place in set(places) & set(candidates):
                take(place, place)
        rest = [row for row in candidates if row in free]
        for place, row in zip([place for place in places if matches[place] is None], rest, strict=False):
            take(place, row)
    left = [place for place, row in enumerate(matches) if row is None]
    for place in left:
        if place in free and lines[place].may_equal(rows[place]):
            take(place, place)
    for place in left:
        if matches[place] is None:
            for row in sorted(free):
                if lines[place].may_equal(rows[row]):
                    take(place, row)
                    break
    return matches


def _by_identity(keys: Sequence[LineKey]) -> dict[Hashable, list[int]]:
    """Group the indexes of equal keys: by number, or by SKU and size."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        groups[key.number or key[1:]].append(index)
    return groups
