"""Messages about order payment requests (V2).

The contract gives them no number of their own: the number of the purchase order, else that of the order, is used.
"""

from __future__ import annotations

from typing import Any, ClassVar

from stockhub_webhooks.contract import topics
from stockhub_webhooks.serializers.fields import TextField
from stockhub_webhooks.serializers.parts import (
    MessageAddressSerializer,
    MessageLineSerializer,
    identifier,
    key,
    money,
    text,
    timestamp,
)
from stockhub_webhooks.serializers.tolerant import MessageSerializer, ParsedMessage, TolerantSerializer


class MessagePaymentRequestLineSerializer(MessageLineSerializer):
    """A line of a payment request."""

    external_reference = text()


class MessagePaymentSerializer(TolerantSerializer):
    """The method of payment, and the shop's own order number."""

    method = text()
    po_number = key()


class PaymentRequestMessageSerializer(MessageSerializer):
    """The body of a message at the URL `order-payment-request`."""

    TOPIC = topics.PAYMENT_REQUEST
    ADDRESSES: ClassVar[tuple[str, ...]] = ("shipping_address", "billing_address")

    order_increment_id = identifier()
    purchase_order_increment_id = identifier()
    pay_by_link = TextField(required=False, allow_null=True)
    created_at = timestamp()
    payment = MessagePaymentSerializer(required=False, allow_null=True)
    currency = text()
    subtotal = money()
    shipping_price = money()
    tax_amount = money()
    discount_amount = money()
    grand_total = money()
    items = MessagePaymentRequestLineSerializer(many=True, required=False, allow_null=True)
    shipping_address = MessageAddressSerializer(required=False, allow_null=True)
    billing_address = MessageAddressSerializer(required=False, allow_null=True)

    def parse_document(self, data: dict[str, Any]) -> ParsedMessage:
        """Split the object into a `ParsedMessage`; set the number, and split `payment` into two fields."""
        parsed = super().parse_document(data)
        fields = parsed.fields
        if "payment" in fields:
            payment = fields.pop("payment") or {"method": None}
            parsed.po_number = payment.get("po_number")
            if "method" in payment:
                fields["payment_method"] = payment["method"]
        if parsed.order_increment_id:
            fields["order_increment_id"] = parsed.order_increment_id
        parsed.increment_id = fields.get("purchase_order_increment_id") or parsed.order_increment_id or ""
        return parsed
