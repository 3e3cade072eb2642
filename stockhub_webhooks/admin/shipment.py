"""Admin of shipments with their parcels."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import display, list_filters
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import WHAT_HAPPENED, DocumentAdmin
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models import Shipment


@admin.register(Shipment)
class ShipmentAdmin(DocumentAdmin):
    """List of shipments, and the page of each."""

    list_display = (
        "increment_id", "order_number", "po_number", "status_in_words", "parcels", "customer", "delivered_on",
    )  # fmt: skip
    list_filter = (
        list_filters.by_code("status", _("status"), statuses.SHIPMENT),
        ("created_at", DateRangeFilter),
        ("received_at", DateRangeFilter),
    )
    with_tracks = True
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
        (_("Addresses"), {"fields": [("ship_to", "sent_from")]}),
        (_("Times"), {"fields": [("created_at", "collected_at", "delivered_at", "updated_at", "received_at")]}),
        WHAT_HAPPENED,
    )

    @admin.display(description=_("delivered at"), ordering="delivered_at")
    def delivered_on(self, shipment: Shipment) -> str:
        """Return the date without the time, which the page of the shipment shows."""
        return display.day(shipment.delivered_at)

    @admin.display(description=_("sent from"))
    def sent_from(self, shipment: Shipment) -> Any:
        return display.address(shipment.origin_address)
