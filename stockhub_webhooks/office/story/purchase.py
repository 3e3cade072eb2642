"""Purchase: the orders of one account with the same `po_number`, and all their documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import RMA, CreditMemo, Invoice, Order, PaymentRequest, Shipment
from stockhub_webhooks.office.story.amounts import Sum, sum_of
from stockhub_webhooks.purchases import documents_of, orders_of, rows_of

ADDRESSES = ("shipping_address", "billing_address")


@dataclass(frozen=True)
class PurchaseStory:
    """Orders that a customer placed at once, with their documents.

    Attributes:
        account: the account of the keys that the messages came with.
        po_number: the shop's own order number; "" if Stock Hub sent none.
        orders: oldest first; several if Stock Hub split the purchase.
        shipments, rmas, invoices, credit_memos, payment_requests: documents of these orders, and documents with our
            order number under another order (`is_stray`).
    """

    account: str
    po_number: str
    orders: list[Order]
    shipments: list[Shipment] = field(default_factory=list)
    rmas: list[RMA] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    credit_memos: list[CreditMemo] = field(default_factory=list)
    payment_requests: list[PaymentRequest] = field(default_factory=list)

    @property
    def is_test(self) -> bool:
        """True if the purchase belongs to the test account."""
        return self.account == TEST_ACCOUNT

    @property
    def children(self) -> list[Any]:
        """Every document except the orders."""
        return [*self.shipments, *self.rmas, *self.invoices, *self.credit_memos, *self.payment_requests]

    @property
    def moving(self) -> list[Any]:
        """Documents with parcels: shipments and returns."""
        return [*self.shipments, *self.rmas]

    @property
    def bills(self) -> list[Any]:
        """Documents with amounts that can be checked: orders, invoices and credit notes."""
        return [*self.orders, *self.invoices, *self.credit_memos]

    @property
    def by_topic(self) -> Iterator[tuple[str, list[Any]]]:
        """Pairs of topic and documents."""
        yield topics.ORDER, self.orders
        yield topics.SHIPMENT, self.shipments
        yield topics.INVOICE, self.invoices
        yield topics.RMA, self.rmas
        yield topics.CREDIT_MEMO, self.credit_memos
        yield topics.PAYMENT_REQUEST, self.payment_requests

    @property
    def tracks(self) -> list[Any]:
        """Parcels of the shipments, then of the returns."""
        return [track for owner in self.moving for track in owner.tracks.all()]

    def is_stray(self, document: Any) -> bool:
        """Return True if the document has our order number, but belongs to another order or to none."""
        return document.order_id not in self._order_pks

    @cached_property
    def sums(self) -> list[tuple[Any, Sum]]:
        """Each of the `bills` with its checked amounts."""
        return [(document, sum_of(document)) for document in self.bills]

    @cached_property
    def _order_pks(self) -> set[int]:
        return {order.pk for order in self.orders}

    def names_another(self, document: Any) -> bool:
        """Return True if the document belongs to one of the orders, but has another order number of the shop."""
        return bool(document.po_number and self.po_number and document.po_number != self.po_number)

    def has(self, document: Any) -> bool:
        """Return True if the document counts here; a document with another order number counts in that purchase."""
        return not self.names_another(document)


def read(order: Order, *, persons: bool = False) -> PurchaseStory:
    """Return the purchase of an order; `persons` also reads the addresses of the orders.

    An order without our order number is a purchase by itself.
    """
    if not order.po_number:
        alone = Order.objects.using(database_alias()).filter(pk=order.pk)
        return _with_children(order.account, "", _orders(alone, persons))
    same = rows_of(order.po_number, order.account)
    return _with_children(order.account, order.po_number, _orders(same, persons))


def of_number(po_number: str) -> list[Order]:
    """Return the first order of each real account with this order number."""
    first: dict[str, Order] = {}
    for order in orders_of(po_number):
        first.setdefault(order.account, order)
    return list(first.values())


def _orders(rows: QuerySet[Order], persons: bool) -> list[Order]:
    rows = rows.defer("extra").prefetch_related("items")
    if persons:
        rows = rows.select_related(*ADDRESSES)
    return sorted(rows, key=lambda order: (order.created_at is None, order.created_at, order.pk))


def _with_children(account: str, po_number: str, orders: list[Order]) -> PurchaseStory:
    belongs = documents_of(account, po_number, orders)

    def rows(model: Any, *children: str) -> list[Any]:
        documents = model.objects.using(database_alias()).filter(belongs).defer("extra").order_by("pk")
        return list(documents.prefetch_related(*children))

    purchase = PurchaseStory(
        account=account,
        po_number=po_number,
        orders=orders,
        shipments=rows(Shipment, "items", "tracks"),
        rmas=rows(RMA, "items", "tracks"),
        invoices=rows(Invoice),
        credit_memos=rows(CreditMemo, "items"),
        payment_requests=rows(PaymentRequest),
    )
    _set_orders(purchase)
    return purchase


def _set_orders(purchase: PurchaseStory) -> None:
    """Set the order of each document, without reading an order twice."""
    by_pk = {order.pk: order for order in purchase.orders}
    others = {document.order_id for document in purchase.children} - by_pk.keys() - {None}
    if others:
        by_pk |= Order.objects.using(database_alias()).defer("extra").in_bulk(others)
    for document in purchase.children:
        if document.order_id in by_pk:
            document.order = by_pk[document.order_id]
