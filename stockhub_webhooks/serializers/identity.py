"""Which documents a body is about, even if it cannot be read as a message; for erasing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers import encodings, identify, read
from stockhub_webhooks.serializers.tolerant import SeveralDocuments

# a contract's name, with or without underscores and quotes, and what follows it
NUMBER = re.compile(
    r"""\b(order_?increment_?id|purchase_?order_?increment_?id|increment_?id)["'\\\s]*[:=]["'\\\s]*(?!null\b)([\w-]+)""",
    re.IGNORECASE,
)
PURCHASE_NUMBER = re.compile(r"""\bpo_?number["'\\\s]*[:=]["'\\\s]*(?!null\b)([\w-]+)""", re.IGNORECASE)
ORDER_FIELD = re.compile(r"\bqty_?ordered\b", re.IGNORECASE)  # no other document has it
ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
LENGTH = 9  # Stock Hub's numbers are padded to it
PURCHASE = "purchase"  # instead of a topic, with the shop's own order number


class Identity(NamedTuple):
    """A document: its topic, "" if it is not known, and Stock Hub's number; or `PURCHASE` and the shop's number."""

    topic: str
    number: str


def identities(body: bytes, url_topic: str = "", headers: Mapping[str, str] | None = None) -> set[Identity]:
    """Return the documents that a body names, and their orders.

    Args:
        body: the exact bytes.
        url_topic: the topic of the URL, "" for the shared URL.
        headers: the headers of the request, by their names in lower case.
    """
    headers = headers or {}
    try:
        parsed = read(body, url_topic, headers)
        if isinstance(parsed, SeveralDocuments):
            return {each for text in parsed.texts for each in identities(text, url_topic)}
        parsed = identify(body, url_topic, headers)
    except Unreadable:
        return set(_mentioned(text_of(body, headers), url_topic))
    found = {Identity(parsed.topic, parsed.increment_id)}
    if parsed.order_increment_id:
        found.add(Identity(topics.ORDER, parsed.order_increment_id))
    return found


def first_document(body: bytes, url_topic: str) -> Identity | None:
    """Return the first document of a body; None if it cannot be read."""
    try:
        parsed = identify(body, url_topic)
    except Unreadable:
        return None
    return Identity(parsed.topic, parsed.increment_id)


def without(
    body: bytes, url_topic: str, headers: Mapping[str, str] | None, is_unwanted: Callable[[bytes], bool]
) -> bytes:
    """Return the body without the documents that are unwanted; b"" if no other one is left.

    A body of which single documents cannot be read is removed as a whole.
    """
    try:
        parsed = read(body, url_topic, headers or {})
    except Unreadable:
        return b""
    if not isinstance(parsed, SeveralDocuments):
        return b""
    others = [text for text in parsed.texts if not is_unwanted(text)]
    return b"[" + b",".join(others) + b"]" if others else b""


def documents(body: bytes, url_topic: str, headers: Mapping[str, str]) -> list[tuple[str, set[Identity]]]:
    """Return the documents of a body, each as text with what it names; the whole body if it cannot be read."""
    try:
        parsed = read(body, url_topic, headers)
    except Unreadable:
        parsed = None
    if isinstance(parsed, SeveralDocuments):
        return [(text_of(text, {}), identities(text, url_topic)) for text in parsed.texts]
    return [(text_of(body, headers), identities(body, url_topic, headers))]


def text_of(body: bytes, headers: Mapping[str, str]) -> str:
    """Return the text of a body as far as it can be decoded, with JSON's escaped characters as themselves."""
    try:
        if compression := encodings.compression_of(body, headers.get("content-encoding", "")):
            body = encodings.unpack(body, compression, conf.MAX_BODY_BYTES)
        text = encodings.decode(body, headers.get("content-type", ""))[0]
    except Unreadable:
        text = body.decode("latin-1")
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _mentioned(text: str, url_topic: str) -> Iterator[Identity]:
    """Yield the numbers behind the contract's names; an object may be cut off or quoted.

    The shop's own number counts only if there is no other: the purchase may have an order that was not erased.
    """
    found = [(name.lower().replace("_", ""), number) for name, number in NUMBER.findall(text)]
    if not found:
        yield from (Identity(PURCHASE, number) for number in PURCHASE_NUMBER.findall(text))
    names = {name for name, _number in found}
    is_order = not url_topic and names == {"incrementid"} and ORDER_FIELD.search(text)
    own_topic = topics.ORDER if is_order else url_topic
    for name, number in found:
        topic = {"incrementid": own_topic, "orderincrementid": topics.ORDER}.get(name, topics.PAYMENT_REQUEST)
        yield Identity(topic, number)
        if number.isdigit():
            yield Identity(topic, number.zfill(LENGTH))
