"""Limit on the threads that read bodies of refused requests, so that slow senders cannot hold all threads.

Under ASGI Django reads the body before it calls a view, so no thread waits for it.
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
MAX_WAIT_SECONDS = 0.5


class BodyReaders:
    """Threads of this process that read the body of a refused request: `MAX_READERS` in all, and one for an address.

    Requests of one address are read one after the other. A request whose predecessor has been read for longer than
    `MAX_WAIT_SECONDS` is not read.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._since: dict[str, float] = {}  # address to the start of its reading

    @contextmanager
    def admit(self, address: str) -> Iterator[bool]:
        """Yield True if this thread may read the body of a request from `address`."""
        with self._changed:
            since = self._since.get(address) or max(self._since.values(), default=0.0)
            may_read = self._changed.wait_for(
                lambda: address not in self._since and len(self._since) < MAX_READERS,
                timeout=since + MAX_WAIT_SECONDS - time.monotonic(),
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


readers = BodyReaders()


@sensitive_variables()
def read_refused_body(request: HttpRequest, address: str) -> tuple[int | None, bytes | None]:
    """Return size and body of a refused request; the size is None if unknown, the body None if it was not read."""
    declared = declared_length(request)
    if not has_body(request):
        return None, b""
    if not refusals.may_keep_body(declared):
        return declared or None, None
    with readers.admit(address) as may_read:
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
