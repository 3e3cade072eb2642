"""Names of what is kept of a request: its headers, and the fields of a message in the spool and in records."""

from __future__ import annotations

from collections.abc import Mapping

from stockhub_webhooks.serializers.fields import clean_text

KEPT_HEADERS = ("content-type", "content-encoding", "user-agent", "x-version", "x-request-id", "date")
HEADER_LIMIT = 255  # characters of a header
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
