"""Serializers of the stored documents. Fields have their contract names; amounts are text, times ISO 8601 in UTC.

Users who may not see personal data get `null` for each column that `models.personal` says is personal: addresses,
payment links, unknown fields; and for their values in changes.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from stockhub_webhooks.contrib.rest.bases import DocumentSerializer, ReadOnlySerializer, UTCDateTimeField
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.models import (
    RMA,
    Address,
    CreditMemo,
    CreditMemoItem,
    Event,
    Invoice,
    InvoiceItem,
    Order,
    OrderItem,
    PaymentRequest,
    PaymentRequestItem,
    RMAItem,
    Shipment,
    ShipmentItem,
    Track,
    search_keys,
)
from stockhub_webhooks.office.access import may_see_persons

LINE = ("sku", "parent_sku", "manufacturer", "size", "mpn")
PRICES = ("item_price_inc_tax", "row_total_inc_tax")
CHILD = ("increment_id", "po_number", "received_at", "extra", "cut")
TOTALS = ("currency", "subtotal", "shipping_price", "grand_total")


class AddressSerializer(ReadOnlySerializer):
    """An address."""

    class Meta:
        model = Address
        ref_name = "StockHubAddress"
        exclude = ("id", *search_keys.KEYS, "keys_due")


class TrackSerializer(ReadOnlySerializer):
    """A tracking number. The link is empty if it is not safe."""

    tracking_url = serializers.CharField(source="safe_tracking_url")

    class Meta:
        model = Track
        ref_name = "StockHubTrack"
        fields = ("tracking_number", "carrier", "method", "tracking_url")


class OrderItemSerializer(ReadOnlySerializer):
    """A line of an order."""

    class Meta:
        model = OrderItem
        ref_name = "StockHubOrderItem"
        fields = (*LINE, "qty_ordered", *PRICES)


class ShipmentItemSerializer(ReadOnlySerializer):
    """A line of a shipment."""

    class Meta:
        model = ShipmentItem
        ref_name = "StockHubShipmentItem"
        fields = (*LINE, "qty", *PRICES)


class InvoiceItemSerializer(ReadOnlySerializer):
    """A line of an invoice."""

    class Meta:
        model = InvoiceItem
        ref_name = "StockHubInvoiceItem"
        fields = (*LINE, "qty", *PRICES)


class RMAItemSerializer(ReadOnlySerializer):
    """An item of a return."""

    class Meta:
        model = RMAItem
        ref_name = "StockHubRMAItem"
        exclude = ("id", "rma", "position")


class CreditMemoItemSerializer(ReadOnlySerializer):
    """A refunded line."""

    class Meta:
        model = CreditMemoItem
        ref_name = "StockHubCreditMemoItem"
        fields = (*LINE, "qty", *PRICES, "reversal", "return_item_fee")


class PaymentRequestItemSerializer(ReadOnlySerializer):
    """A line that is to be paid."""

    class Meta:
        model = PaymentRequestItem
        ref_name = "StockHubPaymentRequestItem"
        fields = (*LINE, "qty", *PRICES, "external_reference")


class ShipmentSerializer(DocumentSerializer):
    """A shipment with its lines and tracking numbers."""

    items = ShipmentItemSerializer(many=True)
    tracks = TrackSerializer(many=True)
    shipping_address = AddressSerializer(allow_null=True)
    origin_address = AddressSerializer(allow_null=True)

    class Meta:
        model = Shipment
        ref_name = "StockHubShipment"
        fields = (
            *CHILD, "status", "created_at", "updated_at", "collected_at", "delivered_at", "currency",
            "items", "tracks", "shipping_address", "origin_address",
        )  # fmt: skip


class InvoiceSerializer(DocumentSerializer):
    """An invoice."""

    items = InvoiceItemSerializer(many=True)
    billing_address = AddressSerializer(allow_null=True)

    class Meta:
        model = Invoice
        ref_name = "StockHubInvoice"
        fields = (*CHILD, "created_at", "updated_at", *TOTALS, "items", "billing_address")


class RMASerializer(DocumentSerializer):
    """A return with its items and tracking numbers."""

    items = RMAItemSerializer(many=True)
    tracks = TrackSerializer(many=True)

    class Meta:
        model = RMA
        ref_name = "StockHubRMA"
        fields = (*CHILD, "status", "date_requested", "date_received", "date_processed", "currency", "items", "tracks")


class CreditMemoSerializer(DocumentSerializer):
    """A refund."""

    items = CreditMemoItemSerializer(many=True)
    billing_address = AddressSerializer(allow_null=True)

    class Meta:
        model = CreditMemo
        ref_name = "StockHubCreditMemo"
        fields = (
            *CHILD, "created_at", "updated_at", *TOTALS, "adjustment", "fee_amount", "return_fee_amount",
            "items", "billing_address",
        )  # fmt: skip


class PaymentRequestSerializer(DocumentSerializer):
    """A payment request; its link is personal data, since its page shows what the customer owes."""

    items = PaymentRequestItemSerializer(many=True)
    shipping_address = AddressSerializer(allow_null=True)
    billing_address = AddressSerializer(allow_null=True)

    class Meta:
        model = PaymentRequest
        ref_name = "StockHubPaymentRequest"
        fields = (
            *CHILD, "order_increment_id", "purchase_order_increment_id", "created_at", "payment_method", "pay_by_link",
            *TOTALS, "tax_amount", "discount_amount", "items", "shipping_address", "billing_address",
        )  # fmt: skip


class OrderSerializer(DocumentSerializer):
    """An order with its documents. If `is_stub` is true, the order itself was not received yet."""

    is_stub = serializers.BooleanField()
    is_test = serializers.BooleanField()
    items = OrderItemSerializer(many=True)
    shipping_address = AddressSerializer(allow_null=True)
    billing_address = AddressSerializer(allow_null=True)
    shipments = ShipmentSerializer(many=True)
    invoices = InvoiceSerializer(many=True)
    rmas = RMASerializer(many=True)
    credit_memos = CreditMemoSerializer(many=True)
    payment_requests = PaymentRequestSerializer(many=True)

    class Meta:
        model = Order
        ref_name = "StockHubOrder"
        fields = (
            "id", "account", "is_test", "is_stub", *CHILD, "status", "created_at", "updated_at", *TOTALS,
            "items", "shipping_address", "billing_address",
            "shipments", "invoices", "rmas", "credit_memos", "payment_requests",
        )  # fmt: skip


class EventSerializer(ReadOnlySerializer):
    """An event; `changes` has the old and the new value by field."""

    is_test = serializers.BooleanField()
    order_increment_id = serializers.CharField(source="order.increment_id", allow_null=True, default=None)
    received_at = UTCDateTimeField(read_only=True)
    changes = serializers.SerializerMethodField()

    class Meta:
        model = Event
        ref_name = "StockHubEvent"
        fields = (
            "id", "type", "account", "is_test", "is_replay", "increment_id", "order_increment_id", "po_number",
            "occurred_at", "received_at", "message", "changes",
        )  # fmt: skip

    def get_changes(self, event: Event) -> dict[str, list[Any]]:
        """Return the changes; users who may not see personal data get no values of personal columns."""
        if may_see_persons(self.context.get("request")):
            return dict(event.changes)
        subject = subject_of(event)
        return {name: [None, None] if subject.is_personal(name) else values for name, values in event.changes.items()}
