"""Tolerant parsing: from the exact bytes of a message to a `ParsedMessage`, without a database.

Only identifiers are required. An absent field is read as null. An unknown field or code is noted, and kept in the
stored body. A value that cannot be read is noted and left out, so that the former value stays.

One module for each topic: ``order``, ``shipment``, ``invoice``, ``rma``, ``credit_memo``, ``payment_request``. They
stand on ``tolerant`` (base classes), ``parts`` (lines, addresses, tracks), ``fields``, ``times`` and ``extra``. Before
that, ``body`` reads the JSON, with ``encodings`` and ``shapes``. ``identity`` and ``mentioned_numbers`` find numbers in
bodies that cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from stockhub_webhooks.contract import topics
from stockhub_webhooks.contract.documented import ALWAYS_SENT, ALWAYS_SENT_IN_ITEMS, ONLY_IN_REST, VERSIONS
from stockhub_webhooks.contract.recognition import recognise
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers import times
from stockhub_webhooks.serializers.body import ASKED_NUMBER, NEARBY_ADDRESS, NUMBERS, parse
from stockhub_webhooks.serializers.credit_memo import CreditMemoMessageSerializer
from stockhub_webhooks.serializers.fields import BodyNote, clean_text
from stockhub_webhooks.serializers.invoice import InvoiceMessageSerializer
from stockhub_webhooks.serializers.order import OrderMessageSerializer
from stockhub_webhooks.serializers.payment_request import PaymentRequestMessageSerializer
from stockhub_webhooks.serializers.rma import RMAMessageSerializer
from stockhub_webhooks.serializers.shapes import MAX_OTHER_NAMES, as_list, snake_case
from stockhub_webhooks.serializers.shipment import ShipmentMessageSerializer
from stockhub_webhooks.serializers.tolerant import (
    LINE_LIMIT,
    MessageSerializer,
    ParsedMessage,
    SeveralDocuments,
    limit_notes,
)

__all__ = [
    "BY_TOPIC",
    "NEEDS_ORDER",
    "BodyNote",
    "ParsedMessage",
    "SeveralDocuments",
    "identify",
    "read",
    "read_message",
]

BY_TOPIC: dict[str, MessageSerializer] = {
    topics.ORDER: OrderMessageSerializer(),
    topics.SHIPMENT: ShipmentMessageSerializer(),
    topics.INVOICE: InvoiceMessageSerializer(),
    topics.RMA: RMAMessageSerializer(),
    topics.CREDIT_MEMO: CreditMemoMessageSerializer(),
    topics.PAYMENT_REQUEST: PaymentRequestMessageSerializer(),
}

PULL = "pull"  # the source of a message that is the answer to a REST call

# These need the number of their order, beside their own.
NEEDS_ORDER = frozenset({topics.SHIPMENT, topics.INVOICE, topics.RMA, topics.CREDIT_MEMO})


# every name that some topic documents, at the top of a body and in its items
TOP_NAMES = frozenset().union(*(serializer.fields for serializer in BY_TOPIC.values()))
_LINE_LISTS: list[Any] = [serializer.fields["items"] for serializer in BY_TOPIC.values()]
ITEM_NAMES = frozenset().union(*(lines.child.fields for lines in _LINE_LISTS))


def read_message(message: Any) -> ParsedMessage:
    """Parse the body of a stored message.

    Args:
        message: a `Message`; `body`, `url_topic`, `headers` and `received_at` are used.

    Raises:
        Unreadable: as for `read`.
    """
    if message.source == PULL:
        with times.naive_times_in(timezone.utc):  # Magento's REST calls have no other
            parsed = read(bytes(message.body), message.url_topic, message.headers, message.received_at)
        _as_answer(parsed, message.headers)
    else:
        parsed = read(bytes(message.body), message.url_topic, message.headers, message.received_at)
    version = message.headers.get("x-version", "").strip()
    if version and version.upper() not in VERSIONS:
        parsed.notes.append(BodyNote("", "unknown_version", version[:40]))
    if path := message.headers.get(NEARBY_ADDRESS):
        parsed.notes.append(BodyNote("", "nearby_address", path[:60]))
    return parsed


def _as_answer(parsed: ParsedMessage, headers: Mapping[str, str]) -> None:
    """Read a document as the answer to a REST call, which lacks fields of a webhook and has some of its own."""
    own = ONLY_IN_REST.get(parsed.topic, frozenset())
    parsed.notes = [
        note
        for note in parsed.notes
        if note.code != "missing_field" and not (note.code == "unknown_field" and note.path in own)
    ]
    parsed.extra = {name: value for name, value in parsed.extra.items() if name not in own}
    parsed.po_number = parsed.po_number or headers.get(ASKED_NUMBER)


def read(
    body: bytes,
    url_topic: str = "",
    headers: Mapping[str, str] | None = None,
    received_at: datetime | None = None,
) -> ParsedMessage:
    """Parse a body that was received at the URL of `url_topic`.

    Args:
        body: the exact bytes.
        url_topic: the topic of the URL, "" for the shared URL.
        headers: the headers of the request, by their names in lower case.
        received_at: the time of receipt, which no time in the body should exceed; None if it is not known.

    Returns:
        The document, or `SeveralDocuments` if the body holds more than one.

    Raises:
        Unreadable: the body is not JSON, is not an object, has no known topic or has no identifiers.
    """
    documents, notes = parse(body, headers)
    if len(documents) > 1:
        texts = [document.text.encode(errors="replace") for document in documents]
        return SeveralDocuments(url_topic, "", notes=limit_notes(notes), texts=texts)
    data = _documented(documents[0].data, notes)
    with times.received_at(received_at):
        topic = _topic(data, url_topic)
        parsed = _parse_document(data, topic, url_topic, notes)
    if missing := _missing_fields(data, topic):
        parsed.notes = limit_notes([*parsed.notes, *(BodyNote(path, "missing_field") for path in missing)])
    return parsed


def _missing_fields(data: dict[str, Any], topic: str) -> list[str]:
    """Return the paths of fields that are in each documented message of the topic, but not in this one.

    A field that is missing from several items is given once, with the first of them.
    """
    missing: dict[str, str] = {}
    # quick for a documented message: two comparisons of sets, and one for each item
    if not data.keys() >= ALWAYS_SENT[topic]:
        aliases = BY_TOPIC[topic].ALIASES
        present = data.keys() | {aliases.get(snake_case(name)) for name in data}
        missing = {name: name for name in sorted(ALWAYS_SENT[topic] - present)}
    expected = ALWAYS_SENT_IN_ITEMS[topic]
    items = data.get("items")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and item and not item.keys() >= expected:
            for name in sorted(expected - item.keys()):
                missing.setdefault(f"items.{name}", f"items[{index}].{name}")
    return list(missing.values())


def identify(body: bytes, url_topic: str = "", headers: Mapping[str, str] | None = None) -> ParsedMessage:
    """Parse a body without its lines: enough to know its document, and cheap enough for refused deliveries.

    If the body holds several documents, the first one counts.

    Raises:
        Unreadable: as for `read`.
    """
    documents, notes = parse(body, headers)
    data = _documented(documents[0].data, notes)
    topic = _topic(data, url_topic)
    data.pop("items", None)
    return _parse_document(data, topic, url_topic, notes)


def _documented(data: dict[str, Any], notes: list[BodyNote]) -> dict[str, Any]:
    """Return the object with the names of the contract and its items as a list, for the topic depends on both."""
    if not data.keys() <= TOP_NAMES:
        data = _rename(data, TOP_NAMES, "", notes)
    items = data.get("items")
    if isinstance(items, dict):
        data["items"] = items = as_list(items)
        notes.append(BodyNote("items", "wrapped"))
    if isinstance(items, list):
        if len(items) > LINE_LIMIT:
            data["items"] = items = items[: LINE_LIMIT + 1]  # one more, so that it is noted
        for index, item in enumerate(items):
            if isinstance(item, dict) and not item.keys() <= ITEM_NAMES:
                items[index] = _rename(item, ITEM_NAMES, f"items[{index}]", notes)
    return data


def _rename(data: dict[str, Any], names: frozenset[str], path: str, notes: list[BodyNote]) -> dict[str, Any]:
    """Return the object with each name that is another spelling of one of `names` replaced by it."""
    renamed = {name: value for name, value in data.items() if name in names}
    others = [name for name in data if name not in names]
    for name in others[:MAX_OTHER_NAMES]:
        value, spelled = data[name], snake_case(name)
        if spelled in names and renamed.get(spelled) is None:
            renamed[spelled] = value
            notes.append(BodyNote(clean_text(name)[:60], "other_name", spelled).below(path))
        else:
            renamed[name] = value
    for name in others[MAX_OTHER_NAMES:]:
        renamed[name] = data[name]
    return renamed


def _topic(data: dict[str, Any], url_topic: str) -> str:
    topic = recognise(data, url_topic)
    if topic:
        return topic
    if url_topic and not any(data.get(name) for name in NUMBERS):
        raise _without_number(url_topic)
    raise Unreadable("no_topic", "the fields of the body fit no topic, or more than one")


def _without_number(topic: str) -> Unreadable:
    name = "purchase_order_increment_id" if topic == topics.PAYMENT_REQUEST else "increment_id"
    return Unreadable("no_identifier", f"the body has no number of its {topic} ({name})", topic=topic)


def _parse_document(data: dict[str, Any], topic: str, url_topic: str, notes: list[BodyNote]) -> ParsedMessage:
    parsed = BY_TOPIC[topic].parse_document(data)
    if not parsed.increment_id:
        raise _without_number(topic)
    if topic in NEEDS_ORDER and not parsed.order_increment_id:
        raise Unreadable(
            "no_identifier", "the body has no order_increment_id", topic=topic, increment_id=parsed.increment_id
        )
    if url_topic and topic != url_topic:
        parsed.notes.insert(0, BodyNote("", "topic_differs", url_topic))
    parsed.notes = limit_notes([*notes, *parsed.notes])
    return parsed
