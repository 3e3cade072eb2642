"""Match the lines of a message with the stored lines of its document.

Only the items of a return have a number. All other lines are identified by SKU and size. A part of a key that is
missing or could not be read matches any value, so that an unreadable value never deletes a row.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

ANY = "*"  # a part of a pattern that any value fits


class LineKey(NamedTuple):
    """The key of a line; None is a part that is missing or could not be read."""

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
    """Return the index of the matching row for each line, None for a line without one.

    Equal keys match first, in their sequence. Then each line that is left takes the first free row whose key may equal
    its own; the row at its own position goes first.
    """
    matches: list[int | None] = [None] * len(lines)
    free = set(range(len(rows)))

    def match(line: int, row: int) -> None:
        matches[line] = row
        free.discard(row)

    rows_by_identity = _by_identity(rows)
    for identity, equal_lines in _by_identity(lines).items():
        equal_rows = rows_by_identity.get(identity, [])
        if len(equal_lines) != len(equal_rows):  # one is missing or unreadable: the others keep their positions
            for position in set(equal_lines) & set(equal_rows):
                match(position, position)
        left_lines = [line for line in equal_lines if matches[line] is None]
        left_rows = [row for row in equal_rows if row in free]
        for line, row in zip(left_lines, left_rows, strict=False):
            match(line, row)
    left = [line for line, matched in enumerate(matches) if matched is None]
    for line in left:
        if line in free and lines[line].may_equal(rows[line]):
            match(line, line)
    index = _RowIndex(rows, free)
    for line in left:
        candidate = index.first(lines[line]) if matches[line] is None else None
        if candidate is not None:
            match(line, candidate)
    return matches


def _by_identity(keys: Sequence[LineKey]) -> dict[Hashable, list[int]]:
    """Group the indexes of equal keys: by number, or by SKU and size."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        groups[key.number or key[1:]].append(index)
    return groups


class _RowIndex:
    """Finds the first free row that a key may equal, in constant time: a message may have thousands of lines."""

    def __init__(self, rows: Sequence[LineKey], free: set[int]) -> None:
        self._free = free
        self._rows: dict[Hashable, deque[int]] = defaultdict(deque)
        for row in sorted(free):
            number, sku, size = rows[row]
            for pattern in ((sku, size), ("sku", sku, ANY), ("size", ANY, size), ANY):
                self._rows[bool(number), pattern].append(row)

    def first(self, key: LineKey) -> int | None:
        """Return the index of the first free row that the key may equal."""
        _, sku, size = key
        patterns: list[Hashable] = [(sku, size), (sku, None), (None, size), (None, None)]
        if size is None:
            patterns.append(("sku", sku, ANY))
        if sku is None:
            patterns.append(("size", ANY, size))
        if sku is size is None:
            patterns.append(ANY)
        # two different numbers never match
        numbered = (False,) if key.number else (False, True)
        heads = (self._head(self._rows.get((has_number, pattern))) for has_number in numbered for pattern in patterns)
        return min((head for head in heads if head is not None), default=None)

    def _head(self, rows: deque[int] | None) -> int | None:
        while rows and rows[0] not in self._free:
            rows.popleft()
        return rows[0] if rows else None
