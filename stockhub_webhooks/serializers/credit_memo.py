"""The refund (credit memo)."""

from __future__ import annotations

from typing import ClassVar

from stockhub_webhooks import statuses, topics
from stockhub_webhooks.serializers.fields import MomentField, Note, OpenChoiceField
from stockhub_webhooks.serializers.parts import AddressReader, LineReader, identifier, money, text
from stockhub_webhooks.serializers.reader import DocumentReader, Reading


class CreditMemoLineReader(LineReader):
    """A refunded line."""

    reversal = OpenChoiceField(statuses.REVERSAL, max_length=255, required=False, allow_null=True)
    return_item_fee = money()


class CreditMemoReader(DocumentReader):
    """The body at `creditmemo`."""

    TOPIC = topics.CREDIT_MEMO
    ADDRESSES: ClassVar[tuple[str, ...]] = ("billing_address",)

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

    def check_amounts(self, reading: Reading) -> None:
        """grand_total = subtotal + shipping_price + adjustment − fee_amount.

        Whether `return_fee_amount` is taken off as well is documented nowhere, so either is right.
        """
        total, subtotal, shipping, adjustment, fee, return_fee = (
            reading.fields.get(name)
            for name in ("grand_total", "subtotal", "shipping_price", "adjustment", "fee_amount", "return_fee_amount")
        )
        if None in (total, subtotal, shipping, adjustment, fee):
            return
        due = subtotal + shipping + adjustment - fee
        if total not in (due, due - (return_fee or 0)):
            reading.notes.append(Note("grand_total", "amounts_differ"))
