"""Purchases, read in batches: a constant number of queries for any number of purchases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any

from django.db.models import Count

from stockhub_webhooks.conf import TEST_ACCOUNT, conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import RMA, CreditMemo, HostLink, Invoice, Order, PaymentRequest, Shipment
from stockhub_webhooks.office.story.purchase import PurchaseStory
from stockhub_webhooks.purchases.quantities import Quantities, lines_of

BATCH = 100  # orders that are loaded together
MAX_ORDERS = 200  # of a purchase; the orders of a larger one are judged by themselves
CLOCK_ERROR = timedelta(minutes=15)
BEFORE_STOCK_HUB = datetime(2000, 1, 1, tzinfo=timezone.utc)

CHILDREN: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "shipments": (Shipment, ("items",)),
    "rmas": (RMA, ("items",)),
    "invoices": (Invoice, ("items",)),
    "credit_memos": (CreditMemo, ("items",)),
    "payment_requests": (PaymentRequest, ()),
}
# the office's texts, and documents that are large, are not needed to judge
DEFERRED = ("extra",)


@dataclass
class Case:
    """A purchase with what its rules are judged by.

    Attributes:
        purchase: the orders with their documents.
        links: the look-ups in our own shop, by primary key of the order or (negative) of the payment request.
    """

    purchase: PurchaseStory
    links: dict[int, HostLink] = field(default_factory=dict)

    @cached_property
    def lines(self) -> list[Quantities]:
        """The pieces of each line."""
        return lines_of(self.purchase)

    def lines_of(self, order: Order) -> list[Quantities]:
        """Return the lines of one order."""
        return [line for line in self.lines if line.order is order]

    @cached_property
    def by_order(self) -> dict[int, dict[str, list[Any]]]:
        """The documents that count here, by the primary key of their order and their list's name."""
        found: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for name in CHILDREN:
            for document in filter(self.purchase.has, getattr(self.purchase, name)):
                found[document.order_id][name].append(document)
        return found

    def documents(self, order: Order, name: str) -> list[Any]:
        """Return the documents of an order that count here, such as its "shipments"."""
        return self.by_order[order.pk][name] if order.pk in self.by_order else []

    @cached_property
    def knows_all_lines(self) -> bool:
        """True if each order was received, with lines and their quantities."""
        for order in self.purchase.orders:
            lines = self.lines_of(order)
            if order.is_stub or not lines or any(line.ordered is None for line in lines):
                return False
        return True


def credible(at: datetime | None, received_at: datetime | None) -> datetime | None:
    """Return a time of the sender if it can be true: not before 2000, and not later than its message."""
    if at is None or at < BEFORE_STOCK_HUB or (received_at and at > received_at + CLOCK_ERROR):
        return None
    return at


def first_known(document: Any, *names: str) -> datetime:
    """Return the first of these times of a document that is credible, or else its time of receipt."""
    times = (credible(getattr(document, name, None), document.received_at) for name in names)
    return next((at for at in times if at), None) or document.received_at or BEFORE_STOCK_HUB


def load(orders: Collection[int], payment_requests: Collection[int] = ()) -> Iterator[Case]:
    """Yield the purchases of these orders, and of payment requests without an order.

    Tests are left out: nobody waits for them.
    """
    using = database_alias()
    known = list(_orders().filter(pk__in=orders).exclude(account=TEST_ACCOUNT))
    requests = list(
        PaymentRequest.objects.using(using)
        .filter(pk__in=payment_requests, order=None)
        .exclude(account=TEST_ACCOUNT)
        .defer(*DEFERRED)
    )
    known += _orders_of_requests(requests)
    groups = _grouped(known, requests)
    _add_children(groups)
    links = _links(groups) if conf.HOST_ORDER_RESOLVER else {}
    for purchase in groups:
        keys = [order.pk for order in purchase.orders] + [-request.pk for request in purchase.payment_requests]
        yield Case(purchase, {key: links[key] for key in keys if key in links})


def _orders() -> Any:
    rows = Order.objects.using(database_alias()).select_related("rest_answer")
    return rows.defer(*DEFERRED).prefetch_related("items")


def _orders_of_requests(requests: list[PaymentRequest]) -> list[Order]:
    """Return orders that payment requests name only by the number of the purchase order, or by our number."""
    found: list[Order] = []
    for account in {request.account for request in requests}:
        mine = [request for request in requests if request.account == account]
        numbers = {request.purchase_order_increment_id for request in mine if request.purchase_order_increment_id}
        found += _orders().filter(account=account, increment_id__in=numbers)
    return found


def _grouped(orders: Iterable[Order], requests: Iterable[PaymentRequest]) -> list[PurchaseStory]:
    """Return purchases with all their orders, and no documents yet."""
    numbers: dict[str, set[str]] = defaultdict(set)
    for document in (*orders, *requests):
        if document.po_number:
            numbers[document.account].add(document.po_number)
    small: set[tuple[str, str]] = set()
    by_pk = {order.pk: order for order in orders}
    for account, wanted in numbers.items():
        rows = Order.objects.using(database_alias()).filter(account=account, po_number__in=wanted)
        counts = rows.order_by().values("po_number").annotate(number=Count("pk"))
        few = {row["po_number"] for row in counts if row["number"] <= MAX_ORDERS}
        small |= {(account, number) for number in few if number}
        by_pk |= {order.pk: order for order in _orders().filter(account=account, po_number__in=few)}
    groups: dict[Any, PurchaseStory] = {}
    for order in sorted(by_pk.values(), key=_age):
        number = order.po_number or ""
        key: Any = (order.account, number) if (order.account, number) in small else order.pk
        group = groups.setdefault(key, PurchaseStory(order.account, number, []))
        group.orders.append(order)
    by_number = {(order.account, order.increment_id): group for group in groups.values() for order in group.orders}
    for request in requests:
        named = by_number.get((request.account, request.purchase_order_increment_id or ""))
        key = (request.account, request.po_number or "")
        if named is None and request.po_number:
            named = groups.get(key) or groups.setdefault(key, PurchaseStory(request.account, request.po_number, []))
        if named is None:
            named = groups.setdefault(("request", request.pk), PurchaseStory(request.account, "", []))
        named.payment_requests.append(request)
    return list(groups.values())


def _age(order: Order) -> tuple[bool, Any, int]:
    return order.created_at is None, order.created_at, order.pk


def _add_children(groups: list[PurchaseStory]) -> None:
    by_order = {order.pk: (group, order) for group in groups for order in group.orders}
    by_number = {(group.account, group.po_number): group for group in groups if group.po_number and group.orders}
    numbers: dict[str, list[str]] = defaultdict(list)
    for account, number in by_number:
        numbers[account].append(number)
    for name, (model, parts) in CHILDREN.items():
        rows = model.objects.using(database_alias()).defer(*DEFERRED).prefetch_related(*parts).order_by("pk")
        # two queries: an OR over two indexes reads the whole table on some databases
        found = {row.pk: row for row in rows.filter(order__in=list(by_order))}
        for account, wanted in numbers.items():
            found |= {row.pk: row for row in rows.filter(account=account, po_number__in=wanted)}
        present = {request.pk for group in groups for request in group.payment_requests}
        for pk, row in sorted(found.items()):
            if model is PaymentRequest and pk in present:
                continue
            own = by_order.get(row.order_id)
            if own:
                row.order = own[1]
                getattr(own[0], name).append(row)
            other = by_number.get((row.account, row.po_number or ""))
            if other and (own is None or own[0] is not other):
                getattr(other, name).append(row)


def _links(groups: list[PurchaseStory]) -> dict[int, HostLink]:
    links = HostLink.objects.using(database_alias())
    orders = [order.pk for group in groups for order in group.orders]
    requests = [request.pk for group in groups for request in group.payment_requests]
    found = {link.order_id or 0: link for link in links.filter(order__in=orders)}
    if requests:
        found |= {-(link.payment_request_id or 0): link for link in links.filter(payment_request__in=requests)}
    return found
