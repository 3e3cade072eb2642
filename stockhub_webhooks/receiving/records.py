"""Records: messages as lines of JSON, as `stockhub_dump` writes, `stockhub_ingest` reads and the spool keeps them.

A record is a JSON object with the fields of `SPOOLED`. `encoding` says how `body` is written: "text" if it is
UTF-8, otherwise "base64". A record without `encoding`, such as a spool file, has base64.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from stockhub_webhooks.conf import DEFAULT_ACCOUNT, conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving.dismissal import CORRECTED_FROM
from stockhub_webhooks.receiving.kept_fields import HEADER_LIMIT, SPOOLED, kept_headers
from stockhub_webhooks.serializers.body import ASKED_NUMBER, DECLARED_LENGTH, NEARBY_ADDRESS
from stockhub_webhooks.serializers.fields import EARLIEST, clean_text
from stockhub_webhooks.serializers.times import CLOCK_TOLERANCE

TEXT, BASE64 = "text", "base64"
REQUIRED = {"uid", "received_at", "body"}  # no document of Stock Hub has all of them
TEXT_FIELDS = ("url_topic", "topic", "account", "key_fingerprint", "remote_address", "source")
BATCH = 50  # bodies may be long
OWN_HEADERS = (NEARBY_ADDRESS, DECLARED_LENGTH, ASKED_NUMBER)  # headers of ours that say how a message was received


def is_record(data: Mapping[str, Any]) -> bool:
    """Return True if an object is a record, False if it is a bare body."""
    return data.keys() >= REQUIRED


def to_line(message: Message) -> str:
    """Return a message as one line of JSON, without a line break. None of its fields holds the sender's key."""
    record = {name: getattr(message, name) for name in SPOOLED if name != "body"}
    body = bytes(message.body)
    try:
        text, encoding = body.decode("utf-8"), TEXT
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(body).decode("ascii"), BASE64
    record |= {
        "uid": str(message.uid),
        "received_at": message.received_at.isoformat(),
        "headers": _safe_headers(_stored_headers(message.headers)),
    }
    return json.dumps(record | {"encoding": encoding, "body": text})


def to_message(data: Mapping[str, Any]) -> Message:
    """Return the unsaved message of a record, with its own `uid`.

    Raises:
        ValueError: a field is missing or wrong, the account is not configured, or the time of receipt is before 2000
            or in the future; the text of the error names the field.
    """
    if not is_record(data):
        raise ValueError(f"{', '.join(sorted(REQUIRED - data.keys()))} missing")
    message = Message(
        uid=_uuid(data["uid"], "uid"), received_at=_received_at(data), body=_body(data), headers=_headers(data)
    )
    for name in TEXT_FIELDS:
        setattr(message, name, clean_text(_text(data.get(name, getattr(message, name)), name)))
    try:
        message.clean_fields(exclude={field.name for field in Message._meta.fields} - set(TEXT_FIELDS))
    except ValidationError as error:
        raise ValueError(f"{', '.join(sorted(error.message_dict))} missing, unknown or too long") from None
    if message.account not in {*conf.accounts(), DEFAULT_ACCOUNT}:
        raise ValueError("account is not in API_KEYS")
    return message


def received_since(start: datetime, until: datetime | None = None, topic: str = "") -> Iterator[Message]:
    """Yield the messages that were received from `start` on and before `until`, in the order of their primary keys.

    Messages whose body was removed are left out. The others are fetched in small batches: a server-side cursor would
    hold a transaction open, and MySQL's client would load all rows into memory.
    """
    messages = Message.objects.using(database_alias()).filter(received_at__gte=start, body_removed_at=None)
    messages = messages.order_by("pk")
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


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a text")  # noqa: TRY004 - wrong data, as the others
    return value


def _received_at(data: Mapping[str, Any]) -> datetime:
    try:
        received_at = parse_datetime(data["received_at"])
    except (TypeError, ValueError):
        received_at = None
    if received_at is None or received_at.tzinfo is None:
        raise ValueError("received_at is not a time with a time zone")
    if not EARLIEST <= received_at <= timezone.now() + CLOCK_TOLERANCE:
        # such a message would count as newer than all that follow
        raise ValueError("received_at is before 2000 or in the future")
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


def _stored_headers(headers: Any) -> dict[str, str]:
    """Return the valid headers of a row: an invalid one must not stop a dump."""
    texts = {}
    for name, value in headers.items() if isinstance(headers, dict) else ():
        with suppress(ValueError):
            texts[name] = str(_uuid(value, name)) if name == CORRECTED_FROM else _text(value, name)
    return texts


def _safe_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a record may carry, never a key, wherever the record comes from."""
    kept = kept_headers(headers)
    kept |= {name: clean_text(headers[name])[:HEADER_LIMIT] for name in OWN_HEADERS if name in headers}
    if CORRECTED_FROM in headers:
        kept[CORRECTED_FROM] = str(_uuid(headers[CORRECTED_FROM], CORRECTED_FROM))
    return kept
