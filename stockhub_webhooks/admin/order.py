"""Admin of orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display, labels, list_filters
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import WHAT_HAPPENED, with_first_tracks
from stockhub_webhooks.admin.export import ExportPage
from stockhub_webhooks.admin.figures_page import FiguresPage
from stockhub_webhooks.admin.find_page import FindPage
from stockhub_webhooks.admin.long_parts import parts_of
from stockhub_webhooks.admin.person_page import PersonPage
from stockhub_webhooks.admin.story.page import StoryPage
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models import Order
from stockhub_webhooks.office.access import may_see_persons
from stockhub_webhooks.office.stub_addresses import newest_addresses


@admin.register(Order)
class OrderAdmin(FindPage, ExportPage, FiguresPage, PersonPage, StoryPage):
    """List of orders including stubs, and the page of each with its story, export and search."""

    list_display = ("increment_id", "po_number", "status_in_words", "customer", "total", "created_at", "story")
    list_filter = (
        list_filters.StubFilter,
        list_filters.by_code("status", _("status"), statuses.ORDER),
        ("created_at", DateRangeFilter),
        ("received_at", DateRangeFilter),
    )
    actions = ("erase_person",)
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

    def complete_rows(self, request: HttpRequest, rows: Sequence[Order]) -> None:
        """Set the addresses of the newest documents of orders that were not received."""
        if may_see_persons(request):
            found = newest_addresses(rows)
            for row in rows:
                row.child_address = found.get(row.pk)  # type: ignore[attr-defined]

    def title_of(self, row: Order) -> str:
        """Return the number; mark a stub as not received yet."""
        return labels.order(row)

    @admin.display(description=_("status"), ordering="status")
    def status_in_words(self, document: Any) -> str:
        """Return the label of the status, or "not received yet" if the order is a stub."""
        return str(labels.NOT_RECEIVED_YET) if document.is_stub else super().status_in_words(document)

    @admin.display(description=_("documents"))
    def documents(self, order: Order) -> Any:
        """Return tables of the order's shipments, returns, invoices, credit notes and payment requests."""
        kinds: dict[str, tuple[Any, Any]] = {
            "shipments": (order.shipments, self._parcels), "returns": (order.rmas, self._parcels),
            "invoices": (order.invoices, self._bill), "credit-notes": (order.credit_memos, self._bill),
            "payment-requests": (order.payment_requests, self._bill),
        }  # fmt: skip
        heads = (_("document"), _("Stock Hub number"), _("status"), _("tracking number"), _("total"))
        found = [
            (parts_of(order).of(name, with_first_tracks(documents.defer("extra").order_by("pk"))), cells)
            for name, (documents, cells) in kinds.items()
        ]
        links = [part.links for part, _cells in found if not part.is_whole]
        rows = [cells(row) for part, cells in found for row in part.rows]
        return display.joined("", [*links, display.table(heads, rows)])

    def _parcels(self, row: Any) -> tuple[Any, ...]:
        status = row.get_status_display() or display.EMPTY
        return (row._meta.verbose_name, display.page(row), status, self.parcels(row), display.EMPTY)

    def _bill(self, row: Any) -> tuple[Any, ...]:
        amount = display.money(row.grand_total, row.currency)
        return (row._meta.verbose_name, display.page(row), display.EMPTY, display.EMPTY, amount)
