"""The types of what receivers get; a type checker evaluates each `assert_type`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from stockhub_webhooks.events import ReceiverEvent
from stockhub_webhooks.models import (
    RMA,
    Address,
    CreditMemoItem,
    Event,
    FinishedStep,
    HostLink,
    Invoice,
    MentionedNumber,
    Message,
    MissingLine,
    Note,
    Order,
    OrderAnswer,
    OrderItem,
    PaymentRequest,
    ReceiverCall,
    RMAItem,
    Shipment,
    ShipmentItem,
    Track,
    WorklistRow,
)
from stockhub_webhooks.purchases import Purchase, purchase_of
from stockhub_webhooks.purchases.lines import PurchaseLine

if TYPE_CHECKING:
    from typing_extensions import assert_type


def of_documents(order: Order, shipment: Shipment, rma: RMA, request: PaymentRequest, address: Address) -> None:
    assert_type(shipment.id, int)
    assert_type(shipment.account, str)
    assert_type(shipment.is_test, bool)
    assert_type(shipment.increment_id, str)
    assert_type(shipment.po_number, str | None)
    assert_type(shipment.status, str | None)
    assert_type(shipment.delivered_at, datetime | None)
    assert_type(shipment.received_at, datetime | None)
    assert_type(shipment.shipping_address, Address | None)
    assert_type(shipment.order, Order)
    assert_type(shipment.order_id, int)
    assert_type(shipment.order.grand_total, Decimal | None)
    assert_type(shipment.get_status_display(), str)
    assert_type(rma.date_requested, datetime | None)
    assert_type(request.order, Order | None)
    assert_type(request.order_increment_id, str | None)
    assert_type(order.is_stub, bool)
    assert_type(order.shipping_address_id, int | None)
    assert_type(address.city, str | None)
    assert_type(address.lines, list[str])


def of_lines(item: OrderItem, returned: RMAItem, refunded: CreditMemoItem, track: Track) -> None:
    assert_type(item.position, int)
    assert_type(item.sku, str | None)
    assert_type(item.qty_ordered, int | None)
    assert_type(item.item_price_inc_tax, Decimal | None)
    assert_type(returned.item_id, str | None)
    assert_type(returned.rma, RMA)
    assert_type(refunded.credit_memo.order, Order)
    assert_type(track.tracking_number, str)
    assert_type(track.normalized_number, str)
    assert_type(track.tracking_url, str | None)
    assert_type(track.shipment, Shipment | None)
    assert_type(track.rma_id, int | None)


def of_reverse_relations(order: Order, shipment: Shipment, rma: RMA, message: Message) -> None:
    assert_type(order.items.first(), OrderItem | None)
    assert_type(order.shipments.get(), Shipment)
    assert_type(order.shipments.filter(status="DELIVERED").first(), Shipment | None)
    assert_type(order.invoices.first(), Invoice | None)
    assert_type(order.rmas.first(), RMA | None)
    assert_type(order.payment_requests.first(), PaymentRequest | None)
    assert_type(order.events.first(), Event | None)
    assert_type(order.receiver_calls.first(), ReceiverCall | None)
    assert_type(order.host_link, HostLink)
    assert_type(order.host_link.status, str)
    assert_type(order.host_link.missing_lines.get(), MissingLine)
    assert_type(order.items.get().missing_line, MissingLine)
    assert_type(order.notes.first(), Note | None)
    assert_type(order.worklist_rows.first(), WorklistRow | None)
    assert_type(order.rest_answer, OrderAnswer)
    assert_type(order.receiver_calls.get().finished_steps.get(), FinishedStep)
    assert_type(shipment.items.get(), ShipmentItem)
    assert_type(shipment.tracks.first(), Track | None)
    assert_type(rma.tracks.get().carrier, str | None)
    assert_type(message.events.get().receiver_calls.get(), ReceiverCall)
    assert_type(message.mentioned_numbers.get(), MentionedNumber)


def of_managers() -> None:
    assert_type(Order.objects.get(), Order)
    assert_type(Shipment.objects.filter(order__po_number="1").first(), Shipment | None)
    assert_type(Shipment.objects.real().first(), Shipment | None)
    assert_type(Message.objects.first(), Message | None)
    assert_type(Event.objects.first(), Event | None)
    assert_type(HostLink.objects.get().document, Order | PaymentRequest)


def of_the_ledger(event: ReceiverEvent, call: ReceiverCall) -> None:
    assert_type(event.id, int)
    assert_type(event.type, str)
    assert_type(event.occurred_at, datetime)
    assert_type(event.changes, MappingProxyType[str, tuple[Any, Any]])
    assert_type(event.po_number, str | None)
    assert_type(event.attempt, int)
    assert_type(event.idempotency_key, str)
    assert_type(call.status, str)
    assert_type(call.due_at, datetime | None)
    assert_type(call.event.received_at, datetime)
    assert_type(call.event.changes, dict[str, Any])


def of_purchases(event: ReceiverEvent, purchase: Purchase, item: OrderItem, shipment: Shipment, order: Order) -> None:
    assert_type(event.purchase, Purchase | None)
    assert_type(purchase_of("1"), Purchase | None)
    assert_type(purchase.po_number, str)
    assert_type(purchase.account, str)
    assert_type(purchase.all_sent, bool)
    assert_type(purchase.is_cancelled, bool)
    for each in purchase.orders:
        assert_type(each, Order)
    for line in purchase.lines:
        assert_type(line, PurchaseLine)
        assert_type(line.key, str)
        assert_type(line.ordered, int)
        assert_type(line.sent, int)
        assert_type(line.cancelled, int)
        assert_type(line.refunded, int)
        assert_type(event.book("sent", {line.key: line.sent})[line.key], int)
    assert_type(event.once("mail", list), None)
    assert_type(item.host_line, Any)
    assert_type(shipment.has_left, bool)
    assert_type(order.is_cancelled, bool)
