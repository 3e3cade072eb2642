"""Filters of the lists: `?po_number=SHOP-1&received_since=2026-01-31T00:00:00Z`. Invalid values are answered 400."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, ClassVar

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.views import View
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.settings import api_settings

from stockhub_webhooks.models import Document, Order, WorklistRow
from stockhub_webhooks.models.ledger import DEADLINE
from stockhub_webhooks.models.numbers import ALL, of_number

# parameters of the view: the first entry of the lists within an order
PLACES = {
    "lines_from": "The first line and parcel of each document that is shown, counted from 0.",
    "documents_from": "The first document of each kind that is shown, counted from 0.",
}


class TimeField(serializers.DateTimeField):
    """Time that can be written in UTC, as the databases do."""

    def to_internal_value(self, value: Any) -> datetime:
        """Return the aware time.

        Raises:
            ValidationError: it is none, or before the year 1 or after the year 9999 in UTC.
        """
        try:
            return super().to_internal_value(value).astimezone(timezone.utc)
        except OverflowError:
            self.fail("overflow")


TYPES = {
    TimeField: ("string", "date-time"),
    serializers.BooleanField: ("boolean", None),
    serializers.IntegerField: ("integer", None),
}


class ByQuery(BaseFilterBackend):
    """Base class of filters by parameters of the query. Tests are left out unless a parameter includes them.

    `LOOKUPS` of a subclass has its parameters: name to the model's look-up, the field that parses the value, and the
    description for OpenAPI. A number is matched in any case if no document has the exact one.
    """

    LOOKUPS: ClassVar[dict[str, tuple[str, serializers.Field[Any, Any, Any, Any], str]]] = {}
    SHARED: ClassVar[dict[str, tuple[str, serializers.Field[Any, Any, Any, Any], str]]] = {
        "account": (
            "account",
            serializers.CharField(),
            "Only this account; tests have the account `test`.",
        ),
        "po_number": ("po_number", serializers.CharField(), "Only this order number of the shop."),
        "increment_id": ("increment_id", serializers.CharField(), "Only this number of Stock Hub."),
    }
    # parameter: the column of documents that has such numbers, and these documents
    NUMBERS: ClassVar[dict[str, tuple[str, Sequence[type[Document]]]]] = {}
    TEST = "test"

    def parameters(self) -> dict[str, tuple[str, serializers.Field[Any, Any, Any, Any], str]]:
        """Return the parameters of all lists, then those of this list."""
        return {**self.SHARED, **self.LOOKUPS}

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Return the rows that match all parameters of the request.

        Raises:
            ValidationError: the value of a parameter is invalid, or a parameter is unknown: without its filter the
                answer would hold more than was asked for.
        """
        parameters = request.query_params
        unknown = parameters.keys() - self.parameters().keys() - self.other_parameters(view)
        if unknown:
            raise ValidationError({name: ["There is no such parameter."] for name in sorted(unknown)})
        for name, (lookup, field, _) in self.parameters().items():
            if name not in parameters:
                continue
            value = parse(name, field, parameters[name])
            queryset = queryset.filter(self.condition(name, lookup, value))
        with_tests = self.TEST in parameters and parse(self.TEST, serializers.BooleanField(), parameters[self.TEST])
        if "account" in parameters or with_tests:
            return queryset
        real: QuerySet[Any] = queryset.real()  # type: ignore[attr-defined]
        return real

    def condition(self, name: str, lookup: str, value: Any) -> Any:
        """Return the condition that a parameter stands for."""
        if name in self.NUMBERS:
            column, models = self.NUMBERS[name]
            return of_number(value, [lookup], [column], models)
        return Q(**{lookup: value})

    def other_parameters(self, view: Any) -> set[str | None]:
        """Return the parameters that are no filters: `test`, and those of pages and of the format."""
        pages = view.paginator
        return {
            self.TEST,
            api_settings.URL_FORMAT_OVERRIDE,
            getattr(pages, "cursor_query_param", None),
            getattr(pages, "page_size_query_param", None),
        }

    def get_schema_operation_parameters(self, view: View) -> list[dict[str, Any]]:
        """Return the parameters as drf-spectacular expects them."""
        schemas = [_parameter_schema(name, field, text) for name, (_, field, text) in self.parameters().items()]
        return [*schemas, _parameter_schema(self.TEST, serializers.BooleanField(), "Include tests.")]


class OrderFilter(ByQuery):
    """Filter of orders. Stubs never match a time or a status, since they have neither."""

    NUMBERS = {"po_number": ("po_number", [Order]), "increment_id": ("increment_id", [Order])}
    LOOKUPS = {
        "status": ("status", serializers.CharField(), "Only this status, as Stock Hub writes it."),
        "updated_since": (
            "updated_at__gte",
            TimeField(),
            "Changed at this time or later, by Stock Hub's clock.",
        ),
        "received_since": (
            "received_at__gte",
            TimeField(),
            "Newest message received at this time or later.",
        ),
    }

    def other_parameters(self, view: Any) -> set[str | None]:
        """Add the parameters that choose the entries of the lists within an order."""
        return {*super().other_parameters(view), *PLACES}

    def get_schema_operation_parameters(self, view: View) -> list[dict[str, Any]]:
        """Return the filters, and the parameters that choose the entries of the lists within an order."""
        places = [_parameter_schema(name, serializers.IntegerField(), text) for name, text in PLACES.items()]
        return [*super().get_schema_operation_parameters(view), *places]


class EventFilter(ByQuery):
    """Filter of events."""

    NUMBERS = {
        "po_number": ("po_number", ALL),
        "increment_id": ("increment_id", ALL),
        "order": ("increment_id", [Order]),
    }
    LOOKUPS = {
        "type": ("type", serializers.CharField(), "Only this type, such as `shipment.delivered`."),
        "order": ("order__increment_id", serializers.CharField(), "Only the order with this number of Stock Hub."),
        "occurred_since": ("occurred_at__gte", TimeField(), "Happened at this time or later."),
        "received_since": (
            "message__received_at__gte",
            TimeField(),
            "Found in a message that was received at this time or later, or a deadline that was found to have passed.",
        ),
    }

    def condition(self, name: str, lookup: str, value: Any) -> Any:
        """Add the deadlines, which come from no message, by when they were seen to have passed."""
        found = super().condition(name, lookup, value)
        if name != "received_since":
            return found
        passed = WorklistRow.objects.filter(pk=OuterRef("subject_id"), opened_at__gte=value)
        return found | Q(Exists(passed), type=DEADLINE)


def parse(name: str, field: serializers.Field[Any, Any, Any, Any], value: str) -> Any:
    """Return the value of a parameter.

    Raises:
        ValidationError: the value is invalid; the error names the parameter.
    """
    try:
        return field.run_validation(value)
    except ValidationError as error:
        raise ValidationError({name: error.detail}) from None


def _parameter_schema(name: str, field: serializers.Field[Any, Any, Any, Any], text: str) -> dict[str, Any]:
    json_type, json_format = TYPES.get(type(field), ("string", None))
    schema = {"type": json_type, **({"format": json_format} if json_format else {})}
    return {"name": name, "in": "query", "required": False, "description": text, "schema": schema}
