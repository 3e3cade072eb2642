"""Parcels of a purchase for display to the customer: no internal notes and no parcels of other customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.text import capfirst

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.exceptions import MultipleAccounts
from stockhub_webhooks.models import Order, Shipment, Track
from stockhub_webhooks.purchases import account_of, orders_of
from stockhub_webhooks.serializers.shapes import trimmed
from stockhub_webhooks.visible import visible

ABBREVIATION_LENGTH = 4  # carrier codes up to this length are shown in capitals, such as "UPS"
UNKNOWN_STATUS = "UNKNOWN"


@dataclass(frozen=True)
class OutboundParcel:
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


def parcels(order: Order | str, account: str | None = None) -> list[OutboundParcel]:
    """Return the parcels of an order's purchase, or of an order number, oldest first; never those of a test.

    Args:
        order: an `Order`, or the shop's own order number.
        account: whose order number it is. If it is None, and several accounts have the number, nothing is returned,
            since the parcels of one may be another customer's.
    """
    if isinstance(order, Order):
        account = order.account
    number = order.po_number or "" if isinstance(order, Order) else trimmed(order)
    try:
        account = account_of(number) if account is None else account
    except MultipleAccounts:
        return []
    if account is None or account == TEST_ACCOUNT:
        return []
    shipments = _shipments(number, account) if number else _fetch(Q(order=order.pk)) if isinstance(order, Order) else []
    return [parcel for shipment in shipments for parcel in _parcels_of(shipment)]


def _shipments(number: str, account: str) -> list[Shipment]:
    orders = [order.pk for order in orders_of(number, account)]
    # A shipment of these orders with another order number belongs to another customer.
    unnamed = Q(po_number__isnull=True) | Q(po_number="")
    return _fetch(Q(account=account, po_number=number) | (Q(order__in=orders) & unnamed))


def _fetch(condition: Q) -> list[Shipment]:
    return list(Shipment.objects.using(database_alias()).filter(condition).prefetch_related("tracks").order_by("pk"))


def _parcels_of(shipment: Shipment) -> list[OutboundParcel]:
    fields: dict[str, Any] = {
        "status": shipment.status or "",
        "status_in_words": _status_label(shipment),
        "is_delivered": shipment.is_delivered,
        "delivered_at": shipment.delivered_at,
    }
    tracks = sorted(shipment.tracks.all(), key=lambda track: int(track.pk))
    if not tracks:
        return [OutboundParcel("", "", "", **fields)]
    return [
        OutboundParcel(visible(track.tracking_number), visible(carrier_name(track)), track.safe_tracking_url, **fields)
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
    elif shipment.has_left and code == "READY_FOR_PICKUP":
        code = "IN_TRANSIT"  # the carrier has it by now
    return statuses.label(statuses.SHIPMENT, code) if code in statuses.SHIPMENT and code != UNKNOWN_STATUS else ""
