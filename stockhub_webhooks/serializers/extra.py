"""Fields that this version does not know, in the form in which a document keeps them (`Document.extra`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from stockhub_webhooks.serializers.fields import Note, clean_text
from stockhub_webhooks.serializers.shapes import snake_case

NAME_LENGTH = 100
MAX_BYTES = 64 * 1024
MAX_DEPTH = 20
KEYS_OF_A_LINE = ("id", "sku", "size")


def unknown_fields(serializer: Any, data: Mapping[str, Any], notes: list[Note]) -> dict[str, Any]:
    """Return the fields of an object that its serializer does not know, as JSON values.

    Unknown fields of an address are in an object of the address's name. Unknown fields of the items are in the list
    `items`, one object for each item that has such fields, with the item's `id`, `sku` and `size`.

    Args:
        serializer: a `TolerantSerializer`.
        data: the object, with the names of the contract.
        notes: a note is added if fields are left out, since all together exceed 64 KiB.
    """
    extra = _unknown(serializer, data)
    if len(json.dumps(extra)) <= MAX_BYTES:
        return extra
    kept: dict[str, Any] = {}
    size = 0
    for name, value in sorted(extra.items(), key=lambda pair: len(json.dumps(pair[1]))):
        size += len(json.dumps({name: value}))
        if size > MAX_BYTES:
            notes.append(Note(name[:60], "extra_too_long"))
        else:
            kept[name] = value
    return kept


def _unknown(serializer: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    known: Mapping[str, Any] = serializer.fields
    extra: dict[str, Any] = {}
    for name, value in data.items():
        field = known.get(name)
        if field is None:
            spelled = snake_case(name)
            if serializer.ALIASES.get(spelled, spelled) not in known:
                extra[clean_text(name)[:NAME_LENGTH]] = _json_value(value, MAX_DEPTH)
        elif isinstance(field, serializers.ListSerializer) and isinstance(value, list):
            if lines := [line for entry in value if (line := _unknown_of_line(field.child, entry))]:
                extra[name] = lines
        elif isinstance(field, serializers.Serializer) and isinstance(value, dict):
            inner = _unknown(field, value)
            extra |= {name: inner} if inner else {}
    return extra


def _unknown_of_line(serializer: Any, line: Any) -> dict[str, Any]:
    unknown = _unknown(serializer, line) if isinstance(line, dict) else {}
    if not unknown:
        return {}
    keys = {name: _json_value(line[name], 1) for name in KEYS_OF_A_LINE if name in line and name in serializer.fields}
    return keys | unknown


def _json_value(value: Any, depth: int) -> Any:
    """Return a value that each database takes as JSON; what is nested too deep is left out."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        number = float(value)
        return number if Decimal(repr(number)) == value else str(value)
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, (dict, list)) and not depth:
        return None
    if isinstance(value, dict):
        return {clean_text(name)[:NAME_LENGTH]: _json_value(part, depth - 1) for name, part in value.items()}
    if isinstance(value, list):
        return [_json_value(part, depth - 1) for part in value]
    return value
