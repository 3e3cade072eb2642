"""Filters of the lists: `?po_number=SHOP-1&received_since=2026-01-31T00:00:00Z`. Invalid values are answered 400."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.views import View
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from stockhub_webhooks.models import Document, Order
from stockhub_webhooks.models.numbers import ALL, stored_numbers

TYPES = {serializers.DateTimeField: ("string", "date-time"), serializers.BooleanField: ("boolean", None)}


class ByQuery(BaseFilterBackend):
    """Filters by the query's parameters. What came in as a test is left out, unless it is asked for.

    Subclasses name their parameters in `LOOKUPS`, with the model's look-up, and the field that reads it. Numbers are
    found in any case if no document has the exact one.
    """

    LOOKUPS: ClassVar[dict[str, tuple[str, serializers.Field[Any, Any, Any, Any], str]]] = {}
    SHARED: ClassVar[dict[str, tuple[str, serializers.Field[Any, Any, Any, Any], str]]] = {
        "account": (
            "account",
            serializers.CharField(),
            "Of this account; what came in as a test has the account test.",
        ),
        "po_number": ("po_number", serializers.CharField(), "With this order number of the shop."),
        "increment_id": ("increment_id", serializers.CharField(), "With this number of Stock Hub."),
    }
    # parameter: the column of documents that has such numbers, and these documents
    NUMBERS: ClassVar[dict[str, tuple[str, Sequence[type[Document]]]]] = {}
    TEST = "test"

    def parameters(self) -> dict[str, tuple[str, serializers.Field[Any, Any, Any, Any], str]]:
        """Return the parameters that all lists share, then those of this list."""
        return {**self.SHARED, **self.LOOKUPS}

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Return the rows that were asked for.

        Raises:
            ValidationError: a value cannot be read.
        """
        given = request.query_params
        for name, (lookup, field, _) in self.parameters().items():
            if name not in given:
                continue
            value = _read(name, field, given[name])
            if name in self.NUMBERS:
                column, models = self.NUMBERS[name]
                queryset = queryset.filter(**{f"{lookup}__in": stored_numbers(value, [column], models)})
            else:
                queryset = queryset.filter(**{lookup: value})
        tests_too = self.TEST in given and _read(self.TEST, serializers.BooleanField(), given[self.TEST])
        if "account" in given or tests_too:
            return queryset
        real: QuerySet[Any] = queryset.real()  # type: ignore[attr-defined]
        return real

    def get_schema_operation_parameters(self, view: View) -> list[dict[str, Any]]:
        """Return the parameters for OpenAPI, as drf-spectacular asks for them."""
        described = [_described(name, field, text) for name, (_, field, text) in self.parameters().items()]
        return [*described, _described(self.TEST, serializers.BooleanField(), "What came in as a test, too.")]


class OrderFilter(ByQuery):
    """Filter of orders. A stub has no times and no status."""

    NUMBERS = {"po_number": ("po_number", [Order]), "increment_id": ("increment_id", [Order])}
    LOOKUPS = {
        "status": ("status", serializers.CharField(), "With this status, as Stock Hub writes it."),
        "updated_since": (
            "updated_at__gte",
            serializers.DateTimeField(),
            "Changed then or later, by Stock Hub's clock.",
        ),
        "received_since": (
            "received_at__gte",
            serializers.DateTimeField(),
            "Whose newest message came in then or later.",
        ),
    }


class EventFilter(ByQuery):
    """Filter of events."""

    NUMBERS = {
        "po_number": ("po_number", ALL),
        "increment_id": ("increment_id", ALL),
        "order": ("increment_id", [Order]),
    }
    LOOKUPS = {
        "type": ("type", serializers.CharField(), "Of this type, such as shipment.delivered."),
        "order": ("order__increment_id", serializers.CharField(), "Of the order with this number of Stock Hub."),
        "occurred_since": ("occurred_at__gte", serializers.DateTimeField(), "Happened then or later."),
        "received_since": (
            "message__received_at__gte",
            serializers.DateTimeField(),
            "Found in a message that came in then or later.",
        ),
    }


def _read(name: str, field: serializers.Field[Any, Any, Any, Any], value: str) -> Any:
    try:
        return field.run_validation(value)
    except ValidationError as error:
        raise ValidationError({name: error.detail}) from None


def _described(name: str, field: serializers.Field[Any, Any, Any, Any], text: str) -> dict[str, Any]:
    kind, form = TYPES.get(type(field), ("string", None))
    schema = {"type": kind, **({"format": form} if form else {})}
    return {"name": name, "in": "query", "required": False, "description": text, "schema": schema}
