"""Messages about invoices."""

from __future__ import annotations

from typing import ClassVar

from stockhub_webhooks.contract import topics
from stockhub_webhooks.serializers.parts import (
    MessageAddressSerializer,
    MessageLineSerializer,
    identifier,
    key,
    money,
    text,
    timestamp,
)
from stockhub_webhooks.serializers.tolerant import MessageSerializer


class InvoiceMessageSerializer(MessageSerializer):
    """The body of a message at the URL `invoice`."""

    TOPIC = topics.INVOICE
    ADDRESSES: ClassVar[tuple[str, ...]] = ("billing_address",)

    increment_id = identifier()
    order_increment_id = identifier()
    po_number = key()
    created_at = timestamp()
    updated_at = timestamp()
    currency = text()
    subtotal = money()
    shipping_price = money()
    grand_total = money()
    items = MessageLineSerializer(many=True, required=False, allow_null=True)
    billing_address = MessageAddressSerializer(required=False, allow_null=True)
