"""Where the parcels of a purchase are, as far as it concerns the customer: no internal notes, no other's parcels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.text import capfirst

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Order, Shipment, Track

ABBREVIATION = 4  # letters
NOTHING_SAID = "UNKNOWN"


@dataclass(frozen=True)
class Parcel:
    """One parcel on its way to the customer.

    Attributes:
        tracking_number: "" where the shipment has none yet.
        carrier: as people write it, such as "UPS"; "" where it is not known.
        tracking_url: where the carrier tells more; only ever http(s), else "".
        status: Stock Hub's code of the shipment, such as IN_TRANSIT.
        status_in_words: in the active language, "" where the code says nothing to a customer.
        delivered_at: aware, None while that is not told.
    """

    tracking_number: str
    carrier: str
    tracking_url: str
    status: str
    status_in_words: str
    is_delivered: bool
    delivered_at: datetime | None


def parcels(order: Order | str) -> list[Parcel]:
    """The parcels of an order, or of all orders of the shop's own number, oldest first. Three queries.

    Args:
        order: one of our rows, or the shop's own order number.
    """
    return [parcel for shipment in _shipments(order) for parcel in _of(shipment)]


def _shipments(order: Order | str) -> list[Shipment]:
    number = order.po_number if isinstance(order, Order) else order
    if not number:
        return _read(Q(order=order.pk)) if isinstance(order, Order) else []
    orders = Order.objects.using(database_alias()).filter(po_number=number)
    named = Q(po_number=number)
    if isinstance(order, Order):
        orders, named = orders.filter(account=order.account), named & Q(account=order.account)
    # a shipment that names another purchase of ours is another customer's
    unnamed = Q(po_number__isnull=True) | Q(po_number="")
    return _read(named | (Q(order__in=list(orders.values_list("pk", flat=True))) & unnamed))


def _read(which: Q) -> list[Shipment]:
    return list(Shipment.objects.using(database_alias()).filter(which).prefetch_related("tracks").order_by("pk"))


def _of(shipment: Shipment) -> list[Parcel]:
    code = shipment.status or ""
    told: dict[str, Any] = {
        "status": code,
        "status_in_words": _in_words(shipment),
        "is_delivered": shipment.is_delivered,
        "delivered_at": shipment.delivered_at,
    }
    tracks = sorted(shipment.tracks.all(), key=lambda track: int(track.pk))
    if not tracks:
        return [Parcel("", "", "", **told)]
    return [Parcel(track.tracking_number, carrier_name(track), track.safe_tracking_url, **told) for track in tracks]


def carrier_name(track: Track) -> str:
    """The carrier as people write it: `ups` is UPS, "" where it is not known."""
    text = track.carrier or ""
    return text.upper() if len(text) <= ABBREVIATION else str(capfirst(text))


def _in_words(shipment: Shipment) -> str:
    code = (shipment.status or "").upper()
    if shipment.is_delivered:
        code = "DELIVERED"
    return statuses.label(statuses.SHIPMENT, code) if code in statuses.SHIPMENT and code != NOTHING_SAID else ""
