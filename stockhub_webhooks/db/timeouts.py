"""How long we wait for a database that does not answer, and whether it is worth asking once more.

The OPTIONS of a connection bound most of it (`checks.hanging_database`), but not a PostgreSQL that is there and says
nothing on an open connection: stopped, or waiting for a disk. Its machine goes on confirming what we send, so
`tcp_user_timeout` sees no fault, and `statement_timeout` is the server's own clock. Then the connection is cut here.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from typing import Any

from django.db import connections

from stockhub_webhooks.conf import conf

MAX_ATTEMPTS = 3
SLOW_SECONDS = 4.0
CHECK_SECONDS = 0.2


def should_retry(turn: int, began: float, tries: int = MAX_ATTEMPTS) -> bool:
    """Whether a step that the database called off should be taken again.

    A deadlock or a dead connection is told soon. What took long was a time-out: it would take as long again, and
    somebody waits.

    Args:
        turn: how many times it was taken, from 1.
        began: when it was taken first, on the clock of `time.monotonic`.
        tries: how many times it may be taken at most.
    """
    return turn < tries and time.monotonic() - began < min(SLOW_SECONDS, conf.DATABASE_TIMEOUT_SECONDS)


@contextmanager
def query_timeout(using: str) -> Iterator[None]:
    """Cut this thread's connection, with an error, if the block takes longer than `DATABASE_TIMEOUT_SECONDS`.

    Whether the database has done what it was asked is unknown, as with any connection that breaks. What is waited
    for before there is a connection has limits of its own (`connect_timeout`, a pool's `timeout`).
    """
    wait = _Wait(connections[using], time.monotonic() + conf.DATABASE_TIMEOUT_SECONDS)
    WATCHDOG.watch(wait)
    try:
        yield
    finally:
        WATCHDOG.forget(wait)


class _Wait:
    """Somebody waits for a connection, and no longer than until `until`."""

    def __init__(self, connection: Any, until: float) -> None:
        self.connection = connection
        self.until = until

    def cut(self) -> None:
        """End the connection from our side, under the waiting thread's hands. SQLite has nothing to cut."""
        with suppress(Exception):  # it may be gone by itself at this moment
            wire = socket.socket(fileno=os.dup(self.connection.connection.fileno()))
            with wire:
                wire.shutdown(socket.SHUT_RDWR)


class TimeoutWatchdog:
    """One thread a process that looks at the clock for all who wait; it is there only while somebody does."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waits: set[_Wait] = set()
        self._is_there = False

    def watch(self, wait: _Wait) -> None:
        """Cut the connection when its time is over."""
        with self._lock:
            self._waits.add(wait)
            if not self._is_there:
                Thread(target=self._run, name="stockhub-watchman", daemon=True).start()
                self._is_there = True

    def forget(self, wait: _Wait) -> None:
        """From here on its connection is not touched."""
        with self._lock:
            self._waits.discard(wait)

    def after_fork(self) -> None:
        """The child has none of the threads that wait, nor this one; somebody else may have held the lock."""
        self._lock, self._waits, self._is_there = Lock(), set(), False

    def _run(self) -> None:
        while True:
            time.sleep(CHECK_SECONDS)
            with self._lock:
                for wait in [wait for wait in self._waits if wait.until <= time.monotonic()]:
                    wait.cut()
                    self._waits.discard(wait)
                if not self._waits:
                    self._is_there = False
                    return


WATCHDOG = TimeoutWatchdog()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=WATCHDOG.after_fork)
