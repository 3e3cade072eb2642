"""Customers of orders that were not received yet: the address of the newest document that names the order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from django.db.models import Max

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Address, CreditMemo, Invoice, Order, PaymentRequest, Shipment, WorklistRow
from stockhub_webhooks.office.search import ADDRESSES

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


def addresses_of_rows(rows: Collection[WorklistRow]) -> dict[int, ChildAddress]:
    """Return addresses by the primary keys of worklist rows whose order was not received, or is not there.

    Without an order only a payment request has an address.
    """
    by_order = newest_addresses(row.order for row in rows if row.order)
    alone = [row.subject_id or 0 for row in rows if row.order_id is None and row.kind == "payment_request"]
    payment_requests = PaymentRequest.objects.using(database_alias()).select_related(*ADDRESSES).defer("extra")
    by_pk = payment_requests.in_bulk(alone)
    found: dict[int, ChildAddress] = {}
    for row in rows:
        request = by_pk.get(row.subject_id or 0) if row.order_id is None else None
        address = request and (request.shipping_address or request.billing_address)
        if row.order_id in by_order:
            found[row.pk] = by_order[row.order_id]
        elif address:
            found[row.pk] = ChildAddress(address, request)
    return found


def _received(document: Any) -> tuple[bool, Any]:
    return document.received_at is not None, document.received_at
