"""Everything that is kept: messages, documents, and the ledger of events and receiver calls."""

from stockhub_webhooks.models.alarm import Alarm
from stockhub_webhooks.models.attempt import Attempt
from stockhub_webhooks.models.backlog import BacklogTurn
from stockhub_webhooks.models.booking import BookedPurchase, Booking, FinishedStep
from stockhub_webhooks.models.credit_memo import CreditMemo, CreditMemoItem
from stockhub_webhooks.models.documents import Address, Document, Line
from stockhub_webhooks.models.drift import Drift
from stockhub_webhooks.models.host_link import HostLink
from stockhub_webhooks.models.invoice import Invoice, InvoiceItem
from stockhub_webhooks.models.ledger import Event, Heartbeat, ReceiverCall
from stockhub_webhooks.models.lock import Lock
from stockhub_webhooks.models.message import Message, Topic
from stockhub_webhooks.models.missing_line import MissingLine
from stockhub_webhooks.models.order import Order, OrderItem
from stockhub_webhooks.models.payment_request import PaymentRequest, PaymentRequestItem
from stockhub_webhooks.models.receiver_state import ReceiverState
from stockhub_webhooks.models.refusal import Refusal, RefusalReason, RefusedBody
from stockhub_webhooks.models.replay import Replay
from stockhub_webhooks.models.rma import RMA, RMAItem
from stockhub_webhooks.models.shipment import Shipment, ShipmentItem, Track

__all__ = [
    "RMA",
    "Address",
    "Alarm",
    "Attempt",
    "BacklogTurn",
    "BookedPurchase",
    "Booking",
    "CreditMemo",
    "CreditMemoItem",
    "Document",
    "Drift",
    "Event",
    "FinishedStep",
    "Heartbeat",
    "HostLink",
    "Invoice",
    "InvoiceItem",
    "Line",
    "Lock",
    "Message",
    "MissingLine",
    "Order",
    "OrderItem",
    "PaymentRequest",
    "PaymentRequestItem",
    "RMAItem",
    "ReceiverCall",
    "ReceiverState",
    "Refusal",
    "RefusalReason",
    "RefusedBody",
    "Replay",
    "Shipment",
    "ShipmentItem",
    "Topic",
    "Track",
]
