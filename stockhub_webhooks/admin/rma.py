"""Admin of returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.admin import display, list_filters
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import WHAT_HAPPENED, DocumentAdmin, is_list
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models import RMA
from stockhub_webhooks.office import returns
from stockhub_webhooks.office.access import may_see_persons
from stockhub_webhooks.office.search import ADDRESSES
from stockhub_webhooks.office.stub_addresses import newest_addresses

REFUNDS: statuses.Labels = {
    returns.CREDITED: _("credited"),
    returns.IN_PART: _("credited in part"),
    returns.OPEN: _("not credited"),
    returns.NO_REFUND: _("no refund"),
}


@admin.register(RMA)
class RMAAdmin(DocumentAdmin):
    """List of returns, and the page of each."""

    list_display = (
        "increment_id", "order_and_po_number", "customer", "status_in_words", "pieces", "refund", "requested_on",
        "received_on",
    )  # fmt: skip
    sortable_by = ("requested_on",)
    list_filter = (
        list_filters.ReturnStatusFilter,
        ("date_requested", DateRangeFilter),
        ("received_at", DateRangeFilter),
    )
    with_tracks = True
    item_columns = (
        ("sku", "mpn", "parent_sku", "merchant_product_reference"), ("size", "color"), "manufacturer", "status",
        ("qty_requested", "qty_approved", "qty_returned"), ("reason", "resolution", "merchant_resolution"),
        ("row_line_return_fee", "item_return_fee"), "item_id",
    )  # fmt: skip
    fieldsets = (
        (
            None,
            {
                "fields": [
                    ("increment_id", "of_order", "po_number", "status_in_words"),
                    "account",
                    "tracks",
                    "articles",
                ]
            },
        ),
        (_("Times"), {"fields": [("date_requested", "date_received", "date_processed", "received_at")]}),
        WHAT_HAPPENED,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Add the customer of the order; the list shows no parcels."""
        rows = super().get_queryset(request).select_related(*(f"order__{name}" for name in ADDRESSES))
        return rows.prefetch_related(None) if is_list(request) else rows

    def complete_rows(self, request: HttpRequest, rows: Sequence[RMA]) -> None:
        """Set the summaries of the returns, and the addresses of orders that were not received."""
        found = returns.summaries(rows)
        addresses = newest_addresses(row.order for row in rows) if may_see_persons(request) else {}
        for row in rows:
            row.summary = found.get(row.pk)  # type: ignore[attr-defined]
            row.child_address = addresses.get(row.order_id)  # type: ignore[attr-defined]

    @admin.display(description=_("customer"))
    def customer(self, document: Any) -> str:
        """Return the recipient of the order; of one that was not received the one that its documents name."""
        order = document.order
        return display.customer_of_stub(document.child_address) or display.customer(
            order.shipping_address or order.billing_address
        )

    @admin.display(description=_("pieces"))
    def pieces(self, document: Any) -> Any:
        """Return the pieces that came back, or are to come back."""
        return document.summary.pieces if document.summary else display.EMPTY

    @admin.display(description=_("refund"))
    def refund(self, document: Any) -> Any:
        """Return the value of these pieces, VAT included, and below it whether they are credited."""
        if not document.summary:
            return display.EMPTY
        value = display.money(document.summary.value, document.currency)
        return display.multiline((value, statuses.label(REFUNDS, document.summary.refund)))

    @admin.display(description=pgettext_lazy("list", "requested"), ordering="date_requested")
    def requested_on(self, document: Any) -> Any:
        """Return the date without the time, which the page of the return shows."""
        return display.day(document.date_requested)

    @admin.display(description=pgettext_lazy("list", "received back"), ordering="date_received")
    def received_on(self, document: Any) -> Any:
        """Return the date without the time."""
        return display.day(document.date_received)
