"""Messages about returns (RMA).

The contract gives them no `updated_at`: `processing.apply.progress` finds out which message is the newer one.
"""

from __future__ import annotations

from typing import ClassVar

from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.serializers.fields import ItemNumberField
from stockhub_webhooks.serializers.parts import (
    MessageGoodsSerializer,
    MessageTrackSerializer,
    identifier,
    key,
    money,
    open_choice,
    text,
    timestamp,
    whole_number,
)
from stockhub_webhooks.serializers.tolerant import MessageSerializer


class MessageRMALineSerializer(MessageGoodsSerializer):
    """An item of a return, identified by its `id`."""

    id = ItemNumberField(max_length=64, required=False, allow_null=True)
    resolution = text()
    reason = text()
    qty_requested = whole_number()
    qty_approved = whole_number()
    qty_returned = whole_number()
    color = text()
    merchant_product_reference = text()
    merchant_resolution = text()
    item_return_fee = money()
    row_line_return_fee = money()
    status = open_choice(statuses.RMA)


class RMAMessageSerializer(MessageSerializer):
    """The body of a message at the URL `rma`."""

    TOPIC = topics.RMA
    ALIASES: ClassVar[dict[str, str]] = {"tracks": "track"}

    increment_id = identifier()
    order_increment_id = identifier()
    po_number = key()
    status = open_choice(statuses.RMA)
    date_requested = timestamp()
    date_received = timestamp()
    date_processed = timestamp()
    currency = text()
    items = MessageRMALineSerializer(many=True, required=False, allow_null=True)
    track = MessageTrackSerializer(many=True, required=False, allow_null=True)
