"""Admin of shipments with their parcels."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.admin import display, list_filters
from stockhub_webhooks.admin.date_range import DateRangeFilter
from stockhub_webhooks.admin.document import WHAT_HAPPENED, DocumentAdmin
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.models import Shipment


@admin.register(Shipment)
class ShipmentAdmin(DocumentAdmin):
    """List of shipments, and the page of each."""

    list_display = (
        "increment_id", "order_and_po_number", "status_and_day", "short_parcels", "customer", "created_on",
        "collected_on", "days_under_way",
    )  # fmt: skip
    sortable_by = ("created_on", "collected_on", "days_under_way")
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

    @admin.display(description=_("parcels"))
    def short_parcels(self, shipment: Any) -> Any:
        """Return the carrier and the number of the first parcels, each in one line."""
        return self.parcels_of(shipment, display.short_track)

    @admin.display(description=pgettext_lazy("list", "created"), ordering="created_at")
    def created_on(self, shipment: Shipment) -> Any:
        """Return the date without the time, which the page of the shipment shows."""
        return display.day(shipment.created_at)

    @admin.display(description=pgettext_lazy("list", "collected"), ordering="collected_at")
    def collected_on(self, shipment: Shipment) -> Any:
        """Return the date without the time."""
        return display.day(shipment.collected_at)

    @admin.display(description=_("days on the way"), ordering="-collected_at")
    def days_under_way(self, shipment: Shipment) -> Any:
        """Return the days since the parcel was collected, or else created, until it was delivered or now."""
        since = shipment.collected_at or shipment.created_at
        if since is None or not shipment.has_left:
            return display.EMPTY
        until = shipment.delivered_at if shipment.is_delivered else timezone.now()
        return max((until - since).days, 0) if until else display.EMPTY

    @admin.display(description=_("status"), ordering="status")
    def status_and_day(self, shipment: Shipment) -> Any:
        """Return the status, and the day of the delivery below it."""
        delivered = display.day(shipment.delivered_at) if shipment.delivered_at else None
        return display.multiline(filter(None, (self.status_in_words(shipment), delivered)))

    @admin.display(description=_("sent from"))
    def sent_from(self, shipment: Shipment) -> Any:
        return display.address(shipment.origin_address)
