"""The orders of a customer: by Stock Hub's number, by the shop's own number, or by an e-mail address."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.exceptions import MultipleAccounts
from stockhub_webhooks.models import Address, Event, Message, Order, PaymentRequest
from stockhub_webhooks.models.numbers import of_number
from stockhub_webhooks.processing.apply import BY_TOPIC
from stockhub_webhooks.serializers.identity import PURCHASE, Identity

MAX_KIN = 1000  # addresses; a reseller's own address may be in each order


@dataclass(frozen=True)
class Subjects:
    """Orders of one account, and payment requests that name no order.

    Attributes:
        account: their account; "" if there are none.
        orders: the orders, oldest first.
        requests: the payment requests without an order.
    """

    account: str = ""
    orders: tuple[Order, ...] = ()
    requests: tuple[PaymentRequest, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.orders or self.requests)

    @property
    def rows(self) -> list[Order | PaymentRequest]:
        """The orders and the requests."""
        return [*self.orders, *self.requests]

    @property
    def numbers(self) -> list[str]:
        """Stock Hub's numbers of the orders and requests."""
        return [row.increment_id for row in self.rows]

    def documents(self) -> dict[str, list[Any]]:
        """Return the documents by topic, without large columns."""
        found: dict[str, list[Any]] = {}
        for topic, document_type in BY_TOPIC.items():
            rows = document_type.model.objects.using(database_alias()).filter(self.condition(topic)).order_by("pk")
            found[topic] = list(rows.defer("extra"))
        return found

    def condition(self, topic: str) -> Q:
        """Return a condition on the documents of a topic."""
        orders = [order.pk for order in self.orders]
        if topic == topics.ORDER:
            return Q(pk__in=orders)
        condition = Q(order__in=orders)
        return condition | Q(pk__in=[row.pk for row in self.requests]) if topic == topics.PAYMENT_REQUEST else condition

    def identities(self) -> set[Identity]:
        """Return topic and number of each document, and the shop's own numbers of these purchases."""
        found = {Identity(topic, row.increment_id) for topic, rows in self.documents().items() for row in rows}
        return found | {Identity(PURCHASE, row.po_number) for row in self.rows if row.po_number}

    def message_pks(self) -> set[int]:
        """Return the primary keys of the messages about the documents, and of those that events were recorded for."""
        using = database_alias()
        events = Event.objects.using(using).filter(order__in=[order.pk for order in self.orders])
        found = set(events.values_list("message_id", flat=True))
        numbers: dict[str, list[str]] = {}
        for topic, number in self.identities():
            if topic == PURCHASE:
                continue
            numbers.setdefault(topic, []).append(number)
        for topic, its_numbers in numbers.items():
            rows = Message.objects.using(using).filter(account=self.account, topic=topic, increment_id__in=its_numbers)
            found.update(rows.values_list("pk", flat=True))
        return found - {None}


def by_order(number: str, account: str = "") -> Subjects:
    """Return the order, or the payment requests without an order, with one of Stock Hub's numbers.

    Raises:
        MultipleAccounts: several accounts have it, and none is named.
    """
    is_it = of_number(number, ("increment_id",), ("increment_id",), (Order,))
    orders = _rows(Order, account).filter(is_it)
    columns = ("increment_id", "order_increment_id", "purchase_order_increment_id")
    requests = _rows(PaymentRequest, account).filter(of_number(number, columns, columns, (PaymentRequest,)), order=None)
    return _subjects(orders, requests)


def by_po_number(number: str, account: str = "") -> Subjects:
    """Return all orders and requests of a purchase, by the shop's own order number.

    Raises:
        MultipleAccounts: several accounts have it, and none is named.
    """
    has_it = of_number(number, ("po_number",), ("po_number",))
    return _subjects(_rows(Order, account).filter(has_it), _rows(PaymentRequest, account).filter(has_it, order=None))


def by_email(email: str, account: str = "") -> list[Subjects]:
    """Return the orders of which any document has, or had, an address with this e-mail address, by account.

    The address may be shared or masked, and `billing_address` may be the reseller: a person must look at the orders.
    """
    using, email = database_alias(), email.strip()
    holds_it = search_for(email)
    texts = Address.objects.using(using).filter(email__icontains=email).values_list("pk", "email")
    addresses = [pk for pk, text in texts if holds_it(text or "")]
    orders, requests = _changed_from(email, account, holds_it)
    for document_type in BY_TOPIC.values():
        model = document_type.model
        for column in address_columns(model):
            rows = _rows(model, account).filter(**{f"{column}__in": addresses})
            if model is Order:
                orders.update(rows.values_list("pk", flat=True))
                continue
            for pk, order in rows.values_list("pk", "order_id"):
                orders.add(order) if order else requests.add(pk)
    found: dict[str, tuple[list[Order], list[PaymentRequest]]] = {}
    for order_row in Order.objects.using(using).filter(pk__in=orders).order_by("pk"):
        found.setdefault(order_row.account, ([], []))[0].append(order_row)
    for request in PaymentRequest.objects.using(using).filter(pk__in=requests).order_by("pk"):
        found.setdefault(request.account, ([], []))[1].append(request)
    return [Subjects(name, tuple(rows), tuple(others)) for name, (rows, others) in sorted(found.items())]


def search_for(text: str) -> Callable[[str], Any]:
    """Return a function that finds an e-mail address or a number in a text, in any case, but not in a longer one."""
    return re.compile(rf"(?<![\w.+-]){re.escape(text.strip())}(?![\w-]|\.\w)", re.IGNORECASE).search


def _changed_from(email: str, account: str, holds_it: Callable[[str], Any]) -> tuple[set[int], set[int]]:
    """Return the orders, and the payment requests without one, of whose changes one has the e-mail address."""
    changes = _rows(Event, account).annotate(text=Cast("changes", TextField())).filter(text__icontains=email)
    found = changes.values_list("type", "order_id", "subject_id", "text")
    hers = [(name, order, subject) for name, order, subject, text in found if holds_it(text)]
    requests = {subject for name, order, subject in hers if not order and name.startswith("payment_request.")}
    return {order for _name, order, _subject in hers if order}, requests - {None}


def of_pks(orders: Iterable[int]) -> list[Subjects]:
    """Return orders by their primary keys, by account."""
    found: dict[str, list[Order]] = {}
    for order in Order.objects.using(database_alias()).filter(pk__in=list(orders)).order_by("pk"):
        found.setdefault(order.account, []).append(order)
    return [Subjects(account, tuple(rows)) for account, rows in sorted(found.items())]


def of_numbers(account: str, numbers: Iterable[str]) -> Subjects:
    """Return the orders and requests with exactly these numbers."""
    using, wanted = database_alias(), list(numbers)
    orders = Order.objects.using(using).filter(account=account, increment_id__in=wanted).order_by("pk")
    requests = PaymentRequest.objects.using(using).filter(account=account, increment_id__in=wanted, order=None)
    return Subjects(account, tuple(orders), tuple(requests.order_by("pk")))


def address_columns(model: Any) -> list[str]:
    """Return the names of the columns of a document that point at an address."""
    return [field.name for field in model._meta.concrete_fields if field.related_model is Address]


def _rows(model: Any, account: str) -> Any:
    rows = model.objects.using(database_alias())
    return rows.of_account(account) if account else rows


def _subjects(orders: Any, requests: Any) -> Subjects:
    found, others = tuple(orders.order_by("pk")), tuple(requests.order_by("pk"))
    accounts = {row.account for row in (*found, *others)}
    if len(accounts) > 1:
        raise MultipleAccounts(accounts)
    return Subjects(next(iter(accounts), ""), found, others)


class Kin(NamedTuple):
    """An order that may be the same customer's: by e-mail address, or by surname and postcode."""

    order: Order
    by_email: bool
    by_name: bool


def of_same_person(order: Order) -> list[Kin]:
    """Return the order, and those of the account with the e-mail address, or the surname and postcode, of an address.

    A person must look at them: an address may be the reseller's, or be shared or masked.
    """
    using = database_alias()
    documents = Subjects(order.account, (order,)).documents()
    keys = [
        getattr(row, f"{column}_id")
        for rows in documents.values()
        for row in rows
        for column in address_columns(type(row))
        if column != "origin_address"
    ]
    own = list(Address.objects.using(using).filter(pk__in=[key for key in keys if key]))
    same_email = reduce(or_, (Q(email__iexact=each.email) for each in own if each.email), Q(pk__in=[]))
    same_name = reduce(
        or_,
        (
            Q(last_name__iexact=each.last_name, postcode__iexact=each.postcode)
            for each in own
            if each.last_name and each.postcode
        ),
        Q(pk__in=[]),
    )
    emails, names = _orders_with(same_email, order.account), _orders_with(same_name, order.account)
    found = Order.objects.using(using).filter(pk__in={order.pk} | emails | names).order_by("-pk")
    return [Kin(each, each.pk in emails, each.pk in names) for each in found.select_related(*address_columns(Order))]


def _orders_with(condition: Q, account: str) -> set[int]:
    """Return the orders of which a document has such an address."""
    addresses = list(Address.objects.using(database_alias()).filter(condition).values_list("pk", flat=True)[:MAX_KIN])
    orders: set[int] = set()
    for document_type in BY_TOPIC.values():
        model, path = document_type.model, "pk" if document_type.model is Order else "order_id"
        for column in address_columns(model):
            orders.update(_rows(model, account).filter(**{f"{column}__in": addresses}).values_list(path, flat=True))
    return orders - {None}
