"""Views of the REST API: orders and events."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.cache import patch_cache_control
from rest_framework.renderers import JSONRenderer
from rest_framework.viewsets import ReadOnlyModelViewSet

from stockhub_webhooks.contrib.rest.filters import EventFilter, OrderFilter
from stockhub_webhooks.contrib.rest.pages import NewestFirst
from stockhub_webhooks.contrib.rest.permissions import MayView
from stockhub_webhooks.contrib.rest.serializers import EventSerializer, OrderSerializer
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.error_reports import without_queries
from stockhub_webhooks.models import RMA, CreditMemo, Event, Invoice, Order, PaymentRequest, Shipment


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

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        """Keep the answer, which may show persons, out of all caches."""
        response = super().finalize_response(*args, **kwargs)
        patch_cache_control(response, no_store=True, private=True)
        return response


def _documents(name: str, model: type[Any], *parts: str, addresses: tuple[str, ...] = ()) -> Prefetch[Any]:
    """Return a prefetch of documents, by primary key, with their lines and addresses."""
    rows = model.objects.order_by("pk").prefetch_related(*parts)
    return Prefetch(name, rows.select_related(*addresses) if addresses else rows)


class OrderViewSet(ReadOnly):
    """Orders with their documents, newest first."""

    serializer_class = OrderSerializer
    filter_backends = (OrderFilter,)
    queryset = Order.objects.select_related("shipping_address", "billing_address").prefetch_related(
        "items",
        _documents("shipments", Shipment, "items", "tracks", addresses=("shipping_address", "origin_address")),
        _documents("invoices", Invoice, "items", addresses=("billing_address",)),
        _documents("rmas", RMA, "items", "tracks"),
        _documents("credit_memos", CreditMemo, "items", addresses=("billing_address",)),
        _documents("payment_requests", PaymentRequest, "items", addresses=("shipping_address", "billing_address")),
    )

    def get_queryset(self) -> QuerySet[Any]:
        """Read from the database that this app writes to; a router could choose a replica."""
        return super().get_queryset().using(database_alias())


class EventViewSet(ReadOnly):
    """Events, newest first."""

    serializer_class = EventSerializer
    filter_backends = (EventFilter,)
    queryset = Event.objects.select_related("order", "message").defer("message__body", "message__headers")

    def get_queryset(self) -> QuerySet[Any]:
        """Read from the database that this app writes to; a router could choose a replica."""
        return super().get_queryset().using(database_alias())
