"""Gaps: what should be here and is not, told by what Stock Hub's REST calls said.

No call lists shipments, invoices or credit notes. A missing one shows only through the order (`is_shipped`,
`is_invoiced`, `closed`) or through its return. Where the known documents leave it open, there is no gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import (
    RMA,
    AskedNumber,
    CreditMemoItem,
    Document,
    InvoiceItem,
    Order,
    OrderItem,
    ShipmentItem,
)
from stockhub_webhooks.office.worklists.loading import Case, load
from stockhub_webhooks.office.worklists.returning import is_refunded
from stockhub_webhooks.office.worklists.sending import CLOSED, COMPLETE, status
from stockhub_webhooks.purchases.pieces import with_pieces

MISSING_SHIPMENT = "missing_shipment"
MISSING_INVOICE = "missing_invoice"
MISSING_CREDIT_NOTE = "missing_credit_note"
NEVER_MENTIONED = "never_mentioned"
RULES = (MISSING_SHIPMENT, MISSING_INVOICE, MISSING_CREDIT_NOTE, NEVER_MENTIONED)

BATCH = 200
# a return with one of these is decided; the quantities say what for
DECIDED = ("approved", "approved_on_item", "processed_closed")
CANCELLED = ("CANCELLED", "CANCELED")


class Gap(NamedTuple):
    """Something that should be here and is not.

    Attributes:
        rule: one of `RULES`.
        document: the order, or the return whose credit note is missing; None for a number that Stock Hub never
            mentioned.
        po_number: the shop's own order number, if it is known.
        since: since when it should be here, by the sender's clock where it says so; the same at each search.
        detail: numbers of pieces by name: how many there should be, and how many are known.
    """

    rule: str
    document: Document | None
    po_number: str | None
    since: datetime
    detail: dict[str, int]


class Known(NamedTuple):
    """An order with its `rest_answer`, and the documents of it that we have, each with its lines.

    Attributes:
        sent_elsewhere: pieces that were sent under other orders of the purchase beyond what those need: the parcel of
            an edited order may name the former number.
        invoiced_elsewhere: the same for invoices.
        credited_elsewhere: the same for credit notes, beyond what the returns of those orders need.
    """

    order: Order
    shipments: Sequence[Any]
    invoices: Sequence[Any]
    rmas: Sequence[Any]
    credit_memos: Sequence[Any]
    sent_elsewhere: int = 0
    invoiced_elsewhere: int = 0
    credited_elsewhere: int = 0


def gaps(account: str) -> Iterator[Gap]:
    """Yield the gaps of an account; none for the account that is reserved for tests."""
    if account == TEST_ACCOUNT:
        return
    orders = Order.objects.of_account(account).using(database_alias()).filter(rest_answer__unknown_since__isnull=True)
    found = [candidates(orders).order_by().values("pk") for candidates in CANDIDATES]
    for pks in _batches(orders.filter(Q(pk__in=found[0]) | Q(pk__in=found[1]) | Q(pk__in=found[2]))):
        for case in load(pks):
            for known in known_orders(case):
                if known.order.pk in pks:
                    yield from of_order(known)
    for number, since in unknown_numbers(account).items():
        yield Gap(NEVER_MENTIONED, None, number, since, {})


def unknown_numbers(account: str) -> dict[str, datetime]:
    """Return the shop's order numbers that Stock Hub does not know, with the time when it was asked first.

    Those of orders that have come by themselves meanwhile are left out.
    """
    rows = AskedNumber.objects.of_account(account).using(database_alias()).order_by("pk")
    arrived = Order.objects.using(database_alias()).filter(account=account, po_number=OuterRef("po_number"))
    return dict(rows.filter(~Exists(arrived)).values_list("po_number", "first_asked_at"))


def known_orders(case: Case) -> Iterator[Known]:
    """Yield the orders of a purchase that Stock Hub was asked for and knows."""
    orders = case.purchase.orders
    spare = [{order.pk: _spare(case, order, name) for order in orders} for name in ("shipments", "invoices")]
    spare.append({order.pk: _spare_credit(case, order) for order in orders})
    for order in orders:
        answer = getattr(order, "rest_answer", None)
        if answer and answer.unknown_since is None:
            sent, invoiced, credited = (sum(each.values()) - each[order.pk] for each in spare)
            yield Known(
                order,
                shipments=case.documents(order, "shipments"),
                invoices=case.documents(order, "invoices"),
                rmas=case.documents(order, "rmas"),
                credit_memos=case.documents(order, "credit_memos"),
                sent_elsewhere=sent,
                invoiced_elsewhere=invoiced,
                credited_elsewhere=credited,
            )


def _spare(case: Case, order: Order, name: str) -> int:
    """Return the pieces on documents of an order beyond what it needs; none is needed of a cancelled one."""
    needed = 0 if order.is_cancelled else _pieces(order.items.all(), "qty_ordered")
    return max(sum(_pieces(document.items.all()) for document in case.documents(order, name)) - needed, 0)


def _spare_credit(case: Case, order: Order) -> int:
    """Return the pieces on credit notes of an order beyond its cancelled pieces and what its returns need."""
    memos = case.documents(order, "credit_memos")
    needed = _cancelled(memos) + sum(_to_credit(rma) for rma in case.documents(order, "rmas"))
    return max(_credited(memos) - needed, 0)


def of_order(known: Known) -> Iterator[Gap]:
    """Yield the gaps of an order."""
    answer = known.order.rest_answer
    if answer.is_shipped or (answer.is_shipped is None and status(known.order) == COMPLETE):
        yield from _missing(MISSING_SHIPMENT, known, known.shipments, known.sent_elsewhere, answer.shipped_since)
    if answer.is_invoiced:
        yield from _missing(MISSING_INVOICE, known, known.invoices, known.invoiced_elsewhere, answer.invoiced_since)
    yield from _missing_credit_notes(known)


# ---------------------------------------------------------------- candidates, by sums of the database


def _should_have_left(orders: QuerySet[Order]) -> QuerySet[Order]:
    is_shipped = Q(rest_answer__is_shipped=True) | Q(rest_answer__is_shipped__isnull=True, status__iexact=COMPLETE)
    return _with_too_few(orders.filter(is_shipped, rest_answer__isnull=False), ShipmentItem, "shipment__order")


def _should_be_invoiced(orders: QuerySet[Order]) -> QuerySet[Order]:
    return _with_too_few(orders.filter(rest_answer__is_invoiced=True), InvoiceItem, "invoice__order")


def _should_be_credited(orders: QuerySet[Order]) -> QuerySet[Order]:
    returns = RMA.objects.using(database_alias()).filter(_is_decided()).values("order")
    return orders.filter(Q(status__iexact=CLOSED) | Q(pk__in=returns), rest_answer__isnull=False)


def _is_decided() -> Q:
    return reduce(or_, (Q(status__iexact=code) for code in DECIDED), Q(date_processed__isnull=False))


def _with_too_few(orders: QuerySet[Order], model: Any, path: str) -> QuerySet[Order]:
    """Filter the orders whose documents of a kind have fewer pieces than were ordered, or that have none."""
    known = _sum(model, path, "qty")
    return orders.annotate(ordered=_sum(OrderItem, "order", "qty_ordered"), known=known).filter(
        Q(known=0) | Q(known__lt=F("ordered"))
    )


def _sum(model: Any, path: str, name: str) -> Coalesce:
    rows = model.objects.using(database_alias()).filter(**{path: OuterRef("pk")}).order_by().values(path)
    return Coalesce(Subquery(rows.annotate(pieces=Sum(name)).values("pieces"), output_field=IntegerField()), 0)


CANDIDATES = (_should_have_left, _should_be_invoiced, _should_be_credited)


def _batches(orders: QuerySet[Order]) -> Iterator[list[int]]:
    last = 0
    while pks := list(orders.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        yield pks
        last = pks[-1]


# ---------------------------------------------------------------- decisions, line by line


def _missing(
    rule: str, known: Known, documents: Iterable[Any], elsewhere: int, since: datetime | None
) -> Iterator[Gap]:
    order = known.order
    ordered = _pieces(order.items.all(), "qty_ordered")
    received = sum(_pieces(document.items.all()) for document in documents) + elsewhere
    returned = sum(_to_credit(rma) for rma in known.rmas)
    # pieces that were credited without a return were never sent
    never_sent = max(_credited(known.credit_memos) - returned, _cancelled(known.credit_memos))
    if received + never_sent >= ordered and (received or never_sent):
        return
    since = since or order.updated_at or order.rest_answer.asked_at
    yield Gap(rule, order, order.po_number, since, {"ordered": ordered, "known": received})


def _missing_credit_notes(known: Known) -> Iterator[Gap]:
    """Yield the returns whose pieces no credit note covers, the oldest return is covered first; or a closed order."""
    order = known.order
    credited = _credited(known.credit_memos) - _cancelled(known.credit_memos) + known.credited_elsewhere
    returns = sorted(known.rmas, key=lambda rma: (rma.date_requested is None, rma.date_requested, rma.pk))
    is_closed = status(order) == CLOSED and not known.credit_memos and not known.credited_elsewhere
    for rma in returns:
        due = _to_credit(rma)
        if due > credited:
            is_closed = False
            since = rma.date_processed or rma.date_received or rma.date_requested or order.rest_answer.asked_at
            detail = {"returned": due, "known": max(credited, 0)}
            yield Gap(MISSING_CREDIT_NOTE, rma, rma.po_number or order.po_number, since, detail)
        credited = max(credited - due, 0)
    if is_closed:
        yield Gap(MISSING_CREDIT_NOTE, order, order.po_number, order.updated_at or order.rest_answer.asked_at, {})


def is_decided(rma: RMA) -> bool:
    """Return True if Stock Hub has decided what is credited of a return."""
    return (rma.status or "").lower() in DECIDED or rma.date_processed is not None


def _to_credit(rma: RMA) -> int:
    """Return how many pieces of a return are to be credited; 0 while it is not decided."""
    if not is_decided(rma):
        return 0
    items = [item for item in with_pieces(rma.items.all()) if is_refunded(rma, item)]
    approved = [item.qty_approved for item in items if item.qty_approved is not None]
    if approved:
        return sum(approved)
    return sum(item.qty_returned or 0 for item in items)


def _credited(memos: Iterable[Any]) -> int:
    return sum(_pieces(memo.items.all()) for memo in memos)


def _cancelled(memos: Iterable[Any]) -> int:
    items = [item for memo in memos for item in memo.items.all()]
    return _pieces([item for item in items if _is_cancelled(item)])


def _is_cancelled(item: CreditMemoItem) -> bool:
    return (item.reversal or "").upper() in CANCELLED


def _pieces(items: Iterable[Any], name: str = "qty") -> int:
    return sum(getattr(item, name) or 0 for item in with_pieces(items))
