"""Admin of orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display, labels, list_filters
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import WHAT_HAPPENED
from stockhub_webhooks.admin.export import ExportPage
from stockhub_webhooks.admin.find_page import FindPage
from stockhub_webhooks.admin.story.page import StoryPage
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models import Order


@admin.register(Order)
class OrderAdmin(FindPage, ExportPage, StoryPage):
    """List of orders including stubs, and the page of each with its story, export and search."""

    list_display = ("increment_id", "po_number", "status_in_words", "customer", "total", "created_at", "story")
    list_filter = (
        list_filters.StubFilter,
        list_filters.by_code("status", _("status"), statuses.ORDER),
        ("created_at", DateRangeFilter),
        ("received_at", DateRangeFilter),
    )
    item_columns = (
        ("sku", "mpn", "parent_sku"), "size", "manufacturer", "qty_ordered", "item_price_inc_tax", "row_total_inc_tax",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": [("increment_id", "po_number", "status_in_words"), "account", "articles", "amounts"]}),
        (_("Addresses"), {"fields": [("ship_to", "bill_to")]}),
        (_("Times"), {"fields": [("created_at", "updated_at", "received_at")]}),
        (_("Belongs to it"), {"fields": ["documents"]}),
        WHAT_HAPPENED,
    )

    def title_of(self, row: Order) -> str:
        """Return the number; mark a stub as not received yet."""
        return labels.order(row)

    @admin.display(description=_("status"), ordering="status")
    def status_in_words(self, document: Any) -> str:
        """Return the label of the status, or "not received yet" if the order is a stub."""
        return str(labels.NOT_RECEIVED_YET) if document.is_stub else super().status_in_words(document)

    @admin.display(description=_("documents"))
    def documents(self, order: Order) -> Any:
        """Return a table of the order's shipments, returns, invoices, credit notes and payment requests."""
        heads = (_("document"), _("Stock Hub number"), _("status"), _("tracking number"), _("total"))
        return display.table(heads, self._documents(order))

    def _documents(self, order: Order) -> Iterator[tuple[Any, ...]]:
        for parcels in (order.shipments, order.rmas):
            for row in parcels.prefetch_related("tracks").order_by("pk"):
                tracks = display.multiline(map(display.track, row.tracks.all()))
                yield self._document(row, row.get_status_display() or display.EMPTY, tracks, display.EMPTY)
        for bills in (order.invoices, order.credit_memos, order.payment_requests):
            for bill in bills.order_by("pk"):
                amount = display.money(bill.grand_total, bill.currency)
                yield self._document(bill, display.EMPTY, display.EMPTY, amount)

    def _document(self, row: Any, *cells: Any) -> tuple[Any, ...]:
        return (row._meta.verbose_name, display.page(row), *cells)
