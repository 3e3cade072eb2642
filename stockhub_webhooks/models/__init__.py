"""Everything that is kept: messages, documents, and the ledger of events and receiver calls.

Documents: ``order``, ``shipment``, ``invoice``, ``rma``, ``credit_memo``, ``payment_request``, on ``documents``
(``owned_addresses``). Receiving: ``message`` (the journal), ``mentioned_number``, ``refusal``. Delivery: ``ledger``
(events and receiver calls), ``attempt``, ``booking``, ``receiver_state``, ``host_link``, ``missing_line``, and
``host_objects`` for the shop's own orders.

Work: ``work_request`` with ``replay``, ``pull``, ``bulk`` and ``export``; ``lock`` and ``backlog``. Office:
``worklists``, ``notes``, ``drift``, ``alarm``, ``site``. Search: ``numbers``, ``search_keys``. ``personal`` declares
what is personal and how long it is kept, ``erasure`` what was erased. ``base`` and ``accounts`` are the base classes.
"""

from stockhub_webhooks.models.alarm import Alarm
from stockhub_webhooks.models.attempt import Attempt
from stockhub_webhooks.models.backlog import BacklogTurn
from stockhub_webhooks.models.booking import BookedPurchase, Booking, FinishedStep
from stockhub_webhooks.models.bulk import BulkEntry, BulkRequest
from stockhub_webhooks.models.credit_memo import CreditMemo, CreditMemoItem
from stockhub_webhooks.models.documents import Address, Document, Line
from stockhub_webhooks.models.drift import Drift
from stockhub_webhooks.models.erasure import Erasure
from stockhub_webhooks.models.export import ExportPart, ExportRequest
from stockhub_webhooks.models.host_link import HostLink
from stockhub_webhooks.models.invoice import Invoice, InvoiceItem
from stockhub_webhooks.models.ledger import Event, Heartbeat, ReceiverCall
from stockhub_webhooks.models.lock import Lock
from stockhub_webhooks.models.mentioned_number import MentionedNumber
from stockhub_webhooks.models.message import Message, Topic
from stockhub_webhooks.models.missing_line import MissingLine
from stockhub_webhooks.models.notes import Note
from stockhub_webhooks.models.order import Order, OrderItem
from stockhub_webhooks.models.payment_request import PaymentRequest, PaymentRequestItem
from stockhub_webhooks.models.pull import AskedNumber, OrderAnswer, Pull
from stockhub_webhooks.models.receiver_state import ReceiverState
from stockhub_webhooks.models.refusal import MutedSender, Refusal, RefusalReason, RefusedBody
from stockhub_webhooks.models.replay import Replay
from stockhub_webhooks.models.rma import RMA, RMAItem
from stockhub_webhooks.models.shipment import Shipment, ShipmentItem, Track
from stockhub_webhooks.models.site import SiteAddress
from stockhub_webhooks.models.worklists import WorklistProgress, WorklistRow

__all__ = [
    "RMA",
    "Address",
    "Alarm",
    "AskedNumber",
    "Attempt",
    "BacklogTurn",
    "BookedPurchase",
    "Booking",
    "BulkEntry",
    "BulkRequest",
    "CreditMemo",
    "CreditMemoItem",
    "Document",
    "Drift",
    "Erasure",
    "Event",
    "ExportPart",
    "ExportRequest",
    "FinishedStep",
    "Heartbeat",
    "HostLink",
    "Invoice",
    "InvoiceItem",
    "Line",
    "Lock",
    "MentionedNumber",
    "Message",
    "MissingLine",
    "MutedSender",
    "Note",
    "Order",
    "OrderAnswer",
    "OrderItem",
    "PaymentRequest",
    "PaymentRequestItem",
    "Pull",
    "RMAItem",
    "ReceiverCall",
    "ReceiverState",
    "Refusal",
    "RefusalReason",
    "RefusedBody",
    "Replay",
    "Shipment",
    "ShipmentItem",
    "SiteAddress",
    "Topic",
    "Track",
    "WorklistProgress",
    "WorklistRow",
]
