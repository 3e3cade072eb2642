"""Addresses and documents of purchases about which no message came for the whole term.

An erased order keeps its number, so that a message that comes even later brings no person back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

from django.db.models import Exists, OuterRef, Q

from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.db.leases import skip_locked
from stockhub_webhooks.models import (
    BookedPurchase,
    Document,
    HostLink,
    Line,
    Message,
    Note,
    Order,
    PaymentRequest,
    ReceiverCall,
    Track,
    WorklistRow,
)
from stockhub_webhooks.models.booking import purchase_name
from stockhub_webhooks.models.personal import RETENTION
from stockhub_webhooks.operations.privacy.erase import emptied, remove_addresses
from stockhub_webhooks.operations.privacy.event_changes import clean_events
from stockhub_webhooks.operations.privacy.held import held, is_unfinished
from stockhub_webhooks.operations.privacy.subjects import Subjects, address_columns
from stockhub_webhooks.processing.apply import BY_TOPIC

BATCH = 500
CHILDREN = {topic: each.model for topic, each in BY_TOPIC.items() if topic != topics.ORDER}
KEPT_OF_ERASED = ("id", "account", "increment_id", "received_at", "erased_at")
OPEN = (Message.Status.RECEIVED, Message.Status.QUARANTINED, Message.Status.FAILED)


def remove_old_addresses(limit: datetime) -> Iterator[int]:
    """Remove the addresses, unknown fields and links of old purchases; yield the number of addresses of each batch."""
    for pks in _batches(_with_addresses(), limit):
        yield with_retries(partial(_remove_addresses, pks, limit), is_transaction=True)
    for pks in _batches(_requests().filter(_has_address(PaymentRequest)), limit):
        yield with_retries(partial(_remove_addresses, (), limit, pks), is_transaction=True)


def count_old_addresses(limit: datetime, at_most: int | None = None) -> int:
    """Return the number of addresses of old purchases; counting ends at `at_most`."""
    requests = _requests().filter(_has_address(PaymentRequest))
    of_orders = (_old(_orders().filter(pk__in=pks), limit) for pks in _batches(_with_addresses(), limit))
    of_requests = (_old_requests(pks, limit) for pks in _batches(requests, limit))
    return _total((_count_addresses(old) for old in chain(of_orders, of_requests)), at_most)


def remove_old_documents(limit: datetime) -> Iterator[int]:
    """Delete old purchases, with the messages about them; yield the number of orders and requests of each batch."""
    for pks in _batches(_with_content(_orders()), limit):
        yield with_retries(partial(_remove_documents, pks, limit), is_transaction=True)
    for pks in _batches(_with_content(_requests()), limit):
        yield with_retries(partial(_remove_documents, (), limit, pks), is_transaction=True)


def count_old_documents(limit: datetime, at_most: int | None = None) -> int:
    """Return the number of orders, and of requests without one, of old purchases; counting ends at `at_most`."""
    orders = (_old(_orders().filter(pk__in=pks), limit).orders for pks in _batches(_with_content(_orders()), limit))
    requests = (_old_requests(pks, limit).requests for pks in _batches(_with_content(_requests()), limit))
    return _total(map(len, chain(orders, requests)), at_most)


def _total(counts: Iterable[int], at_most: int | None) -> int:
    """Return the sum; look at no further batch if it is reached."""
    total = 0
    for count in counts:
        total += count
        if at_most is not None and total >= at_most:
            return at_most
    return total


# ---------------------------------------------------------------- choice


def _orders() -> Any:
    return Order.objects.using(database_alias()).exclude(held(Order))


def _requests() -> Any:
    return PaymentRequest.objects.using(database_alias()).filter(order=None).exclude(held(PaymentRequest))


def _with_content(rows: Any) -> Any:
    """Return the rows without those that are an erased number and nothing else."""
    meta = rows.model._meta
    is_bare: Any = Q(erased_at__isnull=False)
    for column in meta.concrete_fields:
        if column.null and column.name not in (*KEPT_OF_ERASED, "extra"):
            is_bare &= Q(**{column.name: None})
    for relation in meta.related_objects:
        if issubclass(relation.related_model, (Document, Line, Note)):
            own = {relation.field.name: OuterRef("pk")}
            is_bare &= ~Exists(relation.related_model._base_manager.using(database_alias()).filter(**own))
    return rows.exclude(is_bare)


def _with_addresses() -> Any:
    """Return the orders that have an address, or a document with one."""
    condition = _has_address(Order)
    for model in CHILDREN.values():
        rows = model.objects.using(database_alias()).filter(_has_address(model), order=OuterRef("pk"))
        condition |= Q(Exists(rows))
    return _orders().filter(condition)


def _has_address(model: Any) -> Q:
    condition = Q(pk__in=[])
    for column in address_columns(model):
        condition |= Q(**{f"{column}__isnull": False})
    return condition


def _batches(rows: Any, limit: datetime) -> Iterator[list[int]]:
    """Yield the primary keys of rows whose own state is older than `limit`."""
    last = 0
    old = rows.filter(Q(received_at__lt=limit) | Q(received_at=None)).order_by("pk")
    while pks := list(old.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        yield pks
        last = pks[-1]


def _old(orders: Any, limit: datetime) -> Subjects:
    """Return those orders whose purchases have no message since `limit`, and no work that is not settled."""
    chosen = tuple(orders)
    young = _young_purchases(chosen, limit)
    return Subjects("", tuple(order for order in chosen if _key(order) not in young))


def _young_purchases(chosen: Collection[Any], limit: datetime) -> set[tuple[Any, ...]]:
    """Return the keys of those purchases of the orders, or of the requests, that are not old."""
    using = database_alias()
    numbers = {row.po_number for row in chosen if row.po_number}
    young: set[tuple[Any, ...]] = set()
    all_orders = Order.objects.using(using).only("account", "po_number", "received_at", "increment_id")
    all_requests = PaymentRequest.objects.using(using).filter(order=None).defer("extra")
    for model, rows in ((Order, all_orders), (PaymentRequest, all_requests)):
        own = [row.pk for row in chosen if isinstance(row, model)]
        siblings: Any = tuple(rows.filter(Q(pk__in=own) | Q(po_number__in=numbers)))
        keys = {row.pk: _key(row) for row in siblings}
        subjects = Subjects("", siblings) if model is Order else Subjects("", (), siblings)
        young |= {keys[pk] for pk in _not_old(subjects, limit) if pk in keys}
    return young


def _key(row: Order | PaymentRequest) -> tuple[Any, ...]:
    return (row.account, row.po_number) if row.po_number else (row.account, type(row), row.pk)


def _not_old(subjects: Subjects, limit: datetime) -> set[int]:
    """Return the orders, or the requests without one, with a message since `limit` or work that is not settled."""
    using = database_alias()
    found: set[int] = set()
    owners: dict[tuple[str, str, str], int] = {}
    for topic, rows in subjects.documents().items():
        for row in rows:
            owner = getattr(row, "order_id", None) or row.pk
            owners[topic, row.account, row.increment_id] = owner
            if row.received_at and row.received_at >= limit:
                found.add(owner)
    by_topic: dict[str, list[str]] = {}
    for topic, _account, number in owners:
        by_topic.setdefault(topic, []).append(number)
    for topic, numbers in by_topic.items():
        messages = Message.objects.using(using).filter(topic=topic, increment_id__in=numbers)
        keeping = messages.filter(Q(received_at__gte=limit) | Q(status__in=OPEN))
        found.update(owners.get((topic, *each), 0) for each in keeping.values_list("account", "increment_id"))
    calls = ReceiverCall.objects.using(using).filter(is_unfinished(), order__in=[row.pk for row in subjects.orders])
    return found | set(calls.values_list("order_id", flat=True))


def _old_requests(pks: list[int], limit: datetime) -> Subjects:
    """Return those payment requests without an order whose purchases have no message since `limit`."""
    chosen = tuple(_requests().filter(pk__in=pks))
    young = _young_purchases(chosen, limit)
    return Subjects("", (), tuple(row for row in chosen if _key(row) not in young))


# ---------------------------------------------------------------- removal


def _locked(orders: list[int] | tuple[int, ...], limit: datetime, requests: list[int]) -> Subjects:
    """Lock the orders that no other transaction holds, and return those that are old."""
    if not orders:
        return _old_requests(requests, limit)
    return _old(skip_locked(_orders().filter(pk__in=orders).order_by("pk")), limit)


def _remove_addresses(orders: Any, limit: datetime, requests: Any = ()) -> int:
    with write_transaction(database_alias()):
        old = _locked(orders, limit, requests)
        removed = remove_addresses(old.documents())
        clean_events(old)
        for path in RETENTION["Track"].orders:
            tracks = Track.objects.using(database_alias()).filter(**{f"{path}__in": [row.pk for row in old.orders]})
            tracks.update(**emptied(Track, RETENTION["Track"].personal))
    return removed


def _remove_documents(orders: Any, limit: datetime, requests: Any = ()) -> int:
    using = database_alias()
    with write_transaction(using):
        old = _locked(orders, limit, requests)
        remove_addresses(old.documents())
        for account in {row.account for row in (*old.orders, *old.requests)}:
            own = Subjects(
                account,
                tuple(row for row in old.orders if row.account == account),
                tuple(row for row in old.requests if row.account == account),
            )
            Message.objects.using(using).filter(pk__in=own.message_pks()).delete()
            names = {purchase_name(row.po_number, row.increment_id) for row in own.orders}
            BookedPurchase.objects.using(using).filter(account=account, purchase__in=names).delete()
            requests = [row.pk for row in own.requests]
            WorklistRow.objects.using(using).filter(kind="payment_request", subject_id__in=requests).delete()
        # MariaDB would detach them from their document first, which their constraint forbids
        is_of_these = Q(order__in=[row.pk for row in old.orders])
        is_of_these |= Q(payment_request__in=[row.pk for row in old.documents()[topics.PAYMENT_REQUEST]])
        HostLink.objects.using(using).filter(is_of_these).delete()
        for topic, rows in reversed(old.documents().items()):  # the orders last
            BY_TOPIC[topic].model.objects.using(using).filter(pk__in=[row.pk for row in rows]).delete()
        for model in (Order, PaymentRequest):
            erased = [row for row in old.rows if isinstance(row, model) and row.erased_at]
            kept: Any = [model(**{name: getattr(row, name) for name in KEPT_OF_ERASED}) for row in erased]
            model.objects.using(using).bulk_create(kept)
    return len(old.orders) + len(old.requests)


def _count_addresses(subjects: Subjects) -> int:
    return sum(
        getattr(row, f"{column}_id") is not None
        for rows in subjects.documents().values()
        for row in rows
        for column in address_columns(type(row))
    )
