"""Messages about shipments."""

from __future__ import annotations

from typing import ClassVar

from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.serializers.parts import (
    MessageAddressSerializer,
    MessageLineSerializer,
    MessageTrackSerializer,
    identifier,
    key,
    open_choice,
    text,
    timestamp,
)
from stockhub_webhooks.serializers.tolerant import MessageSerializer


class ShipmentMessageSerializer(MessageSerializer):
    """The body of a message at the URL `shipment`. Its times have no time zone."""

    TOPIC = topics.SHIPMENT
    ALIASES: ClassVar[dict[str, str]] = {"tracks": "track"}
    ADDRESSES: ClassVar[tuple[str, ...]] = ("shipping_address", "origin_address")

    increment_id = identifier()
    order_increment_id = identifier()
    po_number = key()
    status = open_choice(statuses.SHIPMENT)
    created_at = timestamp()
    updated_at = timestamp()
    collected_at = timestamp()
    delivered_at = timestamp()
    currency = text()
    items = MessageLineSerializer(many=True, required=False, allow_null=True)
    shipping_address = MessageAddressSerializer(required=False, allow_null=True)
    origin_address = MessageAddressSerializer(required=False, allow_null=True)
    track = MessageTrackSerializer(many=True, required=False, allow_null=True)
