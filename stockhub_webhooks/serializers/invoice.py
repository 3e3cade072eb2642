"""The invoice."""

from __future__ import annotations

from typing import ClassVar

from stockhub_webhooks.contract import topics
from stockhub_webhooks.serializers.fields import MomentField
from stockhub_webhooks.serializers.parts import AddressReader, LineReader, identifier, money, text
from stockhub_webhooks.serializers.reader import DocumentReader


class InvoiceReader(DocumentReader):
    """The body at `invoice`."""

    TOPIC = topics.INVOICE
    ADDRESSES: ClassVar[tuple[str, ...]] = ("billing_address",)

    increment_id = identifier()
    order_increment_id = identifier()
    po_number = text()
    created_at = MomentField(required=False, allow_null=True)
    updated_at = MomentField(required=False, allow_null=True)
    currency = text()
    subtotal = money()
    shipping_price = money()
    grand_total = money()
    items = LineReader(many=True, required=False, allow_null=True)
    billing_address = AddressReader(required=False, allow_null=True)
