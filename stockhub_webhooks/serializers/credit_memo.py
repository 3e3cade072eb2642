"""Messages about refunds (credit memos)."""

from __future__ import annotations

from typing import ClassVar

from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.serializers.parts import (
    MessageAddressSerializer,
    MessageLineSerializer,
    identifier,
    key,
    money,
    open_choice,
    text,
    timestamp,
)
from stockhub_webhooks.serializers.tolerant import MessageSerializer


class MessageCreditMemoLineSerializer(MessageLineSerializer):
    """A line of a credit memo."""

    reversal = open_choice(statuses.REVERSAL)
    return_item_fee = money()


class CreditMemoMessageSerializer(MessageSerializer):
    """The body of a message at the URL `creditmemo`.

    The contract does not say if `return_fee_amount` is subtracted from the total; a total below its parts is accepted.
    """

    TOPIC = topics.CREDIT_MEMO
    ADDRESSES: ClassVar[tuple[str, ...]] = ("billing_address",)
    ADDED: ClassVar[tuple[str, ...]] = ("subtotal", "shipping_price", "adjustment")
    SUBTRACTED: ClassVar[tuple[str, ...]] = ("fee_amount",)

    increment_id = identifier()
    order_increment_id = identifier()
    po_number = key()
    created_at = timestamp()
    updated_at = timestamp()
    currency = text()
    subtotal = money()
    shipping_price = money()
    adjustment = money()
    fee_amount = money()
    return_fee_amount = money()
    grand_total = money()
    items = MessageCreditMemoLineSerializer(many=True, required=False, allow_null=True)
    billing_address = MessageAddressSerializer(required=False, allow_null=True)
