"""Views of the REST API: orders and events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.cache import patch_cache_control
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.views import exception_handler
from rest_framework.viewsets import ReadOnlyModelViewSet

from stockhub_webhooks.contrib.rest.bases import SHOWN
from stockhub_webhooks.contrib.rest.filters import PLACES, EventFilter, OrderFilter, parse
from stockhub_webhooks.contrib.rest.pages import NewestFirst
from stockhub_webhooks.contrib.rest.permissions import MayView
from stockhub_webhooks.contrib.rest.serializers import EventSerializer, OrderSerializer
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.error_reports import without_queries
from stockhub_webhooks.models import Event, Order

LIMIT = 1000  # entries of each list within an order
LIMIT_IN_LIST = 100
FROM = serializers.IntegerField(min_value=0, max_value=10_000_000)


class ReadOnly(ReadOnlyModelViewSet[Any]):
    """Base class of the views. Authentication and throttling are those of the host; other policies are set here."""

    permission_classes = (MayView,)
    renderer_classes = (JSONRenderer,)
    pagination_class = NewestFirst
    versioning_class = None

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Let reports of errors name query sets, instead of reading them."""
        without_queries(request)
        return super().initialize_request(request, *args, **kwargs)

    def get_exception_handler(self) -> Any:
        """Answer errors as REST framework does, whatever the host's `EXCEPTION_HANDLER` expects of its own views."""
        return exception_handler

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        """Keep the answer, which may show persons, out of all caches."""
        response = super().finalize_response(*args, **kwargs)
        patch_cache_control(response, no_store=True, private=True)
        return response


@dataclass(frozen=True)
class ListSlice:
    """Which entries of the lists within an order are shown: `limit` of them, from a place counted from 0."""

    limit: int
    lines_from: int = 0
    documents_from: int = 0

    def lines(self, document: type[Any]) -> list[Prefetch[Any]]:
        """Return prefetches of a document's lines and tracks, and of one more that tells if there are others."""
        shown = slice(self.lines_from, self.lines_from + self.limit + 1)
        orders = {"items": ("position", "pk"), "tracks": ("pk",)}
        return [
            Prefetch(name, related(document, name).objects.order_by(*order)[shown], SHOWN + name)
            for name, order in orders.items()
            if hasattr(document, name)
        ]

    def documents(self, name: str, *addresses: str) -> Prefetch[Any]:
        """Return a prefetch of an order's documents of one kind, by primary key, with their lines and addresses."""
        model = related(Order, name)
        shown = slice(self.documents_from, self.documents_from + self.limit + 1)
        rows = model.objects.order_by("pk").prefetch_related(*self.lines(model))
        rows = rows.select_related(*addresses) if addresses else rows
        return Prefetch(name, rows[shown], SHOWN + name)

    def prefetches(self) -> tuple[Prefetch[Any], ...]:
        """Return all that belongs to orders."""
        return (
            *self.lines(Order),
            self.documents("shipments", "shipping_address", "origin_address"),
            self.documents("invoices", "billing_address"),
            self.documents("rmas"),
            self.documents("credit_memos", "billing_address"),
            self.documents("payment_requests", "shipping_address", "billing_address"),
        )


def related(model: type[Any], name: str) -> Any:
    """Return the model at the other end of a relation."""
    return model._meta.get_field(name).related_model


class OrderViewSet(ReadOnly):
    """Orders with their documents, newest first.

    A list within an order has at most 1000 entries, in the list of orders 100; `cut` names those that go on.
    `lines_from` and `documents_from` choose the first entry.
    """

    serializer_class = OrderSerializer
    filter_backends = (OrderFilter,)
    queryset = Order.objects.select_related("shipping_address", "billing_address")

    @property
    def parts(self) -> ListSlice:
        """The entries that the request chooses."""
        limit = LIMIT if self.action == "retrieve" else LIMIT_IN_LIST
        query = self.request.query_params
        return ListSlice(limit, **{name: parse(name, FROM, query[name]) for name in PLACES if name in query})

    def get_queryset(self) -> QuerySet[Any]:
        """Read from the database that this app writes to; a router could choose a replica."""
        return super().get_queryset().using(database_alias()).prefetch_related(*self.parts.prefetches())


class EventViewSet(ReadOnly):
    """Events, newest first."""

    serializer_class = EventSerializer
    filter_backends = (EventFilter,)
    queryset = Event.objects.select_related("order", "message").defer(
        "message__body", "message__headers", "order__extra"
    )

    def get_queryset(self) -> QuerySet[Any]:
        """Read from the database that this app writes to; a router could choose a replica."""
        return super().get_queryset().using(database_alias())
