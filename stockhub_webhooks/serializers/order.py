"""Messages about orders."""

from __future__ import annotations

from typing import ClassVar

from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.serializers.parts import (
    MessageAddressSerializer,
    MessagePricedLineSerializer,
    identifier,
    key,
    money,
    open_choice,
    text,
    timestamp,
    whole_number,
)
from stockhub_webhooks.serializers.tolerant import MessageSerializer


class MessageOrderLineSerializer(MessagePricedLineSerializer):
    """A line of an order."""

    qty_ordered = whole_number()


class OrderMessageSerializer(MessageSerializer):
    """The body of a message at the URL `order`."""

    TOPIC = topics.ORDER
    ADDRESSES: ClassVar[tuple[str, ...]] = ("shipping_address", "billing_address")
    ADDED: ClassVar[tuple[str, ...]] = ("subtotal", "shipping_price")

    increment_id = identifier()
    po_number = key()
    status = open_choice(statuses.ORDER)
    created_at = timestamp()
    updated_at = timestamp()
    currency = text()
    subtotal = money()
    shipping_price = money()
    grand_total = money()
    items = MessageOrderLineSerializer(many=True, required=False, allow_null=True)
    shipping_address = MessageAddressSerializer(required=False, allow_null=True)
    billing_address = MessageAddressSerializer(required=False, allow_null=True)
