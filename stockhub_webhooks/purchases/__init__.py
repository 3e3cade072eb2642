"""Purchases: all orders of one account with one of the shop's order numbers.

Stock Hub may split a purchase into several orders. If an order is edited, Stock Hub cancels it (`000000123`) and
continues it under a new number (`000000123-1`) with the same `po_number`. So the status of one order does not say
what becomes of the shop's order.

``documents`` reads them, ``lines`` joins the lines of all orders, ``pieces`` says which lines count, and ``quantities``
adds up what was ordered, sent, delivered, returned and refunded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.db.models import Q

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.exceptions import MultipleAccounts
from stockhub_webhooks.models import RMA, CreditMemo, Order, Shipment
from stockhub_webhooks.models.accounts import AccountQuerySet
from stockhub_webhooks.models.documents import OrderDocument
from stockhub_webhooks.models.host_objects import find_host_line
from stockhub_webhooks.purchases.documents import with_items
from stockhub_webhooks.purchases.lines import PurchaseLine, purchase_lines
from stockhub_webhooks.purchases.pieces import with_pieces
from stockhub_webhooks.purchases.quantities import lines_of
from stockhub_webhooks.serializers.shapes import trimmed

__all__ = [
    "Purchase",
    "PurchaseLine",
    "account_of",
    "counted_items",
    "documents_of",
    "order_keys",
    "orders_of",
    "purchase_of",
    "purchase_with",
    "rows_of",
]

D = TypeVar("D", bound=OrderDocument)

MANY = 500  # orders of a purchase


@dataclass(frozen=True)
class Purchase:
    """Orders that the shop's customer placed at once, and what all their documents say together.

    Each kind of document is read at the first access, with its lines, in one statement: four at most for a purchase,
    whatever its size. What was read does not change; `purchase_of` reads it again.

    Attributes:
        po_number: the shop's own order number; "" for an order without one, which is a purchase by itself.
        account: the account of the keys that the messages came with.
        orders: oldest first, at least one; an order that was not received yet is a stub.
    """

    po_number: str
    account: str
    orders: list[Order]

    @cached_property
    def shipments(self) -> list[Shipment]:
        """The shipments of the purchase, whether they have left or not, by primary key."""
        return self._documents(Shipment)

    @cached_property
    def rmas(self) -> list[RMA]:
        """The returns of the purchase, by primary key."""
        return self._documents(RMA)

    @cached_property
    def credit_memos(self) -> list[CreditMemo]:
        """The credit notes of the purchase, by primary key."""
        return self._documents(CreditMemo)

    @cached_property
    def lines(self) -> list[PurchaseLine]:
        """The articles of the purchase with their pieces: those of the orders, then those of other documents only."""
        return purchase_lines(lines_of(self), self._find_host_line)

    @property
    def all_sent(self) -> bool:
        """True if something has left, and nothing that was ordered and is not cancelled is still to be sent."""
        is_known = not any(order.is_stub for order in self.orders)
        return is_known and any(line.sent for line in self.lines) and all(line.is_all_sent for line in self.lines)

    @property
    def is_cancelled(self) -> bool:
        """True if each order of the purchase is cancelled and nothing of the purchase has left."""
        return all(order.is_cancelled for order in self.orders) and not any(
            shipment.has_left for shipment in self.shipments
        )

    @cached_property
    def host_order(self) -> Any:
        """The shop's own order, as `HOST_ORDER_RESOLVER` finds it; None if it finds none, or fails."""
        return self.orders[0].host_order

    def has(self, document: Any) -> bool:
        """Return True if the document counts here: one with another number of the shop belongs to that purchase."""
        return not (document.po_number and self.po_number and document.po_number != self.po_number)

    def _documents(self, model: type[D]) -> list[D]:
        belongs = documents_of(self.account, self.po_number, self.orders)
        documents: list[Any] = with_items(model._default_manager.using(database_alias()).filter(belongs))
        orders = {order.pk: order for order in self.orders}
        for document in documents:
            if document.order_id in orders:
                document.order = orders[document.order_id]
        return [document for document in documents if self.has(document)]

    def _find_host_line(self, item: Any) -> Any:
        return find_host_line(item, self.host_order).host_object


def rows_of(po_number: str, account: str | None = None) -> AccountQuerySet[Order]:
    """Return the orders with an order number of the shop: the one place that says which they are.

    Args:
        po_number: the shop's own order number; an empty one has no orders.
        account: whose orders; None for those of all real accounts. Tests are returned only if their account is named.
    """
    rows = (Order.objects.real() if account is None else Order.objects.of_account(account)).using(database_alias())
    po_number = trimmed(po_number or "")
    return rows.filter(po_number=po_number) if po_number else rows.none()


def counted_items(document: Any) -> list[Any]:
    """Return the lines of a document whose pieces count: Magento lists some articles twice, see `pieces`."""
    return with_pieces(document.items.all())


def documents_of(account: str, po_number: str, orders: list[Order]) -> Q:
    """Return the condition of the documents that belong to these orders of a purchase, or have its number."""
    belongs = Q(order__in=order_keys(account, po_number, orders))
    return belongs | Q(account=account, po_number=po_number) if po_number else belongs


def order_keys(account: str, po_number: str, orders: list[Order]) -> Any:
    """Return the primary keys of the orders of a purchase, for a query; of many orders as a subquery.

    Statements with thousands of parameters take seconds.
    """
    return [order.pk for order in orders] if len(orders) <= MANY else rows_of(po_number, account).values("pk")


def orders_of(po_number: str, account: str | None = None) -> list[Order]:
    """Return the orders that `rows_of` says, oldest first, with their lines."""
    return sorted(with_items(rows_of(po_number, account)), key=_age)


def account_of(po_number: str) -> str | None:
    """Return the real account whose documents have an order number of the shop; None if there is none.

    Raises:
        MultipleAccounts: several accounts have documents with this number.
    """
    po_number = trimmed(po_number or "")
    rows = [model.objects.real().using(database_alias()).filter(po_number=po_number) for model in (Order, Shipment)]
    branches = [each.order_by().values_list("account", flat=True) for each in rows]
    accounts = set(branches[0].union(branches[1])) if po_number else set()
    if len(accounts) > 1:
        raise MultipleAccounts(accounts)
    return next(iter(accounts), None)


def purchase_of(po_number: str, account: str | None = None) -> Purchase | None:
    """Return the purchase with an order number of the shop, or None if no order has it.

    Args:
        po_number: the shop's own order number.
        account: None if only one account has this number; orders of the test account count only if it is named.

    Raises:
        MultipleAccounts: `account` is None, and several accounts have orders with this number.

    ::

        purchase = purchase_of(shop_order.number)
        if purchase and purchase.all_sent:
            ...
    """
    orders = orders_of(po_number, account)
    if not orders:
        return None
    accounts = {order.account for order in orders}
    if len(accounts) > 1:
        raise MultipleAccounts(accounts)
    return Purchase(trimmed(po_number), orders[0].account, orders)


def purchase_with(order: Order) -> Purchase:
    """Return the purchase that an order belongs to."""
    purchase = purchase_of(order.po_number, order.account) if order.po_number else None
    if purchase:
        return purchase
    alone = Order.objects.using(database_alias()).filter(pk=order.pk)
    return Purchase(order.po_number or "", order.account, with_items(alone) or [order])


def _age(order: Order) -> tuple[bool, object, int]:
    return order.created_at is None, order.created_at, order.pk
