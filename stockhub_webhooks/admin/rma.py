"""Admin of returns."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import list_filters
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import WHAT_HAPPENED, DocumentAdmin
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models import RMA


@admin.register(RMA)
class RMAAdmin(DocumentAdmin):
    """List of returns, and the page of each."""

    list_display = (
        "increment_id", "order_number", "po_number", "status_in_words", "parcels", "date_requested", "date_received",
    )  # fmt: skip
    list_filter = (
        list_filters.by_code("status", _("status"), statuses.RMA),
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
