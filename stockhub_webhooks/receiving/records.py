"""A message as a line of text and back: what `stockhub_dump` writes, `stockhub_ingest` reads, and the spool keeps.

A record is a JSON object with the fields of `journal.SPOOLED`. `encoding` says how `body` is written: "text" where
it is UTF-8, "base64" where not, and base64 where nothing is said, as in a spool file.
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
SIGNS = {"uid", "received_at", "body"}  # no document of Stock Hub has all of them
TEXTS = ("url_topic", "topic", "account", "key_fingerprint", "remote_address", "source")
BATCH = 50  # bodies may be long
CORRECTED_FROM = "mended-from"  # our own header: the uid of the message that somebody mended


def is_record(data: Mapping[str, Any]) -> bool:
    """Whether an object is a record, rather than a bare body."""
    return data.keys() >= SIGNS


def line(message: Message) -> str:
    """A message as one line of JSON, without its end. The key that it came with is in none of its fields."""
    record = {name: getattr(message, name) for name in journal.SPOOLED if name != "body"}
    body = bytes(message.body)
    try:
        text, encoding = body.decode("utf-8"), TEXT
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(body).decode("ascii"), BASE64
    record |= {
        "uid": str(message.uid),
        "received_at": message.received_at.isoformat(),
        "headers": _kept(message.headers),
    }
    return json.dumps(record | {"encoding": encoding, "body": text})


def message(data: Mapping[str, Any]) -> Message:
    """The message in a record, not saved; what tells that it is the same one elsewhere is kept.

    Raises:
        ValueError: a field is missing, or is not what it should be; the text names it.
    """
    found = Message(
        uid=_uuid(data["uid"], "uid"), received_at=_received_at(data), body=_body(data), headers=_headers(data)
    )
    for name in TEXTS:
        value = data.get(name, getattr(found, name))
        if type(value) is not str:
            raise ValueError(f"{name} is no text")
        setattr(found, name, clean_text(value))
    try:
        found.clean_fields(exclude={field.name for field in Message._meta.fields} - set(TEXTS))
    except ValidationError as error:
        raise ValueError(f"{', '.join(sorted(error.message_dict))} missing, unknown or too long") from None
    return found


def since(start: datetime, until: datetime | None = None, topic: str = "") -> Iterator[Message]:
    """The messages that were received from `start` on and before `until`, in the order of their storing.

    They are fetched in small batches by their primary key: server-side cursors hold a transaction open, and MySQL's
    client has the whole answer in memory.
    """
    wanted = Message.objects.using(database_alias()).filter(received_at__gte=start).order_by("pk")
    if until:
        wanted = wanted.filter(received_at__lt=until)
    if topic:
        wanted = wanted.filter(topic=topic)
    last = 0
    while batch := list(wanted.filter(pk__gt=last)[:BATCH]):
        yield from batch
        last = batch[-1].pk


def _uuid(text: Any, name: str) -> UUID:
    try:
        return UUID(text)
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"{name} is no UUID") from None


def _received_at(data: Mapping[str, Any]) -> datetime:
    try:
        moment = parse_datetime(data["received_at"])
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("received_at is no time with a zone")
    return moment


def _body(data: Mapping[str, Any]) -> bytes:
    body, encoding = data["body"], data.get("encoding", BASE64)
    if not isinstance(body, str) or encoding not in (TEXT, BASE64):
        raise ValueError("body is no text, or encoding is neither text nor base64")
    try:
        return body.encode() if encoding == TEXT else base64.b64decode(body, validate=True)
    except ValueError:
        raise ValueError(f"body is not {encoding}") from None


def _headers(data: Mapping[str, Any]) -> dict[str, str]:
    headers = data.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ValueError("headers are no object of texts")
    return _kept(headers)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that are told on, never a key, wherever the record is from."""
    kept = journal.kept_headers(headers)
    if CORRECTED_FROM in headers:
        kept[CORRECTED_FROM] = str(_uuid(headers[CORRECTED_FROM], CORRECTED_FROM))
    return kept
