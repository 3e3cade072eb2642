"""Body, headers and remote address of a request, as its sender and the proxies gave them."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.http import HttpRequest
from django.http.request import HttpHeaders

from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract.addresses import KEY_HEADER
from stockhub_webhooks.exceptions import BodyTooLarge
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.receiving.kept_fields import HEADER_LIMIT, KEPT_HEADERS
from stockhub_webhooks.receiving.sentry_filter import keep_key_from_sentry
from stockhub_webhooks.serializers import encodings
from stockhub_webhooks.serializers.body import DECLARED_LENGTH
from stockhub_webhooks.serializers.fields import clean_text

logger = logger_of(__name__)

CHUNK_BYTES = 64 * 1024
DRAIN_BYTES = 8 * 1024 * 1024
MAX_DIGITS = 16  # of a declared length: the column of `Refusal.largest_body` holds no more
ADDRESS_LENGTH = 45
ADDRESS_AND_PORT = re.compile(r"\[(.+)\](?::\d+)?|([\d.]+):\d+")  # some proxies add the port
META_KEYS = {name: HttpHeaders.to_wsgi_name(name) for name in KEPT_HEADERS}


def take_key(request: HttpRequest) -> str | None:
    """Remove the `x-api-key` header from the request and return it: loggers of errors and requests must not see it.

    It is removed from `META` (the environ of WSGI), `request.headers` and the scope of ASGI.
    """
    keep_key_from_sentry()
    request.__dict__.pop("headers", None)  # a cached property
    scope = getattr(request, "scope", None)
    if scope is not None:
        scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() != KEY_HEADER.encode()]
    key: str | None = request.META.pop(HttpHeaders.to_wsgi_name(KEY_HEADER), None)
    return key


def sent_headers(request: HttpRequest) -> dict[str, str]:
    """Return the headers that are kept; `request.headers` would be built from all headers of the request."""
    return {name: request.META[key] for name, key in META_KEYS.items() if key in request.META}


def remote_address(request: HttpRequest) -> str:
    """Return the address of the client: of the connection, or as the outermost of `TRUSTED_PROXIES` saw it.

    Each proxy appends the address that it saw to `X-Forwarded-For`; a client can forge all entries before those.
    """
    peer = clean_text(str(request.META.get("REMOTE_ADDR") or ""))[:ADDRESS_LENGTH]
    proxies = conf.TRUSTED_PROXIES
    if proxies < 1:
        return peer
    entries = str(request.META.get("HTTP_X_FORWARDED_FOR") or "").rsplit(",", proxies)[-proxies:]
    return (forwarded_address(entries[0]) if len(entries) == proxies else "") or peer


def forwarded_address(entry: str) -> str:
    """Return the address in an entry of `X-Forwarded-For`, without port and zone, or "" if it has none."""
    parts = ADDRESS_AND_PORT.fullmatch(entry.strip())
    text = parts[1] or parts[2] if parts else entry.strip()
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return ""


def declared_length(request: HttpRequest) -> int:
    """Return the Content-Length in bytes, or 0 if it is missing or is no number."""
    text = str(request.META.get("CONTENT_LENGTH") or "")
    if not (text.isascii() and text.isdecimal()):
        return 0
    return int(text) if len(text) < MAX_DIGITS else 10**MAX_DIGITS


def is_chunked(request: HttpRequest) -> bool:
    """Return True if the body comes in chunks, without a declared length."""
    return "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()


def has_body(request: HttpRequest) -> bool:
    """Return True if the headers announce a body."""
    return declared_length(request) > 0 or is_chunked(request)


class _UwsgiChunks:
    """Chunked body under uWSGI, whose `wsgi.input` is empty then."""

    def read(self, _size: int) -> bytes:
        """Return the next chunk, b"" at the end."""
        chunk: bytes = sys.modules["uwsgi"].chunked_read()
        return chunk


def read_body(request: HttpRequest, limit: int) -> bytes:
    """Return the exact bytes of a body, chunked or not; if the body ends early, return what was received.

    `request.body` is empty for a chunked request under WSGI, and is limited by the host's DATA_UPLOAD_MAX_MEMORY_SIZE.

    Raises:
        BodyTooLarge: the body exceeds `limit` bytes. The rest is read and dropped, up to a limit, since a sender
            that is still writing would not read the answer.
    """
    stream: Any = request
    if is_chunked(request) and "wsgi.input" in request.META:
        stream = _UwsgiChunks() if "uwsgi" in sys.modules else request.META["wsgi.input"]
    declared = declared_length(request)
    oversized = declared > limit
    chunks: list[bytes] = []
    size = 0
    try:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if oversized or size > limit:
                oversized = True
                chunks.clear()
                if size > limit + DRAIN_BYTES:
                    break
            else:
                chunks.append(chunk)
    except Exception as error:  # an OSError, or a server's own kind, such as gunicorn's InvalidChunkSize
        logger.warning("a body ended early, after %s bytes (%s); what was received is used", size, type(error).__name__)
    if oversized:
        raise BodyTooLarge(max(size, declared))
    return b"".join(chunks)


def check_unpacked_size(body: bytes, headers: Mapping[str, str], limit: int) -> None:
    """Raise BodyTooLarge if a compressed body has more than `limit` bytes when unpacked; nothing of it is kept."""
    compression = encodings.compression_of(body, headers.get("content-encoding", ""))
    if compression and (size := encodings.unpacked_size(body, compression, limit)) > limit:
        raise BodyTooLarge(size, body)


def declared_length_header(request: HttpRequest, body: bytes) -> dict[str, str]:
    """Return a header of ours with the declared length if less of the body arrived; otherwise nothing."""
    declared = str(request.META.get("CONTENT_LENGTH") or "").strip()
    is_missing = not body and (declared.strip("0") or "HTTP_TRANSFER_ENCODING" in request.META)
    if is_missing or declared_length(request) > len(body):
        return {DECLARED_LENGTH: clean_text(declared)[:HEADER_LIMIT] or "chunked"}
    return {}
