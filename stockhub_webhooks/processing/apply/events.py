"""Construction of the events for the changes of a document."""

from __future__ import annotations

from datetime import datetime

from stockhub_webhooks.delivery.subjects import PURCHASE_CHANGED
from stockhub_webhooks.models import Document, Event, Message, Order, Shipment
from stockhub_webhooks.processing.apply.changes import Changes, as_json

DELIVERED = "shipment.delivered"


def new_event(
    event_type: str,
    subject_id: int,
    changes: Changes,
    *,
    document: Document,
    order: Order | None,
    message: Message,
    occurred_at: datetime | None,
) -> Event:
    """Return an unsaved event.

    Args:
        event_type: such as "shipment.delivered".
        subject_id: primary key of the document, or of its item or track that changed.
        changes: old and new value by name.
        document: the document.
        order: the order of the document, or the order itself; None for a payment request without one.
        message: the message that the change comes from.
        occurred_at: aware; None if only the time of receipt is known.
    """
    return Event(
        type=event_type,
        account=message.account,
        order_id=document.pk if isinstance(document, Order) else getattr(document, "order_id", None),
        message=message,
        subject_id=subject_id,
        increment_id=document.increment_id,
        po_number=document.po_number or (order.po_number if order else None),
        changes=as_json(changes),
        occurred_at=occurred_at or message.received_at,
    )


def purchase_events(events: list[Event], left_order: Order | None = None) -> list[Event]:
    """Return the events `purchase.changed` that follow the events of a message; none without events or an order.

    Args:
        events: the events of the message.
        left_order: the order that the document belonged to before; its purchase has changed, too.
    """
    if not events or events[-1].order_id is None:
        return []
    numbers = {events[-1].order_id: events[-1].po_number}
    if left_order and (left_order.po_number or left_order.pk) != (events[-1].po_number or events[-1].order_id):
        numbers = {left_order.pk: left_order.po_number} | numbers
    return [_purchase_event(events[-1], order_id, po_number) for order_id, po_number in numbers.items()]


def _purchase_event(last: Event, order_id: int, po_number: str | None) -> Event:
    return Event(
        type=PURCHASE_CHANGED,
        account=last.account,
        order_id=order_id,
        message=last.message,
        subject_id=order_id,
        increment_id=last.increment_id,
        po_number=po_number,
        occurred_at=last.occurred_at,
        is_replay=last.is_replay,
    )


def delivered_changes(shipment: Shipment) -> Changes:
    """Return the changes of the event that a shipment was delivered."""
    return {"delivered_at": (None, shipment.delivered_at)} if shipment.delivered_at else {}
