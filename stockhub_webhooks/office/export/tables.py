"""Which columns each kind of document has in its table, and by which day it is cut.

Amounts of a document stand only where each document is one row: among lines they would be added up several times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import RMA, CreditMemo, Invoice, Order, Shipment


class Column(NamedTuple):
    """A column: its head, and its value of a document or of a line."""

    name: Any
    value: Callable[[Any], Any]
    is_personal: bool = False


class Table(NamedTuple):
    """The documents of one topic."""

    topic: str
    model: Any
    day: str  # the field that says in which period a document falls; where that is empty, `received_at` does
    columns: tuple[Column, ...]
    line_columns: tuple[Column, ...]
    amounts: tuple[str, ...] = ()
    address: str = ""
    has_tracks: bool = False


def _fields(model: Any, *names: str) -> tuple[Column, ...]:
    return tuple(Column(model._meta.get_field(name).verbose_name, _reading(model, name)) for name in names)


def _reading(model: Any, name: str) -> Callable[[Any], Any]:
    shown = f"get_{name}_display"
    if hasattr(model, shown):
        return lambda row: getattr(row, shown)()
    return lambda row: getattr(row, name)


def _lines(model: Any, *names: str) -> tuple[Column, ...]:
    item_model = model._meta.get_field("items").related_model
    return _fields(item_model, "sku", "mpn", "parent_sku", "manufacturer", "size", *names)


def _customer(name: str) -> tuple[Column, ...]:
    def of(field: str) -> Callable[[Any], Any]:
        return lambda row: getattr(getattr(row, name), field, None)

    fields = (
        (_("first name"), "first_name"), (_("last name"), "last_name"), (_("company"), "company_name"),
        (_("postcode"), "postcode"), (_("city"), "city"), (_("country"), "country_id"), (_("e-mail"), "email"),
    )  # fmt: skip
    return tuple(Column(label, of(field), is_personal=True) for label, field in fields)


OF_ORDER = Column(_("order"), lambda row: row.order.increment_id if row.order_id else None)
PARCELS = (
    Column(_("tracking number"), lambda row: ", ".join(track.tracking_number for track in row.tracks.all())),
    Column(_("carrier"), lambda row: ", ".join(dict.fromkeys(track.carrier or "" for track in row.tracks.all()))),
)
NUMBERS = ("increment_id", "po_number")
PRICES = ("item_price_inc_tax", "row_total_inc_tax")
SUMS = ("subtotal", "shipping_price", "grand_total")

TABLES = {
    table.topic: table
    for table in (
        Table(
            topics.ORDER, Order, "created_at",
            (*_fields(Order, *NUMBERS, "status", "created_at", "currency"), *_customer("shipping_address")),
            _lines(Order, "qty_ordered", *PRICES), amounts=SUMS, address="shipping_address",
        ),
        Table(
            topics.SHIPMENT, Shipment, "created_at",
            (*_fields(Shipment, *NUMBERS), OF_ORDER,
             *_fields(Shipment, "status", "created_at", "collected_at", "delivered_at"), *PARCELS,
             *_customer("shipping_address")),
            _lines(Shipment, "qty"), address="shipping_address", has_tracks=True,
        ),
        Table(
            topics.RMA, RMA, "date_requested",
            (*_fields(RMA, *NUMBERS), OF_ORDER,
             *_fields(RMA, "status", "date_requested", "date_received", "date_processed", "currency"), *PARCELS),
            _lines(RMA, "qty_requested", "qty_approved", "qty_returned", "reason", "resolution", "status",
                   "row_line_return_fee"), has_tracks=True,
        ),
        Table(
            topics.INVOICE, Invoice, "created_at",
            (*_fields(Invoice, *NUMBERS), OF_ORDER, *_fields(Invoice, "created_at", "currency"),
             *_customer("billing_address")),
            _lines(Invoice, "qty", *PRICES), amounts=SUMS, address="billing_address",
        ),
        Table(
            topics.CREDIT_MEMO, CreditMemo, "created_at",
            (*_fields(CreditMemo, *NUMBERS), OF_ORDER, *_fields(CreditMemo, "created_at", "currency"),
             *_customer("billing_address")),
            _lines(CreditMemo, "qty", *PRICES, "reversal", "return_item_fee"), address="billing_address",
            amounts=("subtotal", "shipping_price", "adjustment", "fee_amount", "return_fee_amount", "grand_total"),
        ),
    )
}  # fmt: skip
