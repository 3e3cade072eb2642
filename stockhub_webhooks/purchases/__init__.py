"""Purchases: all orders of one account with one of the shop's order numbers.

Stock Hub may split a purchase into several orders. If an order is edited, Stock Hub cancels it (`000000123`) and
continues it under a new number (`000000123-1`) with the same `po_number`. So the status of one order does not say
what becomes of the shop's order.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.exceptions import MultipleAccounts
from stockhub_webhooks.models import Order, Shipment
from stockhub_webhooks.models.accounts import AccountQuerySet
from stockhub_webhooks.serializers.shapes import trimmed


@dataclass(frozen=True)
class Purchase:
    """Orders that the shop's customer placed at once.

    Attributes:
        po_number: the shop's own order number; "" for an order without one, which is a purchase by itself.
        account: the account of the keys that the messages came with.
        orders: oldest first, at least one; an order that was not received yet is a stub.
    """

    po_number: str
    account: str
    orders: list[Order]

    @property
    def is_cancelled(self) -> bool:
        """True if each order of the purchase is cancelled and nothing of the purchase has left.

        The database is asked at each access.
        """
        return all(order.is_cancelled for order in self.orders) and not self._has_left()

    def _has_left(self) -> bool:
        belongs = Q(order__in=[order.pk for order in self.orders])
        if self.po_number:
            # a shipment with another number of the shop belongs to another customer
            belongs &= Q(po_number=self.po_number) | Q(po_number="") | Q(po_number=None)
            belongs |= Q(account=self.account, po_number=self.po_number)
        shipments = Shipment.objects.using(database_alias()).filter(belongs)
        return any(shipment.has_left for shipment in shipments)


def rows_of(po_number: str, account: str | None = None) -> AccountQuerySet[Order]:
    """Return the orders with an order number of the shop: the one place that says which they are.

    Args:
        po_number: the shop's own order number; an empty one has no orders.
        account: whose orders; None for those of all real accounts. Tests are returned only if their account is named.
    """
    rows = (Order.objects.real() if account is None else Order.objects.of_account(account)).using(database_alias())
    po_number = trimmed(po_number or "")
    return rows.filter(po_number=po_number) if po_number else rows.none()


def orders_of(po_number: str, account: str | None = None) -> list[Order]:
    """Return the orders that `rows_of` says, oldest first."""
    return sorted(rows_of(po_number, account), key=_age)


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
    return purchase or Purchase(order.po_number or "", order.account, [order])


def _age(order: Order) -> tuple[bool, object, int]:
    return order.created_at is None, order.created_at, order.pk
