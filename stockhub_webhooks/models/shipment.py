"""The shipment and its lines, and the tracks of shipments and returns."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.db.indexes import BeginningIndex
from stockhub_webhooks.models.documents import OrderDocument, PricedLine, address, text, timestamp, whole_number

DELIVERED = "DELIVERED"
EXCEPTION = "EXCEPTION"


class Shipment(OrderDocument):
    """What was sent to the customer of an order."""

    order = models.ForeignKey(
        "stockhub_webhooks.Order", models.CASCADE, related_name="shipments", verbose_name=_("order")
    )
    status = text(_("status"), db_index=True)
    created_at = timestamp(_("created at"), db_index=True)
    updated_at = timestamp(_("changed at"))
    collected_at = timestamp(_("collected at"))
    delivered_at = timestamp(_("delivered at"))
    currency = text(_("currency"))
    shipping_address = address(_("shipping address"))
    origin_address = address(_("sent from"))

    class Meta(OrderDocument.Meta):
        verbose_name = _("shipment")
        verbose_name_plural = _("shipments")

    @property
    def is_delivered(self) -> bool:
        """Whether the sender says so, by status or by time."""
        return self.delivered_at is not None or (self.status or "").upper() == DELIVERED

    def get_status_display(self) -> str:
        """The status in words; an unknown one as it is."""
        return statuses.label(statuses.SHIPMENT, self.status)


class ShipmentItem(PricedLine):
    """A line of a shipment."""

    shipment = models.ForeignKey(Shipment, models.CASCADE, related_name="items", verbose_name=_("shipment"))
    qty = whole_number(_("sent"))

    class Meta(PricedLine.Meta):
        verbose_name = _("shipment line")
        verbose_name_plural = _("shipment lines")


class Track(models.Model):
    """A parcel's number, of a shipment or of a return. Tracks accumulate: a later number joins the former."""

    id = models.BigAutoField(primary_key=True)
    shipment = models.ForeignKey(
        Shipment, models.CASCADE, null=True, blank=True, related_name="tracks", verbose_name=_("shipment")
    )
    rma = models.ForeignKey(
        "stockhub_webhooks.RMA", models.CASCADE, null=True, blank=True, related_name="tracks", verbose_name=_("return")
    )
    tracking_number = models.CharField(_("tracking number"), max_length=255)
    carrier = text(_("carrier"))
    method = text(_("method"))
    tracking_url = models.TextField(_("tracking link"), null=True, blank=True)

    class Meta:
        verbose_name = _("parcel number")
        verbose_name_plural = _("parcel numbers")
        indexes = [BeginningIndex(fields=["tracking_number"])]
        constraints = [
            models.UniqueConstraint(fields=["shipment", "tracking_number"], name="stockhub_track_of_shipment"),
            models.UniqueConstraint(fields=["rma", "tracking_number"], name="stockhub_track_of_rma"),
            models.CheckConstraint(
                condition=models.Q(shipment__isnull=True) ^ models.Q(rma__isnull=True), name="stockhub_track_of_one"
            ),
        ]

    def __str__(self) -> str:
        return self.tracking_number

    @property
    def safe_tracking_url(self) -> str:
        """The link, "" where it is not http(s): it comes from outside."""
        url: Any = self.tracking_url or ""
        return url if url.lower().startswith(("https://", "http://")) else ""
