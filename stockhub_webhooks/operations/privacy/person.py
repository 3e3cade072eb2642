"""All that is kept of a customer, for a request for access (GDPR art. 15): as JSON, by the names of our columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Q

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Address, Message
from stockhub_webhooks.models.personal import RETENTION, retention_days
from stockhub_webhooks.operations.privacy import bodies, traces
from stockhub_webhooks.operations.privacy.subjects import Subjects, address_columns
from stockhub_webhooks.operations.privacy.unreceived import Unreceived
from stockhub_webhooks.processing.apply import BY_TOPIC

# our own bookkeeping, which tells nothing of a person
LEFT_OUT = frozenset({"reading_digest", "claim", "is_suspect", "due_at", "uid", "key_fingerprint", "remote_address"})


def export(found: Iterable[Subjects], unreceived: Collection[Unreceived] = ()) -> dict[str, Any]:
    """Return all rows of these orders, by table; texts of errors and messages are among them.

    Args:
        found: the orders.
        unreceived: orders of which only bodies are here that were not applied or let in.
    """
    subjects = list(found)
    chosen: list[Subjects | Unreceived] = [*subjects, *unreceived]
    return {
        "orders": [{"account": each.account, "numbers": each.numbers} for each in chosen],
        "days_kept": retention_days(),
        "tables": _tables(subjects, unreceived),
    }


def _tables(subjects: list[Subjects], unreceived: Collection[Unreceived]) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = {}
    for order in unreceived:
        unapplied, refused = bodies.of_person(order.account, order.about)
        tables.setdefault("Message", []).extend(map(values, unapplied))
        tables.setdefault("RefusedBody", []).extend(map(values, refused))
    for each in subjects:
        for topic, rows in each.documents().items():
            pks = [row.pk for row in rows]
            model = BY_TOPIC[topic].model
            stored = list(_rows(model).filter(pk__in=pks).order_by("pk"))
            tables.setdefault(model.__name__, []).extend(values(row) for row in stored)
            keys = [key for row in stored for name in address_columns(model) if (key := getattr(row, f"{name}_id"))]
            tables.setdefault("Address", []).extend(map(values, _rows(Address).filter(pk__in=keys).order_by("pk")))
        messages = _rows(Message).filter(pk__in=each.message_pks()).order_by("received_at", "pk")
        unapplied, refused = bodies.of_person(each.account, traces.about(each))
        rows_of = {row.pk: row for row in (*messages, *unapplied)}
        tables.setdefault("Message", []).extend(map(values, rows_of.values()))
        tables.setdefault("RefusedBody", []).extend(map(values, refused))
    for name, rule in RETENTION.items():
        if rule.orders and name not in tables:
            condition = Q(pk__in=[])
            for path in rule.orders:
                condition |= Q(**{f"{path}__in": [order.pk for each in subjects for order in each.orders]})
            rows = _rows(apps.get_model("stockhub_webhooks", name)).filter(condition).order_by("pk")
            tables[name] = [values(row) for row in rows]
    return {name: rows for name, rows in tables.items() if rows}


def _rows(model: Any) -> Any:
    return model._default_manager.using(database_alias())


def values(row: models.Model) -> dict[str, Any]:
    """Return the values of a row that are not empty, as JSON."""
    found = {
        column.attname: _as_json(getattr(row, column.attname))
        for column in row._meta.concrete_fields
        if column.name not in LEFT_OUT
    }
    return {name: value for name, value in found.items() if value not in (None, "", {}, [])}


def _as_json(value: Any) -> Any:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
