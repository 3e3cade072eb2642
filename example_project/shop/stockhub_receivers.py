"""Receivers of this shop. The module is found by its name, as `admin.py` is.

Each receiver runs after Stock Hub has its answer, in a transaction. If it raises an error, it is called again, with
growing pauses, until it returns. The objects that it gets have their values of *now*; `event.changes` has those of the
event. A receiver that stores values of now does no harm if it is called late or twice.
"""

from datetime import timedelta

from django.dispatch import receiver
from django.utils import timezone

from shop import mail
from shop.models import ShopOrder
from stockhub_webhooks import signals
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import Invoice, Track

State = ShopOrder.State


def find_shop_order(po_number, order):
    """Return the shop's order for `event.host_order`. The setting `HOST_ORDER_RESOLVER` names this function."""
    return ShopOrder.objects.filter(number=po_number).first()


def shop_order_of(event):
    """Return the shop's order. If it is not committed yet, ask to be called again; after a day, give up."""
    if event.host_order is None and event.received_at < timezone.now() - timedelta(hours=24):
        raise PermanentFailure("this shop has no order of that number")
    return event.require_host_order(retry_seconds=60, lock=True)


@receiver([signals.order_created, signals.order_status_changed], dispatch_uid="shop.follow_order")
def follow_order(sender, *, order, event, **kwargs):
    if order.is_cancelled and not event.purchase.is_cancelled:
        return  # it was edited: another order of the purchase continues
    state = State.CANCELLED if order.is_cancelled else State.ACCEPTED
    shop_order_of(event).note(state=state, revive=not order.is_cancelled, stock_hub_status=order.status or "")


@receiver(signals.invoice_created, dispatch_uid="shop.note_invoice")
def note_invoice(sender, *, event, **kwargs):
    invoices = Invoice.objects.filter(order__in=event.purchase.orders)
    shop_order_of(event).note(invoiced=sum(invoice.grand_total or 0 for invoice in invoices))


@receiver(signals.track_added, dispatch_uid="shop.note_parcels")
def note_parcels(sender, *, shipment, event, **kwargs):
    if shipment is None:
        return  # the tracking number of a return
    tracks = Track.objects.filter(shipment__in=event.purchase.shipments).order_by("pk")
    lines = [f"{track.carrier or ''} {track.tracking_number}".strip() for track in tracks]
    shop_order_of(event).note(state=State.SENT, tracking="\n".join(lines))


@receiver(signals.shipment_delivered, dispatch_uid="shop.mark_delivered")
def mark_delivered(sender, *, event, **kwargs):
    if all(shipment.is_delivered for shipment in event.purchase.shipments):
        shop_order_of(event).note(state=State.DELIVERED)


@receiver(signals.shipment_delivered, dispatch_uid="shop.mail_customer")
def mail_customer(sender, *, event, **kwargs):
    """Mail the customer, but not about a replay or a delivery of days ago, since a mail cannot be undone."""
    if event.is_replay or event.received_at < timezone.now() - timedelta(hours=48):
        return
    shop_order = shop_order_of(event)
    mail.send(shop_order.customer_email, f"Delivered: {shop_order.number}", key=event.idempotency_key)


@receiver([signals.rma_created, signals.rma_status_changed], dispatch_uid="shop.follow_return")
def follow_return(sender, *, rma, event, **kwargs):
    shop_order_of(event).note(state=State.RETURNING, return_status=rma.status or "")


@receiver([signals.credit_memo_created, signals.credit_memo_updated], dispatch_uid="shop.propose_refund")
def propose_refund(sender, *, event, **kwargs):
    """Propose a refund: Stock Hub credits the shop, and the staff decides what the customer gets back."""
    total = sum(memo.grand_total or 0 for memo in event.purchase.credit_memos)
    shop_order_of(event).note(state=State.REFUND_PROPOSED, refund_proposal=total)
