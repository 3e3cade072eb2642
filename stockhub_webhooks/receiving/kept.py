"""What is kept of a message: its headers, and the fields of its record."""

from __future__ import annotations

from collections.abc import Mapping

from stockhub_webhooks.serializers.fields import clean_text

KEPT_HEADERS = ("content-type", "content-encoding", "user-agent", "x-version", "x-request-id", "date")
HEADER_LIMIT = 255
SPOOLED = (
    "uid",
    "url_topic",
    "topic",
    "account",
    "body",
    "headers",
    "key_fingerprint",
    "remote_address",
    "source",
    "received_at",
)


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that are kept, by their names in lower case; the key is never among them."""
    return {name: clean_text(headers[name])[:HEADER_LIMIT] for name in KEPT_HEADERS if name in headers}
