"""The order."""

from __future__ import annotations

from typing import ClassVar

from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.serializers.fields import MomentField, OpenChoiceField
from stockhub_webhooks.serializers.parts import AddressReader, PricedLineReader, identifier, money, text, whole_number
from stockhub_webhooks.serializers.reader import DocumentReader


class OrderLineReader(PricedLineReader):
    """A line of an order."""

    qty_ordered = whole_number()


class OrderReader(DocumentReader):
    """The body at `order`."""

    TOPIC = topics.ORDER
    ADDRESSES: ClassVar[tuple[str, ...]] = ("shipping_address", "billing_address")
    ADDED: ClassVar[tuple[str, ...]] = ("subtotal", "shipping_price")

    increment_id = identifier()
    po_number = text()
    status = OpenChoiceField(statuses.ORDER, max_length=255, required=False, allow_null=True)
    created_at = MomentField(required=False, allow_null=True)
    updated_at = MomentField(required=False, allow_null=True)
    currency = text()
    subtotal = money()
    shipping_price = money()
    grand_total = money()
    items = OrderLineReader(many=True, required=False, allow_null=True)
    shipping_address = AddressReader(required=False, allow_null=True)
    billing_address = AddressReader(required=False, allow_null=True)
