"""Properties of the documents of each topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import (
    RMA,
    CreditMemo,
    CreditMemoItem,
    Invoice,
    InvoiceItem,
    Order,
    OrderItem,
    PaymentRequest,
    PaymentRequestItem,
    RMAItem,
    Shipment,
    ShipmentItem,
)


@dataclass(frozen=True)
class DocumentType:
    """Models of one topic and what its documents have."""

    name: str  # in event types, and of the foreign key of its lines and tracks
    model: type[Any]
    item_model: type[Any]
    has_status: bool = False
    has_tracks: bool = False
    has_update_events: bool = True
    numbered_items: bool = False  # lines match by the sender's `id`, not by SKU and size
    # null until known, and not null again later: without an `updated_at`, they show which message is the newer one
    progress_fields: tuple[str, ...] = ()
    item_progress_fields: tuple[str, ...] = ()


BY_TOPIC: dict[str, DocumentType] = {
    topics.ORDER: DocumentType("order", Order, OrderItem, has_status=True),
    topics.SHIPMENT: DocumentType("shipment", Shipment, ShipmentItem, has_status=True, has_tracks=True),
    topics.INVOICE: DocumentType("invoice", Invoice, InvoiceItem),
    topics.RMA: DocumentType(
        "rma",
        RMA,
        RMAItem,
        has_status=True,
        has_tracks=True,
        numbered_items=True,
        progress_fields=("date_received", "date_processed"),
        item_progress_fields=("qty_approved", "qty_returned"),
    ),
    topics.CREDIT_MEMO: DocumentType("credit_memo", CreditMemo, CreditMemoItem),
    topics.PAYMENT_REQUEST: DocumentType(
        "payment_request", PaymentRequest, PaymentRequestItem, has_update_events=False
    ),
}
