"""Records: messages as lines of JSON, as `stockhub_dump` writes, `stockhub_ingest` reads and the spool keeps them.

A record is a JSON object with the fields of `journal.SPOOLED`. `encoding` says how `body` is written: "text" if it is
UTF-8, otherwise "base64". A record without `encoding`, such as a spool file, has base64.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import journal
from stockhub_webhooks.serializers.fields import clean_text

TEXT, BASE64 = "text", "base64"
REQUIRED = {"uid", "received_at", "body"}  # no document of Stock Hub has all of them
TEXT_FIELDS = ("url_topic", "topic", "account", "key_fingerprint", "remote_address", "source")
BATCH = 50  # bodies may be long
CORRECTED_FROM = "mended-from"  # our own header: the uid of the message that this one corrects


def is_record(data: Mapping[str, Any]) -> bool:
    """Return True if an object is a record, False if it is a bare body."""
    return data.keys() >= REQUIRED


def to_line(message: Message) -> str:
    """Return a message as one line of JSON, without a line break. None of its fields holds the sender's key."""
    record = {name: getattr(message, name) for name in journal.SPOOLED if name != "body"}
    body = bytes(message.body)
    try:
        text, encoding = body.decode("utf-8"), TEXT
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(body).decode("ascii"), BASE64
    record |= {
        "uid": str(message.uid),
        "received_at": message.received_at.isoformat(),
        "headers": _safe_headers(message.headers),
    }
    return json.dumps(record | {"encoding": encoding, "body": text})


def to_message(data: Mapping[str, Any]) -> Message:
    """Return the unsaved message of a record, with its own `uid`.

    Raises:
        ValueError: a field is missing or wrong; the text of the error names it.
    """
    message = Message(
        uid=_uuid(data["uid"], "uid"), received_at=_received_at(data), body=_body(data), headers=_headers(data)
    )
    for name in TEXT_FIELDS:
        value = data.get(name, getattr(message, name))
        if type(value) is not str:
            raise ValueError(f"{name} is not a text")
        setattr(message, name, clean_text(value))
    try:
        message.clean_fields(exclude={field.name for field in Message._meta.fields} - set(TEXT_FIELDS))
    except ValidationError as error:
        raise ValueError(f"{', '.join(sorted(error.message_dict))} missing, unknown or too long") from None
    return message


def received_since(start: datetime, until: datetime | None = None, topic: str = "") -> Iterator[Message]:
    """Yield the messages that were received from `start` on and before `until`, in the order of their primary keys.

    They are fetched in small batches: a server-side cursor would hold a transaction open, and MySQL's client would load
    all rows into memory.
    """
    messages = Message.objects.using(database_alias()).filter(received_at__gte=start).order_by("pk")
    if until:
        messages = messages.filter(received_at__lt=until)
    if topic:
        messages = messages.filter(topic=topic)
    last = 0
    while batch := list(messages.filter(pk__gt=last)[:BATCH]):
        yield from batch
        last = batch[-1].pk


def _uuid(text: Any, name: str) -> UUID:
    try:
        return UUID(text)
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"{name} is not a UUID") from None


def _received_at(data: Mapping[str, Any]) -> datetime:
    try:
        received_at = parse_datetime(data["received_at"])
    except (TypeError, ValueError):
        received_at = None
    if received_at is None or received_at.tzinfo is None:
        raise ValueError("received_at is not a time with a time zone")
    return received_at


def _body(data: Mapping[str, Any]) -> bytes:
    body, encoding = data["body"], data.get("encoding", BASE64)
    if not isinstance(body, str) or encoding not in (TEXT, BASE64):
        raise ValueError("body is not a text, or encoding is neither text nor base64")
    try:
        return body.encode() if encoding == TEXT else base64.b64decode(body, validate=True)
    except ValueError:
        raise ValueError(f"body is not {encoding}") from None


def _headers(data: Mapping[str, Any]) -> dict[str, str]:
    headers = data.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ValueError("headers is not an object of texts")
    return _safe_headers(headers)


def _safe_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a record may carry, never a key, wherever the record comes from."""
    kept = journal.kept_headers(headers)
    if CORRECTED_FROM in headers:
        kept[CORRECTED_FROM] = str(_uuid(headers[CORRECTED_FROM], CORRECTED_FROM))
    return kept
