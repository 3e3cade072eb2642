"""The shipment, with its parcel's track."""

from __future__ import annotations

from typing import ClassVar

from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.serializers.fields import MomentField, OpenChoiceField
from stockhub_webhooks.serializers.parts import AddressReader, LineReader, TrackReader, identifier, text
from stockhub_webhooks.serializers.reader import DocumentReader


class ShipmentReader(DocumentReader):
    """The body at `shipment`. Its times come without a zone."""

    TOPIC = topics.SHIPMENT
    ADDRESSES: ClassVar[tuple[str, ...]] = ("shipping_address", "origin_address")

    increment_id = identifier()
    order_increment_id = identifier()
    po_number = text()
    status = OpenChoiceField(statuses.SHIPMENT, max_length=255, required=False, allow_null=True)
    created_at = MomentField(required=False, allow_null=True)
    updated_at = MomentField(required=False, allow_null=True)
    collected_at = MomentField(required=False, allow_null=True)
    delivered_at = MomentField(required=False, allow_null=True)
    currency = text()
    items = LineReader(many=True, required=False, allow_null=True)
    shipping_address = AddressReader(required=False, allow_null=True)
    origin_address = AddressReader(required=False, allow_null=True)
    track = TrackReader(required=False, allow_null=True)
