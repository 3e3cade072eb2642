"""Tolerant parsing: from the exact bytes of a message to a `ParsedMessage`, without a database.

Only identifiers are required. An absent field is read as null. An unknown field or code is noted, and kept in the
stored body. A value that cannot be read is noted and left out, so that the former value stays.
"""

from __future__ import annotations

from typing import Any

from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers.body import parse
from stockhub_webhooks.serializers.credit_memo import CreditMemoMessageSerializer
from stockhub_webhooks.serializers.fields import Note
from stockhub_webhooks.serializers.invoice import InvoiceMessageSerializer
from stockhub_webhooks.serializers.order import OrderMessageSerializer
from stockhub_webhooks.serializers.payment_request import PaymentRequestMessageSerializer
from stockhub_webhooks.serializers.rma import RMAMessageSerializer
from stockhub_webhooks.serializers.shipment import ShipmentMessageSerializer
from stockhub_webhooks.serializers.tolerant import MessageSerializer, ParsedMessage, limit_notes

__all__ = ["BY_TOPIC", "NEEDS_ORDER", "Note", "ParsedMessage", "identify", "read"]

BY_TOPIC: dict[str, MessageSerializer] = {
    topics.ORDER: OrderMessageSerializer(),
    topics.SHIPMENT: ShipmentMessageSerializer(),
    topics.INVOICE: InvoiceMessageSerializer(),
    topics.RMA: RMAMessageSerializer(),
    topics.CREDIT_MEMO: CreditMemoMessageSerializer(),
    topics.PAYMENT_REQUEST: PaymentRequestMessageSerializer(),
}

# These need the number of their order, beside their own.
NEEDS_ORDER = frozenset({topics.SHIPMENT, topics.INVOICE, topics.RMA, topics.CREDIT_MEMO})


def read(body: bytes, url_topic: str = "") -> ParsedMessage:
    """Parse a body that was received at the URL of `url_topic` ("" for the shared URL).

    Raises:
        Unreadable: the body is not JSON, is not an object, has no known topic or has no identifiers.
    """
    data = parse(body)
    return _parse_document(data, _topic(data, url_topic), url_topic)


def identify(body: bytes, url_topic: str = "") -> ParsedMessage:
    """Parse a body without its lines: enough to know its document, and cheap enough for refused deliveries.

    Raises:
        Unreadable: as for `read`.
    """
    data = parse(body)
    topic = _topic(data, url_topic)
    data.pop("items", None)
    return _parse_document(data, topic, url_topic)


def _topic(data: dict[str, Any], url_topic: str) -> str:
    topic = topics.recognise(data, url_topic)
    if not topic:
        raise Unreadable("no_topic", "no field of the body belongs to one topic alone")
    return topic


def _parse_document(data: dict[str, Any], topic: str, url_topic: str) -> ParsedMessage:
    parsed = BY_TOPIC[topic].parse_document(data)
    if not parsed.increment_id:
        raise Unreadable("no_identifier", f"the body has no number of its {topic}", topic=topic)
    if topic in NEEDS_ORDER and not parsed.order_increment_id:
        raise Unreadable(
            "no_identifier", "the body has no order_increment_id", topic=topic, increment_id=parsed.increment_id
        )
    if url_topic and topic != url_topic:
        parsed.notes.insert(0, Note("", "topic_differs", url_topic))
    parsed.notes = limit_notes(parsed.notes)
    return parsed
