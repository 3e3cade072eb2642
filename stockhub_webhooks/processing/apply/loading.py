"""Load the stored document of a message under the lock of its order, which all messages of the order wait for."""

from __future__ import annotations

from typing import Any, NamedTuple

from stockhub_webhooks.db.writes import insert, save, select_for_update
from stockhub_webhooks.models import Message, Order
from stockhub_webhooks.processing.apply.changes import Changes, set_values
from stockhub_webhooks.processing.apply.document_types import DocumentType
from stockhub_webhooks.serializers import ParsedMessage


class Stored(NamedTuple):
    """What is stored of the document of a message.

    Attributes:
        order: the locked order that the message names, perhaps a stub that was just inserted; None if it names none, or
            if the message is the order itself and it is not stored yet.
        document: the document, or the order itself; None if it is not stored yet.
        order_changes: the number of the shop, if the order had none and a message about another document names it.
    """

    order: Order | None
    document: Any
    order_changes: Changes


def load(parsed: ParsedMessage, message: Message, document_type: DocumentType, using: str) -> Stored:
    """Lock and load the order, and load the document. A stub is inserted for an order that is not stored.

    An order without a number of the shop gets the one that a message about another document names.
    """
    if document_type.model is Order:
        order = select_for_update(Order, using, account=message.account, increment_id=parsed.increment_id)
        return Stored(order, order, {})
    number, order = parsed.order_increment_id, None
    changes: Changes = {}
    if number:
        order = select_for_update(Order, using, account=message.account, increment_id=number)
    if number and order is None:
        order = Order(account=message.account, increment_id=number, po_number=parsed.po_number)
        insert([order], using)
    elif order and parsed.po_number and not order.po_number:
        changes = set_values(order, {"po_number": parsed.po_number})
        save(order, list(changes), using)
    return Stored(order, _load_document(parsed, message, document_type, order, using), changes)


def _load_document(
    parsed: ParsedMessage, message: Message, document_type: DocumentType, order: Order | None, using: str
) -> Any:
    """Return the stored child of an order, locked with its own order, which the message may name wrongly."""
    number = {"account": message.account, "increment_id": parsed.increment_id}
    document = select_for_update(document_type.model, using, **number)
    if document and document.order_id and (order is None or document.order_id != order.pk):
        select_for_update(Order, using, id=document.order_id)
    return document
