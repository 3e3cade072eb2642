"""Fields that this version does not know, in the form in which a document keeps them (`Document.extra`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from stockhub_webhooks.serializers.fields import BodyNote, clean_text
from stockhub_webhooks.serializers.shapes import MAX_OTHER_NAMES, snake_case

NAME_LENGTH = 100
MAX_BYTES = 64 * 1024
MAX_DEPTH = 20
BYTES_OF_A_VALUE = 4  # the least that a value takes as JSON, with its separators
KEYS_OF_A_LINE = ("id", "sku", "size")


def unknown_fields(serializer: Any, data: Mapping[str, Any], notes: list[BodyNote]) -> dict[str, Any]:
    """Return the fields of an object that its serializer does not know, as JSON values.

    Unknown fields of an address are in an object of the address's name. Unknown fields of the items are in the list
    `items`, one object for each item that has such fields, with the item's `id`, `sku` and `size`.

    Args:
        serializer: a `TolerantSerializer`.
        data: the object, with the names of the contract.
        notes: a note is added for each field that is left out, since all together exceed 64 KiB.
    """
    space = _Space(MAX_BYTES)
    extra: dict[str, Any] = {}
    for name, part in _unknown(serializer, data):
        try:
            value = space.json_value(part, MAX_DEPTH)
        except _Full:
            notes.append(BodyNote(name[:60], "extra_too_long"))
            continue
        extra[name] = value
    return extra


def merged_extra(stored: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the unknown fields of a document with those of a newer message; only the new ones if both are too long."""
    merged = stored | new
    return merged if len(json.dumps(merged)) <= MAX_BYTES else new


def _unknown(serializer: Any, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the unknown fields, and what is unknown in addresses and items."""
    known: Mapping[str, Any] = serializer.fields
    names = 0
    for name, value in data.items():
        field = known.get(name)
        if field is None:
            names += 1
            spelled = snake_case(name[:NAME_LENGTH])
            if names <= MAX_OTHER_NAMES and serializer.ALIASES.get(spelled, spelled) not in known:
                yield clean_text(name[:NAME_LENGTH]), value
        elif isinstance(field, serializers.ListSerializer) and isinstance(value, list):
            if lines := [line for entry in value if (line := _unknown_of_line(field.child, entry))]:
                yield name, lines
        elif isinstance(field, serializers.Serializer) and isinstance(value, dict) and (inner := _inner(field, value)):
            yield name, inner


def _inner(serializer: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_unknown(serializer, data))


def _unknown_of_line(serializer: Any, line: Any) -> dict[str, Any]:
    unknown = _inner(serializer, line) if isinstance(line, dict) and not line.keys() <= serializer.fields.keys() else {}
    return {name: line[name] for name in KEYS_OF_A_LINE if name in line} | unknown if unknown else {}


class _Full(Exception):
    """A value does not fit in any more."""


class _Space:
    """Room for JSON values. It is used up while a value is converted, so a huge value is not converted whole."""

    def __init__(self, size: int) -> None:
        self.left = size

    def json_value(self, value: Any, depth: int) -> Any:
        """Return a value that each database takes as JSON; a value that is nested too deep is left out.

        Raises:
            _Full: there is no room for the value; none is used.
        """
        before = self.left
        try:
            return self._converted(value, depth)
        except _Full:
            self.left = before
            raise

    def _converted(self, value: Any, depth: int) -> Any:
        if isinstance(value, (dict, list)) and not depth:
            return self._use(None)
        if isinstance(value, dict):
            self._use(None)
            return {
                self._use(clean_text(name[:NAME_LENGTH])): self._converted(part, depth - 1)
                for name, part in value.items()
            }
        if isinstance(value, list):
            self._use(None)
            return [self._converted(part, depth - 1) for part in value]
        if isinstance(value, Decimal):
            return self._use(_number(value))
        if isinstance(value, int) and abs(value) >= 2**53:
            return self._use(str(Decimal(value)))
        return self._use(clean_text(value) if isinstance(value, str) and len(value) <= self.left else value)

    def _use(self, value: Any) -> Any:
        size = len(value) if isinstance(value, str) else 0
        if size < self.left:
            size = max(len(json.dumps(value)) + 1, BYTES_OF_A_VALUE)
        self.left -= size
        if self.left < 0:
            raise _Full
        return value


def _number(value: Decimal) -> float | str | None:
    """Return a number as a float if that changes no digit, else as text."""
    if not value.is_finite():
        return None
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)
