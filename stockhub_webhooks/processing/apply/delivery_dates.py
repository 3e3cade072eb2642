"""When the delivery of a shipment is to be recorded, and whether it was."""

from __future__ import annotations

from stockhub_webhooks.models import Document, Message, Shipment
from stockhub_webhooks.processing.apply.changes import set_values


def was_recorded(document: Document, message: Message) -> bool:
    """Return True if `shipment.delivered` was recorded for the stored state of the shipment."""
    if not isinstance(document, Shipment):
        return False
    is_known = document.was_delivered_at(document.received_at or message.received_at)
    return is_known and document.due_at is None


def set_due(document: Document, message: Message) -> list[str]:
    """Set when `due_deliveries` is to record the delivery of a shipment; return the names of the changed fields.

    A delivery whose time has come, but which is not recorded yet, is due at once: this message may have no effect, and
    then records none.
    """
    if not isinstance(document, Shipment):
        return []
    due_at = document.delivered_at
    if document.is_delivered:
        due_at = message.received_at if document.due_at else None
    return list(set_values(document, {"due_at": due_at}))
