"""The order payment request (V2).

It has no number of its own: the purchase order's, else the order's, is its identity.
"""

from __future__ import annotations

from typing import Any, ClassVar

from stockhub_webhooks.contract import topics
from stockhub_webhooks.serializers.fields import MomentField, TextField
from stockhub_webhooks.serializers.parts import AddressReader, LineReader, identifier, money, text
from stockhub_webhooks.serializers.reader import DocumentReader, ParsedMessage, Reader


class PaymentRequestLineReader(LineReader):
    """A line that is to be paid."""

    external_reference = text()


class PaymentReader(Reader):
    """How it is to be paid, and the shop's own order number."""

    method = text()
    po_number = text()


class PaymentRequestReader(DocumentReader):
    """The body at `order-payment-request`."""

    TOPIC = topics.PAYMENT_REQUEST
    ADDRESSES: ClassVar[tuple[str, ...]] = ("shipping_address", "billing_address")

    order_increment_id = identifier()
    purchase_order_increment_id = identifier()
    pay_by_link = TextField(required=False, allow_null=True)
    created_at = MomentField(required=False, allow_null=True)
    payment = PaymentReader(required=False, allow_null=True)
    currency = text()
    subtotal = money()
    shipping_price = money()
    tax_amount = money()
    discount_amount = money()
    grand_total = money()
    items = PaymentRequestLineReader(many=True, required=False, allow_null=True)
    shipping_address = AddressReader(required=False, allow_null=True)
    billing_address = AddressReader(required=False, allow_null=True)

    def reading(self, data: dict[str, Any]) -> ParsedMessage:
        """As for every document, with the identity and the payment taken apart."""
        reading = super().reading(data)
        fields = reading.fields
        if "payment" in fields:
            payment = fields.pop("payment") or {"method": None}
            reading.po_number = payment.get("po_number")
            if "method" in payment:
                fields["payment_method"] = payment["method"]
        fields["order_increment_id"] = reading.order_increment_id
        reading.increment_id = fields.get("purchase_order_increment_id") or reading.order_increment_id or ""
        return reading
