"""Parcels of a purchase for display to the customer: no internal notes and no parcels of other customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.text import capfirst

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Order, Shipment, Track
from stockhub_webhooks.visible import visible

ABBREVIATION_LENGTH = 4  # carrier codes up to this length are shown in capitals, such as "UPS"
UNKNOWN_STATUS = "UNKNOWN"


@dataclass(frozen=True)
class Parcel:
    """Parcel to the customer.

    Attributes:
        tracking_number: with visible characters only; "" if the shipment has none yet.
        carrier: display name, such as "UPS"; "" if unknown.
        tracking_url: page of the carrier if the link is safe, else "".
        status: Stock Hub's code of the shipment, such as IN_TRANSIT.
        status_in_words: label in the active language; "" if the code is unknown.
        delivered_at: aware datetime; None if not received yet.
    """

    tracking_number: str
    carrier: str
    tracking_url: str
    status: str
    status_in_words: str
    is_delivered: bool
    delivered_at: datetime | None


def parcels(order: Order | str) -> list[Parcel]:
    """Return the parcels of an order's purchase, or of an order number, oldest first, in at most three queries.

    Args:
        order: an `Order`, or the shop's own order number.
    """
    return [parcel for shipment in _shipments(order) for parcel in _parcels_of(shipment)]


def _shipments(order: Order | str) -> list[Shipment]:
    number = order.po_number if isinstance(order, Order) else order
    if not number:
        return _fetch(Q(order=order.pk)) if isinstance(order, Order) else []
    orders = Order.objects.using(database_alias()).filter(po_number=number)
    named = Q(po_number=number)
    if isinstance(order, Order):
        orders, named = orders.filter(account=order.account), named & Q(account=order.account)
    # A shipment of these orders with another order number belongs to another customer.
    unnamed = Q(po_number__isnull=True) | Q(po_number="")
    return _fetch(named | (Q(order__in=list(orders.values_list("pk", flat=True))) & unnamed))


def _fetch(condition: Q) -> list[Shipment]:
    return list(Shipment.objects.using(database_alias()).filter(condition).prefetch_related("tracks").order_by("pk"))


def _parcels_of(shipment: Shipment) -> list[Parcel]:
    fields: dict[str, Any] = {
        "status": shipment.status or "",
        "status_in_words": _status_label(shipment),
        "is_delivered": shipment.is_delivered,
        "delivered_at": shipment.delivered_at,
    }
    tracks = sorted(shipment.tracks.all(), key=lambda track: int(track.pk))
    if not tracks:
        return [Parcel("", "", "", **fields)]
    return [
        Parcel(visible(track.tracking_number), visible(carrier_name(track)), track.safe_tracking_url, **fields)
        for track in tracks
    ]


def carrier_name(track: Track) -> str:
    """Return the display name of the carrier, such as "UPS" for `ups`; "" if unknown."""
    text = track.carrier or ""
    return text.upper() if len(text) <= ABBREVIATION_LENGTH else str(capfirst(text))


def _status_label(shipment: Shipment) -> str:
    code = (shipment.status or "").upper()
    if shipment.is_delivered:
        code = "DELIVERED"
    return statuses.label(statuses.SHIPMENT, code) if code in statuses.SHIPMENT and code != UNKNOWN_STATUS else ""
