"""The tolerant reader: from the exact bytes to a `Reading`, without a database.

Only identifiers are required. Absent is null; an unknown field or code is kept in the body and noted; a value
that cannot be read is left out, so that the former one stays, and is noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stockhub_webhooks.contract import topics
from stockhub_webhooks.contract.recognition import recognise
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers.body import NUMBERS, parse
from stockhub_webhooks.serializers.credit_memo import CreditMemoReader
from stockhub_webhooks.serializers.fields import Note
from stockhub_webhooks.serializers.invoice import InvoiceReader
from stockhub_webhooks.serializers.order import OrderReader
from stockhub_webhooks.serializers.payment_request import PaymentRequestReader
from stockhub_webhooks.serializers.reader import DocumentReader, ParsedMessage, capped
from stockhub_webhooks.serializers.rma import RMAReader
from stockhub_webhooks.serializers.shipment import ShipmentReader

__all__ = ["BY_TOPIC", "NEEDS_ORDER", "Note", "ParsedMessage", "identify", "read"]

BY_TOPIC: dict[str, DocumentReader] = {
    topics.ORDER: OrderReader(),
    topics.SHIPMENT: ShipmentReader(),
    topics.INVOICE: InvoiceReader(),
    topics.RMA: RMAReader(),
    topics.CREDIT_MEMO: CreditMemoReader(),
    topics.PAYMENT_REQUEST: PaymentRequestReader(),
}

# Every child is known by its own number and its order's; the others by one number alone.
NEEDS_ORDER = frozenset({topics.SHIPMENT, topics.INVOICE, topics.RMA, topics.CREDIT_MEMO})


def read(body: bytes, url_topic: str = "", headers: Mapping[str, str] | None = None) -> ParsedMessage:
    """What a body says that came in at the URL of `url_topic` ("" for the shared URL).

    Raises:
        Unreadable: it is not JSON, not an object, of no known topic, or has no identifiers.
    """
    data, notes = _document(body, headers)
    return _reading(data, _topic(data, url_topic), url_topic, notes)


def identify(body: bytes, url_topic: str = "", headers: Mapping[str, str] | None = None) -> ParsedMessage:
    """The same without the lines: enough to tell what it speaks of, and cheap enough for what nobody vouched for.

    Raises:
        Unreadable: as for `read`.
    """
    data, notes = _document(body, headers)
    topic = _topic(data, url_topic)
    data.pop("items", None)
    return _reading(data, topic, url_topic, notes)


def _document(body: bytes, headers: Mapping[str, str] | None) -> tuple[dict[str, Any], list[Note]]:
    documents, notes = parse(body, headers)
    if len(documents) > 1:
        raise Unreadable("not_an_object", f"it holds {len(documents)} documents")
    return documents[0].data, notes


def _topic(data: dict[str, Any], url_topic: str) -> str:
    topic = recognise(data, url_topic)
    if not topic and url_topic and not any(data.get(name) for name in NUMBERS):
        raise Unreadable("no_identifier", f"it has no number of its {url_topic}", topic=url_topic)
    if not topic:
        raise Unreadable("no_topic", "its fields fit no topic, or more than one")
    return topic


def _reading(data: dict[str, Any], topic: str, url_topic: str, notes: list[Note]) -> ParsedMessage:
    reading = BY_TOPIC[topic].reading(data)
    if not reading.increment_id:
        raise Unreadable("no_identifier", f"it has no number of its {topic}", topic=topic)
    if topic in NEEDS_ORDER and not reading.order_increment_id:
        raise Unreadable(
            "no_identifier", "it has no order_increment_id", topic=topic, increment_id=reading.increment_id
        )
    if url_topic and topic != url_topic:
        reading.notes.insert(0, Note("", "topic_differs", url_topic))
    reading.notes[:0] = notes
    reading.notes = capped(reading.notes)
    return reading
