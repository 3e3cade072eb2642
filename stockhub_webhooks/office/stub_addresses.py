"""Customers of orders that were not received yet: the address of the newest document that names the order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db.models import Max

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Address, CreditMemo, Invoice, Order, PaymentRequest, Shipment

SOURCES: tuple[tuple[Any, str], ...] = (
    (Shipment, "shipping_address"),
    (Invoice, "billing_address"),
    (PaymentRequest, "shipping_address"),
    (CreditMemo, "billing_address"),
)


class ChildAddress(NamedTuple):
    """The address of an order's newest document, and that document."""

    address: Address
    document: Any


def newest_addresses(orders: Iterable[Order]) -> dict[int, ChildAddress]:
    """Return the address of the newest document of each stub by the stub's primary key; no query without stubs."""
    stubs = [order.pk for order in orders if order.is_stub]
    found: dict[int, ChildAddress] = {}
    for model, name in SOURCES if stubs else ():
        rows = model.objects.using(database_alias()).filter(order__in=stubs, **{f"{name}__isnull": False})
        newest = rows.order_by().values("order").annotate(newest=Max("pk")).values("newest")
        documents = model.objects.using(database_alias()).filter(pk__in=newest).select_related(name).defer("extra")
        for document in documents:
            other = found.get(document.order_id)
            if other is None or _received(document) > _received(other.document):
                found[document.order_id] = ChildAddress(getattr(document, name), document)
    return found


def _received(document: Any) -> tuple[bool, Any]:
    return document.received_at is not None, document.received_at
