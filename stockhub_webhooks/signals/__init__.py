"""The signals that a shop can connect its receivers to, and the arguments that each one passes.

All arguments are keywords, and a receiver needs `**kwargs`, since later versions may pass more. Every business signal
passes, besides the arguments that are listed with it:

- `sender` (a model class): the class of the document, or of the row that the signal is named after
- `order` (`models.Order`): the order of the document; None only for a payment request that names no order
  and for a number of the shop that Stock Hub never mentioned
- `event` (`events.ReceiverEvent`): the change as it was when it happened; the documents are read fresh for each call
- `signal` (`EventSignal`): the signal itself

A receiver is called after Stock Hub has its answer, in a transaction of its own, and again with growing pauses until
it returns. It may raise `RetryLater` or `PermanentFailure`.
"""

from stockhub_webhooks.signals.event_signal import ConnectedReceiver as ConnectedReceiver
from stockhub_webhooks.signals.event_signal import EventSignal as EventSignal
from stockhub_webhooks.signals.operational_signal import OperationalSignal as OperationalSignal

order_created = EventSignal("order")
"""An order was received for the first time; a stub, known only from its children, is silent until then.

Arguments:
    order (Order): the order.
"""

order_status_changed = EventSignal("order", "old_status", "new_status")
"""The status of an order changed after its creation.

Arguments:
    order (Order): the order.
    old_status (str | None): the status before.
    new_status (str | None): the status now.
"""

order_updated = EventSignal("order")
"""A message had any effect on an order or its lines after its creation.

It follows the specific signals of the same message, with all changes in `event.changes`: connect one or the other.

Arguments:
    order (Order): the order.
"""

shipment_created = EventSignal("shipment")
"""A shipment was received for the first time.

Arguments:
    shipment (Shipment): the shipment.
    order (Order): its order, which may be a stub.
"""

shipment_status_changed = EventSignal("shipment", "old_status", "new_status")
"""The status of a shipment changed after its creation.

Arguments:
    shipment (Shipment): the shipment.
    order (Order): its order, which may be a stub.
    old_status (str | None): the status before.
    new_status (str | None): the status now.
"""

shipment_updated = EventSignal("shipment")
"""A message had any effect on a shipment, its lines or its tracks after its creation.

It follows the specific signals of the same message, with all changes in `event.changes`: connect one or the other.

Arguments:
    shipment (Shipment): the shipment.
    order (Order): its order, which may be a stub.
"""

shipment_delivered = EventSignal("shipment")
"""A shipment has the status DELIVERED or a credible `delivered_at` for the first time, at its creation too.

A `delivered_at` counts if it is at most 14 hours ahead, or else once its time has come.

Arguments:
    shipment (Shipment): the shipment.
    order (Order): its order, which may be a stub.
"""

track_added = EventSignal("track", "shipment", "rma")
"""A tracking number was added to a shipment or to a return, at its creation too.

Arguments:
    track (Track): the tracking number with its carrier.
    shipment (Shipment | None): the shipment; None for the track of a return.
    rma (RMA | None): the return; None for the track of a shipment.
    order (Order): its order, which may be a stub.
"""

invoice_created = EventSignal("invoice")
"""An invoice was received for the first time.

Arguments:
    invoice (Invoice): the invoice.
    order (Order): its order, which may be a stub.
"""

invoice_updated = EventSignal("invoice")
"""A message had any effect on an invoice or its lines after its creation.

Arguments:
    invoice (Invoice): the invoice.
    order (Order): its order, which may be a stub.
"""

rma_created = EventSignal("rma")
"""A return was received for the first time.

Arguments:
    rma (RMA): the return.
    order (Order): its order, which may be a stub.
"""

rma_status_changed = EventSignal("rma", "old_status", "new_status")
"""The status of a return changed after its creation.

Arguments:
    rma (RMA): the return.
    order (Order): its order, which may be a stub.
    old_status (str | None): the status before.
    new_status (str | None): the status now.
"""

rma_updated = EventSignal("rma")
"""A message had any effect on a return, its items or its tracks after its creation.

It follows the specific signals of the same message, with all changes in `event.changes`: connect one or the other.

Arguments:
    rma (RMA): the return.
    order (Order): its order, which may be a stub.
"""

rma_item_status_changed = EventSignal("rma_item", "rma", "old_status", "new_status")
"""The status of an item of a return changed after the item's creation.

Arguments:
    rma_item (RMAItem): the item.
    rma (RMA): its return.
    order (Order): its order, which may be a stub.
    old_status (str | None): the status before.
    new_status (str | None): the status now.
"""

credit_memo_created = EventSignal("credit_memo")
"""A credit memo was received for the first time.

Arguments:
    credit_memo (CreditMemo): the credit memo.
    order (Order): its order, which may be a stub.
"""

credit_memo_updated = EventSignal("credit_memo")
"""A message had any effect on a credit memo or its lines after its creation.

Arguments:
    credit_memo (CreditMemo): the credit memo.
    order (Order): its order, which may be a stub.
"""

payment_requested = EventSignal("payment_request")
"""A payment request was received for the first time.

Arguments:
    payment_request (PaymentRequest): the request.
    order (Order | None): its order, which may be a stub; None if the request names no order.
"""

deadline_passed = EventSignal("document", "rule", "since")
"""Something did not proceed in time: a rule of the worklists holds for longer than `DEADLINE_DAYS` allows.

It is sent once for each document, rule and `since`. No message causes it, so `event.message_id` is None,
`event.received_at` is `since`, and `event.api_version` is empty. The sender is `models.WorklistRow`. When the receiver
is called, the condition may have ended meanwhile: look at the document.

Arguments:
    document (Order | Shipment | RMA | CreditMemo | PaymentRequest | None): the document; None for the rule
        `never_mentioned`, whose number is `event.po_number`.
    order (Order | None): its order, which may be a stub; None for a payment request that names no order, and for
        `never_mentioned`.
    rule (str): the rule, a key of `DEADLINE_DAYS`, such as "not_sent".
    since (datetime): when the condition began to hold, by what the documents say; aware.
"""

purchase_changed = EventSignal("purchase")
"""A message had any effect on a purchase: for receivers that write down what is true now.

It is sent once for each message with an effect, after all other signals of the message, and when the
time of a delivery has come. It is not sent for a payment request that names no order.

Arguments:
    purchase (Purchase): all orders with the shop's order number, as they are now, see `purchases.Purchase`.
    order (Order): the order that the message is about, which may be a stub.
"""

event_recorded = EventSignal()
"""Any event, besides its own signal; the sender is `models.Event`.

The arguments of the event's own signal are in `**kwargs`: only those that every signal passes can be required.

Arguments:
    order (Order | None): the order; None for a payment request that names no order, and for the rule
        `never_mentioned` of a deadline.
"""

BY_EVENT_TYPE: dict[str, EventSignal] = {
    "order.created": order_created,
    "order.status_changed": order_status_changed,
    "order.updated": order_updated,
    "shipment.created": shipment_created,
    "shipment.status_changed": shipment_status_changed,
    "shipment.updated": shipment_updated,
    "shipment.delivered": shipment_delivered,
    "track.added": track_added,
    "invoice.created": invoice_created,
    "invoice.updated": invoice_updated,
    "rma.created": rma_created,
    "rma.status_changed": rma_status_changed,
    "rma.updated": rma_updated,
    "rma_item.status_changed": rma_item_status_changed,
    "credit_memo.created": credit_memo_created,
    "credit_memo.updated": credit_memo_updated,
    "payment_request.created": payment_requested,
    "deadline.passed": deadline_passed,
    "purchase.changed": purchase_changed,
}

BY_NAME: dict[str, EventSignal] = {
    name: value for name, value in list(globals().items()) if isinstance(value, EventSignal)
}
for _name, _signal in BY_NAME.items():
    _signal.name = _name

# Operational signals are sent in the process where the fact occurs, and robustly, so that no receiver can make the
# work fail. Some are sent while Stock Hub waits for its answer: keep their receivers quick.

message_received = OperationalSignal()
"""A message was stored. Not sent for the parts that a stored message is split into.

Arguments:
    sender (type[Message]): the model.
    message (Message): the message, not parsed yet.
"""

message_processed = OperationalSignal()
"""An attempt to apply a message has ended; not sent for a replay.

Arguments:
    sender (type[Message]): the model.
    message (Message): the message; `status` and `outcome` have the result.
    seconds (float): duration of the attempt.
"""

message_quarantined = OperationalSignal()
"""A message was stored, but cannot be applied as it is.

Arguments:
    sender (type[Message]): the model.
    message (Message): the message.
    reason (str): a key of `exceptions.Unreadable.REASONS`.
"""

delivery_answered = OperationalSignal()
"""A delivery was answered, whatever the answer is.

Arguments:
    sender (type[Message]): the model.
    topic (str): topic of the URL; "" at the shared URL.
    status (int): HTTP status of the answer.
    seconds (float): time that Stock Hub waited for the answer.
"""

receiver_called = OperationalSignal()
"""A receiver was called.

Arguments:
    sender (type[ReceiverCall]): the model.
    call (ReceiverCall): the call; `status` has the result: done, given up, or pending if it will be called again.
        `cause` is "" unless the receiver failed.
    seconds (float): duration of the call.
"""

receiver_failed = OperationalSignal()
"""A receiver raised an error and will be called again.

Arguments:
    sender (type[ReceiverCall]): the model.
    call (ReceiverCall): the call.
    error (BaseException): the error; `SystemExit` if the receiver called `sys.exit`.
"""

receiver_gave_up = OperationalSignal()
"""A receiver call was given up: it failed too often, or raised `PermanentFailure`.

Arguments:
    sender (type[ReceiverCall]): the model.
    call (ReceiverCall): the call.
    reason (str): the reason.
"""

silence_detected = OperationalSignal()
"""No message came in for `SILENCE_AFTER_HOURS`; sent once, in the process that noticed it, until a message comes in.

Arguments:
    sender (type[Message]): the model.
    last_received_at (datetime): time of the last message, aware.
    open_hours (float): opening hours since then.
"""

backlog_detected = OperationalSignal()
"""Work is due for 15 minutes and not begun; sent once, in the process that noticed it, until the work is done.

Arguments:
    sender (type[Message]): the model.
    count (int): number of messages, receiver calls and spool files that are late.
    oldest_due_at (datetime): when the oldest of them was due, aware.
"""
