"""The changes of an event in words: field, old value and new value."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.delivery.subjects import Subject


def field_name(subject: Subject, name: str) -> str:
    """Return a field's label, after the part of the document that it is in: `items[SKU].qty` is "SKU: quantity"."""
    column = subject.column(name)
    part, dot, _column = name.rpartition(".")
    if column is None:
        return inside(name) or name
    label = str(column.verbose_name)
    if not dot:
        return label
    return f"{inside(part) or subject_label(subject, part)}: {label}"


def inside(part: str) -> str:
    """Return the text between the brackets of `items[SKU]`, "" if there are none."""
    return part.partition("[")[2].rpartition("]")[0]


def subject_label(subject: Subject, part: str) -> str:
    """Return the label of an address."""
    column = subject.column(part)
    return str(column.verbose_name) if column is not None else part


def shown(subject: Subject, name: str, value: Any) -> str:
    """Return an old or new value as the field is shown elsewhere."""
    if isinstance(value, dict):
        return ", ".join(str(part) for part in value.values())
    column = subject.column(name)
    if value is None or not isinstance(column, Field):
        return display.value(value)
    if (codes := labels.CODES.get(f"{subject.name}.{column.name}")) is not None:
        return statuses.label(codes, str(value))
    try:
        python_value = column.to_python(value)
    except (ValidationError, TypeError, ValueError):
        return str(value)
    return display.money(python_value, None) if isinstance(python_value, Decimal) else display.value(python_value)
