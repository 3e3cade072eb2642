"""Comparison of a row with the values of a message."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models

# field name: (old value, new value)
Changes = dict[str, tuple[Any, Any]]


def set_values(row: models.Model, values: dict[str, Any]) -> Changes:
    """Set the values on the row, without saving it, and return those that differ."""
    changes: Changes = {}
    for name, value in values.items():
        old = getattr(row, name)
        if old != value:
            setattr(row, name, value)
            changes[name] = (old, value)
    return changes


def with_prefix(part: str, changes: Changes) -> Changes:
    """Return the changes of a part under the names that they have in its document, such as `items[SKU].qty`."""
    return {f"{part}.{name}": change for name, change in changes.items()}


def field_values(row: models.Model) -> dict[str, Any]:
    """Return the values of an address or a line by field, without its keys and its position."""
    return {
        column.name: getattr(row, column.name)
        for column in row._meta.concrete_fields
        if column.name not in {"id", "position"} and not column.is_relation
    }


def to_json_value(value: Any) -> Any:
    """Return the value as an event stores it: amounts by their digits, times in ISO 8601."""
    if isinstance(value, dict):
        return {name: to_json_value(part) for name, part in value.items() if part is not None}
    if value is None or isinstance(value, (str, int)):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def as_json(changes: Changes) -> dict[str, list[Any]]:
    """Return changes as an event stores them."""
    return {name: [to_json_value(old), to_json_value(new)] for name, (old, new) in changes.items()}
