"""The shipment and its lines, and the tracks of shipments and returns."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Replace, Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.contract.links import safe_link
from stockhub_webhooks.db.deletion import cascade
from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.db.indexes import BeginningIndex, DueIndex
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.documents import OrderDocument, PricedLine, address, code, timestamp, whole_number
from stockhub_webhooks.visible import visible

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from stockhub_webhooks.models.order import Order
    from stockhub_webhooks.models.rma import RMA

DELIVERED = "DELIVERED"
MAX_ZONE_ERROR = timedelta(hours=14)
EXCEPTION = "EXCEPTION"
ON_THE_WAY = frozenset({"IN_TRANSIT", EXCEPTION})
# blanks, zero-width characters and hyphens, which people and carriers put into a tracking number as they like
SEPARATORS = " \t\r\n\u00a0\u202f\u200b\u2060\ufeff-\u2010\u2011\u2012\u2013\u2014\u2212"
WITHOUT_SEPARATORS = str.maketrans("", "", SEPARATORS)


def normalize_tracking_number(number: str) -> str:
    """Return the number in the spelling of `Track.normalized_number`; "" if it has separators only."""
    return number.translate(WITHOUT_SEPARATORS).upper()


def normalized(column: str) -> Upper:
    """Return the same as an expression of the database."""
    text: F | Replace = F(column)
    for separator in SEPARATORS:
        text = Replace(text, Value(separator), Value(""))
    return Upper(text)


class Shipment(OrderDocument):
    """A shipment to the customer of an order.

    Attributes:
        status: UNKNOWN, READY_FOR_PICKUP, IN_TRANSIT, DELIVERED or EXCEPTION; the set is open.
        created_at: when the shipment was created at Stock Hub, aware. This and the times below come without
            a zone; the setting `NAIVE_TIMEZONE` gives it.
        updated_at: when the shipment was last changed at Stock Hub, aware.
        collected_at: when the carrier collected the parcel, aware.
        delivered_at: when the carrier delivered the parcel, aware.
        origin_address: the address that the parcel was sent from; it has no name of a person.
        due_at: when `shipment.delivered` is to be recorded, since `delivered_at` was too far ahead to count; None if
            there is nothing to record.
    """

    order: models.ForeignKey[Order, Order] = models.ForeignKey(
        "stockhub_webhooks.Order", models.CASCADE, related_name="shipments", verbose_name=_("order")
    )
    status = code(_("status"), db_index=True)
    created_at = timestamp(_("created at"), db_index=True)
    updated_at = timestamp(_("changed at"))
    collected_at = timestamp(_("collected at"))
    delivered_at = timestamp(_("delivered at"))
    currency = code(_("currency"))
    shipping_address = address(_("shipping address"))
    origin_address = address(_("sent from"))
    due_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True, editable=False)

    if TYPE_CHECKING:
        shipping_address_id: int | None
        origin_address_id: int | None
        items: RelatedManager[ShipmentItem]
        tracks: RelatedManager[Track]

    class Meta(OrderDocument.Meta):
        verbose_name = _("shipment")
        verbose_name_plural = _("shipments")
        indexes = [
            *OrderDocument.Meta.indexes,
            DueIndex(fields=["due_at", "id"], name="stockhub_shipment_due"),
            models.Index(fields=["collected_at"], name="stockhub_shipment_collected"),
        ]

    @property
    def is_delivered(self) -> bool:
        """True if the sender gave the status DELIVERED, or a time of delivery that has come."""
        return self.was_delivered_at(timezone.now())

    @property
    def has_left(self) -> bool:
        """True if the parcel was collected, is in transit, has a problem on the way, or was delivered."""
        was_collected = self.collected_at is not None and self.collected_at <= timezone.now() + MAX_ZONE_ERROR
        return was_collected or (self.status or "").upper() in ON_THE_WAY or self.is_delivered

    def was_delivered_at(self, time: datetime) -> bool:
        """Return True if the shipment counted as delivered at a time, by what is known now.

        A time of delivery also counts if it was at most 14 hours ahead when it was received, the largest error that a
        wrong time zone makes.
        """
        if (self.status or "").upper() == DELIVERED:
            return True
        zone_limit = (self.received_at or time) + MAX_ZONE_ERROR
        return self.delivered_at is not None and self.delivered_at <= max(time, zone_limit)

    def get_status_display(self) -> str:
        """Return the label of the status, or the code itself if it is unknown."""
        return statuses.label(statuses.SHIPMENT, self.status)


class ShipmentItem(PricedLine):
    """A line of a shipment; `qty` is the number of pieces that were sent."""

    shipment: models.ForeignKey[Shipment, Shipment] = models.ForeignKey(
        Shipment, models.CASCADE, related_name="items", verbose_name=_("shipment")
    )
    qty = whole_number(_("sent"))

    if TYPE_CHECKING:
        shipment_id: int

    class Meta(PricedLine.Meta):
        verbose_name = _("shipment line")
        verbose_name_plural = _("shipment lines")


class Track(RowModel):
    """A tracking number of a shipment or of a return.

    A message carries one number at most, and a later message may carry another: tracks accumulate.

    Attributes:
        shipment: the shipment; None for the track of a return.
        rma: the return; None for the track of a shipment.
        tracking_number: in the spelling that was received first.
        normalized_number: the number without blanks and hyphens, in upper case; the database computes it. A document
            has one track for each, which the lock of its order ensures: a unique constraint would refuse the tables
            and the writes of former versions.
        carrier: a code such as "ups"; the set is open.
        tracking_url: as received; use `safe_tracking_url` for links.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    shipment: models.ForeignKey[Shipment | None, Shipment | None] = models.ForeignKey(
        Shipment, cascade, null=True, blank=True, related_name="tracks", verbose_name=_("shipment")
    )
    rma: models.ForeignKey[RMA | None, RMA | None] = models.ForeignKey(
        "stockhub_webhooks.RMA", cascade, null=True, blank=True, related_name="tracks", verbose_name=_("return")
    )
    tracking_number: models.CharField[str, str] = ExactCharField(_("tracking number"), max_length=255)
    normalized_number: models.Field[str, str] = models.GeneratedField(
        expression=normalized("tracking_number"), output_field=ExactCharField(max_length=255), db_persist=True
    )
    carrier = code(_("carrier"))
    method = code(_("method"))
    tracking_url: models.TextField[str | None, str | None] = models.TextField(_("tracking link"), null=True, blank=True)

    if TYPE_CHECKING:
        shipment_id: int | None
        rma_id: int | None

    class Meta:
        verbose_name = _("parcel number")
        verbose_name_plural = _("parcel numbers")
        indexes = [BeginningIndex(fields=["normalized_number"])]
        constraints = [
            models.UniqueConstraint(fields=["shipment", "tracking_number"], name="stockhub_track_of_shipment"),
            models.UniqueConstraint(fields=["rma", "tracking_number"], name="stockhub_track_of_rma"),
            models.CheckConstraint(
                condition=models.Q(shipment__isnull=True) ^ models.Q(rma__isnull=True), name="stockhub_track_of_one"
            ),
        ]

    def __str__(self) -> str:
        return visible(self.tracking_number)

    @property
    def safe_tracking_url(self) -> str:
        """The link if a page may offer it, else "": the value comes from outside and may be a `javascript:` link."""
        return safe_link(self.tracking_url)
