"""Receivers, as a shop with strict types writes them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from stockhub_webhooks.events import ReceiverEvent
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater
from stockhub_webhooks.models import RMA, CreditMemo, Event, Order, OrderItem, PaymentRequest, RMAItem, Shipment, Track
from stockhub_webhooks.purchases import Purchase
from stockhub_webhooks.purchases.lines import PurchaseLine
from stockhub_webhooks.signals import (
    credit_memo_created,
    event_recorded,
    payment_requested,
    purchase_changed,
    rma_item_status_changed,
    shipment_delivered,
    track_added,
)

SHOP_LINES = {"sku-1": 7}  # the key of the shop's own line by article


def find_line(item: OrderItem, host_order: Any) -> int | None:
    """Resolve a line, as `HOST_LINE_RESOLVER` names it."""
    return SHOP_LINES.get(item.sku or "")


@receiver(shipment_delivered, dispatch_uid="typed_shop.mark_delivered")
def mark_delivered(
    sender: type[Shipment], *, shipment: Shipment, order: Order, event: ReceiverEvent, **kwargs: Any
) -> None:
    shop_order = event.require_host_order(retry_seconds=60)
    shop_order.delivered_at = shipment.delivered_at or event.occurred_at
    shop_order.pieces = sum(item.qty or 0 for item in shipment.items.all())
    shop_order.note = f"{order.increment_id} {(shipment.status or 'unknown').lower()}"
    if event.purchase is not None and event.purchase.is_cancelled:
        shop_order.note = ", ".join(each.increment_id for each in event.purchase.orders)
    shop_order.save()


@receiver(track_added, dispatch_uid="typed_shop.mail_track")
def mail_track(
    sender: type[Track],
    *,
    track: Track,
    shipment: Shipment | None,
    rma: RMA | None,
    event: ReceiverEvent,
    **kwargs: Any,
) -> None:
    if event.is_replay or event.is_test:
        return
    if shipment is None:
        raise PermanentFailure(f"no mail about the return {rma.increment_id if rma else '?'}")
    address = shipment.shipping_address
    if address is None or address.email is None:
        raise RetryLater(3600, "the shipment has no address yet")
    lines = [*address.lines, track.tracking_number, track.safe_tracking_url, track.carrier or ""]
    assert "\n".join(lines)


@receiver(rma_item_status_changed, dispatch_uid="typed_shop.restock")
def restock(
    sender: type[RMAItem], *, rma_item: RMAItem, rma: RMA, old_status: str | None, new_status: str | None, **kwargs: Any
) -> None:
    if (new_status or "").startswith("approved") and old_status != new_status:
        pieces = (rma_item.qty_returned or 0) - (rma_item.qty_approved or 0)
        requested = rma.date_requested or timezone.now()
        if requested < timezone.now() - timedelta(days=30) and pieces:
            raise PermanentFailure(f"{rma_item.sku} came back too late")


@receiver([credit_memo_created, payment_requested], dispatch_uid="typed_shop.book")
def book(
    sender: type[CreditMemo] | type[PaymentRequest],
    *,
    order: Order | None,
    event: ReceiverEvent,
    credit_memo: CreditMemo | None = None,
    payment_request: PaymentRequest | None = None,
    **kwargs: Any,
) -> None:
    amount = Decimal(0)
    if credit_memo is not None:
        amount -= credit_memo.grand_total or Decimal(0)
        amount += sum((item.return_item_fee or Decimal(0) for item in credit_memo.items.all()), Decimal(0))
    if payment_request is not None:
        amount += payment_request.grand_total or Decimal(0)
    currency = order.currency if order else None
    assert event.idempotency_key + f"{amount} {currency}"


@receiver(event_recorded, dispatch_uid="typed_shop.remember")
def remember(sender: type[Event], *, event: ReceiverEvent, order: Order | None, **kwargs: Any) -> None:
    for name, (old, new) in event.changes.items():
        assert isinstance(name, str)
        assert old != new
    if order is not None:
        undelivered = order.shipments.exclude(status="DELIVERED").order_by("created_at")
        numbers: list[str] = [shipment.increment_id for shipment in undelivered]
        assert all(numbers)


@receiver(purchase_changed, dispatch_uid="typed_shop.send_pieces")
def send_pieces(sender: type[Order], *, purchase: Purchase, order: Order, event: ReceiverEvent, **kwargs: Any) -> None:
    new = event.book("sent", {line.key: line.sent for line in purchase.lines})
    for line in purchase.lines:
        if line.host_line is not None and new[line.key]:
            event.once(f"mail {line.key}", partial(mail, line, new[line.key]))


def mail(line: PurchaseLine, pieces: int) -> str:
    return f"{pieces} of {line.ordered} {line.sku} ({line.size}) are on their way"
