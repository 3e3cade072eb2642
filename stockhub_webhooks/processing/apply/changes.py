"""Comparing what is wanted with what is there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models

# field to its old and new value
Changes = dict[str, tuple[Any, Any]]


def differences(row: models.Model, wanted: dict[str, Any]) -> Changes:
    """Write the wanted values onto the row, unsaved; what differed."""
    changes: Changes = {}
    for name, value in wanted.items():
        former = getattr(row, name)
        if former != value:
            setattr(row, name, value)
            changes[name] = (former, value)
    return changes


def below(part: str, changes: Changes) -> Changes:
    """The changes of a part, as seen from its document."""
    return {f"{part}.{name}": change for name, change in changes.items()}


def field_values(row: models.Model) -> dict[str, Any]:
    """The told values of an address or a line."""
    return {
        column.name: getattr(row, column.name)
        for column in row._meta.concrete_fields
        if column.name not in {"id", "position"} and not column.is_relation
    }


def to_json_value(value: Any) -> Any:
    """A value as the event keeps it, in JSON: amounts by their digits, times in ISO 8601."""
    if isinstance(value, dict):
        return {name: to_json_value(part) for name, part in value.items() if part is not None}
    if value is None or isinstance(value, (str, int)):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)
