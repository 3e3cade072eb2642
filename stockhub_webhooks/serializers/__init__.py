"""Tolerant parsing: from the exact bytes of a message to a `ParsedMessage`, without a database.

Only identifiers are required. An absent field is read as null. An unknown field or code is noted, and kept in the
stored body. A value that cannot be read is noted and left out, so that the former value stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stockhub_webhooks.contract import topics
from stockhub_webhooks.contract.recognition import recognise
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers.body import NUMBERS, parse
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


def read(body: bytes, url_topic: str = "", headers: Mapping[str, str] | None = None) -> ParsedMessage:
    """Parse a body that was received at the URL of `url_topic`.

    Args:
        body: the exact bytes.
        url_topic: the topic of the URL, "" for the shared URL.
        headers: the headers of the request, by their names in lower case.

    Raises:
        Unreadable: the body is not JSON, is not an object, has no known topic or has no identifiers.
    """
    data, notes = _document(body, headers)
    return _parse_document(data, _topic(data, url_topic), url_topic, notes)


def identify(body: bytes, url_topic: str = "", headers: Mapping[str, str] | None = None) -> ParsedMessage:
    """Parse a body without its lines: enough to know its document, and cheap enough for refused deliveries.

    Raises:
        Unreadable: as for `read`.
    """
    data, notes = _document(body, headers)
    topic = _topic(data, url_topic)
    data.pop("items", None)
    return _parse_document(data, topic, url_topic, notes)


def _document(body: bytes, headers: Mapping[str, str] | None) -> tuple[dict[str, Any], list[Note]]:
    documents, notes = parse(body, headers)
    if len(documents) > 1:
        raise Unreadable("not_an_object", f"it holds {len(documents)} documents")
    return documents[0].data, notes


def _topic(data: dict[str, Any], url_topic: str) -> str:
    topic = recognise(data, url_topic)
    if topic:
        return topic
    if url_topic and not any(data.get(name) for name in NUMBERS):
        raise Unreadable("no_identifier", f"the body has no number of its {url_topic}", topic=url_topic)
    raise Unreadable("no_topic", "the fields of the body fit no topic, or more than one")


def _parse_document(data: dict[str, Any], topic: str, url_topic: str, notes: list[Note]) -> ParsedMessage:
    parsed = BY_TOPIC[topic].parse_document(data)
    if not parsed.increment_id:
        raise Unreadable("no_identifier", f"the body has no number of its {topic}", topic=topic)
    if topic in NEEDS_ORDER and not parsed.order_increment_id:
        raise Unreadable(
            "no_identifier", "the body has no order_increment_id", topic=topic, increment_id=parsed.increment_id
        )
    if url_topic and topic != url_topic:
        parsed.notes.insert(0, Note("", "topic_differs", url_topic))
    parsed.notes = limit_notes([*notes, *parsed.notes])
    return parsed
