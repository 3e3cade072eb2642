"""Slow senders without a right key: they hold few threads of the server.

Under ASGI Django reads the body before it calls a view, and no thread waits for it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Condition

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks.exceptions import BodyTooLarge
from stockhub_webhooks.receiving import refusals
from stockhub_webhooks.receiving.incoming import declared_length, has_body, read_body

MAX_READERS = 3
PATIENCE_SECONDS = 0.5


class Readers:
    """Threads of this process that read the body of a refused request: a few, and one for an address.

    A burst of one sender is read in turn. If the reader before is slow, the next one is not waited for.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._since: dict[str, float] = {}

    @contextmanager
    def one(self, address: str) -> Iterator[bool]:
        """Yield True if this thread may read the body of a request from `address`."""
        with self._changed:
            since = self._since.get(address) or max(self._since.values(), default=0.0)
            may_read = self._changed.wait_for(
                lambda: address not in self._since and len(self._since) < MAX_READERS,
                timeout=since + PATIENCE_SECONDS - time.monotonic(),
            )
            if may_read:
                self._since[address] = time.monotonic()
        try:
            yield may_read
        finally:
            if may_read:
                with self._changed:
                    del self._since[address]
                    self._changed.notify_all()


readers = Readers()


@sensitive_variables()
def read_refused_body(request: HttpRequest, address: str) -> tuple[int | None, bytes | None]:
    """Return the size of a body without a right key, if it is known, and the body if it is read, as it may be kept."""
    declared = declared_length(request)
    if not has_body(request):
        return None, b""
    if not refusals.may_keep_body(declared):
        return declared or None, None
    with readers.one(address) as may_read:
        try:
            return None, read_body(request, refusals.KEPT_BODY_BYTES) if may_read else None
        except BodyTooLarge as too_large:
            return too_large.size, None


def stop_reading(request: HttpRequest) -> None:
    """End the reading side of a connection whose body was not read, after the answer was sent.

    Otherwise gunicorn waits up to some seconds for the rest of the body. Other servers, and TLS, are left alone.
    """
    connection = request.META.get("gunicorn.socket")
    is_shared = "gunicorn.http2.send_trailers" in request.META
    if has_body(request) and type(connection) is socket.socket and not is_shared:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)
