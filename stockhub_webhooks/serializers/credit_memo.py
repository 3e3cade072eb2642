"""The refund (credit memo)."""

from __future__ import annotations

from typing import ClassVar

from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.serializers.fields import MomentField, OpenChoiceField
from stockhub_webhooks.serializers.parts import AddressReader, LineReader, identifier, money, text
from stockhub_webhooks.serializers.reader import DocumentReader


class CreditMemoLineReader(LineReader):
    """A refunded line."""

    reversal = OpenChoiceField(statuses.REVERSAL, max_length=255, required=False, allow_null=True)
    return_item_fee = money()


class CreditMemoReader(DocumentReader):
    """The body at `creditmemo`. Whether `return_fee_amount` is taken off too is documented nowhere: either is right."""

    TOPIC = topics.CREDIT_MEMO
    ADDRESSES: ClassVar[tuple[str, ...]] = ("billing_address",)
    ADDED: ClassVar[tuple[str, ...]] = ("subtotal", "shipping_price", "adjustment")
    TAKEN_OFF: ClassVar[tuple[str, ...]] = ("fee_amount",)
    PERHAPS_TAKEN_OFF = "return_fee_amount"

    increment_id = identifier()
    order_increment_id = identifier()
    po_number = text()
    created_at = MomentField(required=False, allow_null=True)
    updated_at = MomentField(required=False, allow_null=True)
    currency = text()
    subtotal = money()
    shipping_price = money()
    adjustment = money()
    fee_amount = money()
    return_fee_amount = money()
    grand_total = money()
    items = CreditMemoLineReader(many=True, required=False, allow_null=True)
    billing_address = AddressReader(required=False, allow_null=True)
