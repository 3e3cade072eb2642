"""Admin of credit notes."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import WHAT_HAPPENED, DocumentAdmin
from stockhub_webhooks.models import CreditMemo


@admin.register(CreditMemo)
class CreditMemoAdmin(DocumentAdmin):
    """List of credit notes, and the page of each."""

    list_display = ("increment_id", "order_number", "po_number", "customer", "total", "created_at")
    list_filter = (("created_at", DateRangeFilter), ("received_at", DateRangeFilter))
    item_columns = (
        ("sku", "mpn", "parent_sku"), "size", "manufacturer", "qty", "item_price_inc_tax", "row_total_inc_tax",
        "reversal", "return_item_fee",
    )  # fmt: skip
    amount_columns = (
        "subtotal", "shipping_price", "adjustment", "fee_amount", "return_fee_amount", "grand_total",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": [("increment_id", "of_order", "po_number"), "account", "articles", "amounts"]}),
        (_("Addresses"), {"fields": ["bill_to"]}),
        (_("Times"), {"fields": [("created_at", "updated_at", "received_at")]}),
        WHAT_HAPPENED,
    )
