"""Admin of payment requests."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import WHAT_HAPPENED, DocumentAdmin
from stockhub_webhooks.models import PaymentRequest


@admin.register(PaymentRequest)
class PaymentRequestAdmin(DocumentAdmin):
    """List of payment requests, and the page of each."""

    list_display = (
        "increment_id", "order_number", "po_number", "customer", "method", "total", "created_at",
    )  # fmt: skip
    list_filter = (("created_at", DateRangeFilter), ("received_at", DateRangeFilter))
    item_columns = (*DocumentAdmin.item_columns, "external_reference")
    personal_fields = DocumentAdmin.personal_fields | {"payment_link": ""}
    amount_columns = (
        "subtotal", "shipping_price", "tax_amount", "discount_amount", "grand_total",
    )  # fmt: skip
    fieldsets = (
        (
            None,
            {
                "fields": [
                    ("increment_id", "of_order", "po_number"),
                    ("purchase_order_increment_id", "order_increment_id"),
                    "account",
                    ("method", "payment_link"),
                    "articles",
                    "amounts",
                ]
            },
        ),
        (_("Addresses"), {"fields": [("ship_to", "bill_to")]}),
        (_("Times"), {"fields": [("created_at", "received_at")]}),
        WHAT_HAPPENED,
    )

    @admin.display(description=_("payment method"))
    def method(self, document: PaymentRequest) -> str:
        """Return the payment method in words."""
        return document.get_payment_method_display() or display.EMPTY

    @admin.display(description=_("payment link"))
    def payment_link(self, document: PaymentRequest) -> Any:
        """Return a link if the URL is safe, otherwise plain text, because the value comes from outside."""
        return display.external_link(document.pay_by_link or "", document.pay_by_link or display.EMPTY)
