"""What belongs to one purchase: orders of one account and our order number, and every document of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import RMA, CreditMemo, Invoice, Order, PaymentRequest, Shipment

ADDRESSES = ("shipping_address", "billing_address")


@dataclass(frozen=True)
class Purchase:
    """All that Stock Hub told of what one customer bought at once.

    Attributes:
        account: whose keys the messages came with.
        po_number: the shop's own order number, "" where Stock Hub knows none.
        orders: by when they were made; several where Stock Hub split the purchase.
        shipments, rmas, invoices, credit_memos, payment_requests: theirs, and those that name our order number though
            they hang under another order (`is_stray`).
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
        """Whether it came in as a test."""
        return self.account == TEST_ACCOUNT

    @property
    def children(self) -> list[Any]:
        """Every document but the orders."""
        return [*self.shipments, *self.rmas, *self.invoices, *self.credit_memos, *self.payment_requests]

    @property
    def moving(self) -> list[Any]:
        """What has parcels: shipments and returns."""
        return [*self.shipments, *self.rmas]

    @property
    def bills(self) -> list[Any]:
        """What has amounts that can be checked: orders, invoices and credit notes."""
        return [*self.orders, *self.invoices, *self.credit_memos]

    @property
    def by_topic(self) -> Iterator[tuple[str, list[Any]]]:
        """The documents of each topic."""
        yield topics.ORDER, self.orders
        yield topics.SHIPMENT, self.shipments
        yield topics.INVOICE, self.invoices
        yield topics.RMA, self.rmas
        yield topics.CREDIT_MEMO, self.credit_memos
        yield topics.PAYMENT_REQUEST, self.payment_requests

    @property
    def tracks(self) -> list[Any]:
        """The parcels of shipments, then those of returns."""
        return [track for owner in self.moving for track in owner.tracks.all()]

    def is_stray(self, document: Any) -> bool:
        """Whether it names our order number, but hangs under an order that does not (or under none)."""
        return document.order_id not in {order.pk for order in self.orders}

    def names_another(self, document: Any) -> bool:
        """Whether it hangs under one of the orders, but names another order number of ours."""
        return bool(document.po_number and self.po_number and document.po_number != self.po_number)

    def has(self, document: Any) -> bool:
        """Whether it counts here: what names another order number is shown, and counted there."""
        return not self.names_another(document)


def read(order: Order, *, persons: bool = False) -> Purchase:
    """The purchase that an order is of; `persons` reads the addresses of the orders, too.

    An order without our order number is a purchase of its own.
    """
    if not order.po_number:
        return _with_children(order.account, "", _orders(Q(pk=order.pk), persons))
    same = Q(account=order.account, po_number=order.po_number)
    return _with_children(order.account, order.po_number, _orders(same, persons))


def of_number(po_number: str) -> list[Order]:
    """The first order of each account's purchase of that number; of none, if there is no number."""
    orders = Order.objects.using(database_alias()).filter(po_number=po_number).order_by("pk") if po_number else []
    first: dict[str, Order] = {}
    for order in orders:
        first.setdefault(order.account, order)
    return list(first.values())


def _orders(which: Q, persons: bool) -> list[Order]:
    rows = Order.objects.using(database_alias()).filter(which).prefetch_related("items")
    if persons:
        rows = rows.select_related(*ADDRESSES)
    return sorted(rows, key=lambda order: (order.created_at is None, order.created_at, order.pk))


def _with_children(account: str, po_number: str, orders: list[Order]) -> Purchase:
    belongs = Q(order__in=[order.pk for order in orders])
    if po_number:
        belongs |= Q(account=account, po_number=po_number)

    def rows(model: Any, *parts: str) -> list[Any]:
        found = model.objects.using(database_alias()).filter(belongs).select_related("order").prefetch_related(*parts)
        return list(found.order_by("pk"))

    return Purchase(
        account=account,
        po_number=po_number,
        orders=orders,
        shipments=rows(Shipment, "items", "tracks"),
        rmas=rows(RMA, "items", "tracks"),
        invoices=rows(Invoice),
        credit_memos=rows(CreditMemo, "items"),
        payment_requests=rows(PaymentRequest),
    )
