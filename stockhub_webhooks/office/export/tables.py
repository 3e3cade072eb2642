"""Columns of the export of each topic, and the date field that selects its period.

Document amounts are exported only with one row per document; repeated on each line, they would be added up twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import RMA, Address, CreditMemo, Invoice, Order, Shipment
from stockhub_webhooks.models.personal import is_personal
from stockhub_webhooks.office.story import carrier_name

PRICES = ("item_price_inc_tax", "row_total_inc_tax")


class ExportColumn(NamedTuple):
    """Column with its header and a function that returns its value for a document or line."""

    name: Any
    value: Callable[[Any], Any]
    is_personal: bool = False


class ExportTable(NamedTuple):
    """Export definition of one topic."""

    topic: str
    model: Any
    day: str  # the date field that selects the period; `received_at` is used if it is empty
    columns: tuple[ExportColumn, ...]
    line_columns: tuple[ExportColumn, ...]
    amounts: tuple[str, ...] = ()
    address: str = ""
    has_tracks: bool = False


def _fields(model: Any, *names: str) -> tuple[ExportColumn, ...]:
    return tuple(
        ExportColumn(
            amount_name(model, name) if name in PRICES else model._meta.get_field(name).verbose_name,
            _getter(model, name),
            is_personal(model, name),
        )
        for name in names
    )


def amount_name(model: Any, name: str) -> Any:
    """Return the header of an amount."""
    return format_lazy("{} ({})", model._meta.get_field(name).verbose_name, _("VAT included"))


def _getter(model: Any, name: str) -> Callable[[Any], Any]:
    """Return a function that reads the field, by its label if it has choices."""
    get_display = f"get_{name}_display"
    if hasattr(model, get_display):
        return lambda row: getattr(row, get_display)()
    return lambda row: getattr(row, name)


def _lines(model: Any, *names: str) -> tuple[ExportColumn, ...]:
    item_model = model._meta.get_field("items").related_model
    return _fields(item_model, "sku", "mpn", "parent_sku", "manufacturer", "size", *names)


def _customer(name: str) -> tuple[ExportColumn, ...]:
    def address_field(field: str) -> Callable[[Any], Any]:
        return lambda row: getattr(getattr(row, name), field, None)

    fields = (
        (_("first name"), "first_name"), (_("last name"), "last_name"), (_("company"), "company_name"),
        (_("postcode"), "postcode"), (_("city"), "city"), (_("country"), "country_id"), (_("e-mail"), "email"),
    )  # fmt: skip
    return tuple(ExportColumn(label, address_field(field), is_personal(Address, field)) for label, field in fields)


ORDER_NUMBER = ExportColumn(_("order"), lambda row: row.order.increment_id if row.order_id else None)
PARCELS_SHOWN = 20  # more would be repeated in the row of each line, and do not fit into a cell


def _tracking_numbers(row: Any) -> str:
    """Return the first tracking numbers; after them the number of the others."""
    tracks = row.tracks.all()
    numbers = [track.tracking_number for track in tracks[:PARCELS_SHOWN]]
    left_out = len(tracks) - len(numbers)
    more = [f"… {gettext('and %(count)s more') % {'count': left_out}}"] if left_out else []
    return ", ".join([*numbers, *more])


PARCELS = (
    ExportColumn(_("tracking number"), _tracking_numbers),
    ExportColumn(_("carrier"), lambda row: ", ".join(dict.fromkeys(carrier_name(track) for track in row.tracks.all()))),
)
NUMBERS = ("increment_id", "po_number")
SUMS = ("subtotal", "shipping_price", "grand_total")

TABLES = {
    table.topic: table
    for table in (
        ExportTable(
            topics.ORDER, Order, "created_at",
            (*_fields(Order, *NUMBERS, "status", "created_at", "currency"), *_customer("shipping_address")),
            _lines(Order, "qty_ordered", *PRICES), amounts=SUMS, address="shipping_address",
        ),
        ExportTable(
            topics.SHIPMENT, Shipment, "created_at",
            (*_fields(Shipment, *NUMBERS), ORDER_NUMBER,
             *_fields(Shipment, "status", "created_at", "collected_at", "delivered_at"), *PARCELS,
             *_customer("shipping_address")),
            _lines(Shipment, "qty"), address="shipping_address", has_tracks=True,
        ),
        ExportTable(
            topics.RMA, RMA, "date_requested",
            (*_fields(RMA, *NUMBERS), ORDER_NUMBER,
             *_fields(RMA, "status", "date_requested", "date_received", "date_processed", "currency"), *PARCELS),
            _lines(RMA, "qty_requested", "qty_approved", "qty_returned", "reason", "resolution", "status",
                   "row_line_return_fee"), has_tracks=True,
        ),
        ExportTable(
            topics.INVOICE, Invoice, "created_at",
            (*_fields(Invoice, *NUMBERS), ORDER_NUMBER, *_fields(Invoice, "created_at", "currency"),
             *_customer("billing_address")),
            _lines(Invoice, "qty", *PRICES), amounts=SUMS, address="billing_address",
        ),
        ExportTable(
            topics.CREDIT_MEMO, CreditMemo, "created_at",
            (*_fields(CreditMemo, *NUMBERS), ORDER_NUMBER, *_fields(CreditMemo, "created_at", "currency"),
             *_customer("billing_address")),
            _lines(CreditMemo, "qty", *PRICES, "reversal", "return_item_fee"), address="billing_address",
            amounts=("subtotal", "shipping_price", "adjustment", "fee_amount", "return_fee_amount", "grand_total"),
        ),
    )
}  # fmt: skip
