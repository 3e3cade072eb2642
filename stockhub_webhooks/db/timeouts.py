"""Time limits for a database that does not answer, and the rule for retries.

The OPTIONS of a connection limit most waits (see `checks.hanging_database`), but not the wait for a PostgreSQL server
that is stopped or waits for its disk. The server's machine still confirms what we send, so `tcp_user_timeout` sees no
fault, and `statement_timeout` is measured by the server itself. Such a connection is cut here.
"""

from __future__ import annotations

import os
import socket
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Lock, Thread
from typing import Any

from django.db import Error as DatabaseFault
from django.db import OperationalError, connections
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.faults import chain
from stockhub_webhooks.exceptions import WriterBusy

MAX_ATTEMPTS = 3
SLOW_SECONDS = 4.0  # a step that took longer is not repeated
CHECK_SECONDS = 0.2  # between two looks of the watchdog
SQLITE_TIMEOUT_SECONDS = 5.0  # the default of Python's module
SENDER_WAIT_SECONDS = 2.0  # for another writer of a SQLite file


def should_retry(attempt: int, began: float, max_attempts: int = MAX_ATTEMPTS) -> bool:
    """Return True if a step that failed with a database error is worth another attempt.

    A deadlock or a dead connection fails soon. A step that took long was a timeout: it would take as long again, while
    a sender or a visitor waits.

    Args:
        attempt: the number of attempts so far, from 1.
        began: the start of the first attempt, by `time.monotonic`.
        max_attempts: the limit.
    """
    return attempt < max_attempts and time.monotonic() - began < min(SLOW_SECONDS, conf.DATABASE_TIMEOUT_SECONDS)


@contextmanager
def query_timeout(using: str) -> Iterator[None]:
    """Cut this thread's connection, with an error, if the block takes longer than `DATABASE_TIMEOUT_SECONDS`.

    The database may have executed the statement nevertheless, as with any connection that breaks. Opening a connection
    has limits of its own (`connect_timeout`, a pool's `timeout`).
    """
    wait = _Wait(connections[using], time.monotonic() + conf.DATABASE_TIMEOUT_SECONDS)
    WATCHDOG.watch(wait)
    try:
        with cursors_released(using):
            yield
    finally:
        WATCHDOG.forget(wait)


@contextmanager
def cursors_released(using: str) -> Iterator[None]:
    """Release the cursors of a statement that failed on SQLite at once, in the thread of its connection.

    Django's errors refer to their own frames, so the garbage collector would release the cursor, in any thread. A
    thread that writes would then wait for the connection of another thread, which itself waits to write, until the
    time-out of SQLite.
    """
    try:
        yield
    except DatabaseFault as fault:
        if connections[using].vendor == "sqlite":
            for error in chain(fault):
                traceback.clear_frames(error.__traceback__)
        raise


@contextmanager
def sqlite_busy_timeout(using: str, seconds: float) -> Iterator[None]:
    """Wait at most so many seconds for another writer of a SQLite file; without effect on other databases.

    Raises:
        django.db.OperationalError: the other writer took longer.
    """
    connection = connections[using]
    if connection.vendor != "sqlite":
        yield
        return
    usual = connection.settings_dict["OPTIONS"].get("timeout", SQLITE_TIMEOUT_SECONDS)
    _set_busy_timeout(connection, min(seconds, usual))
    try:
        with cursors_released(using):
            yield
    finally:
        if connection.connection is not None:
            _set_busy_timeout(connection, usual)


def _set_busy_timeout(connection: Any, seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


@contextmanager
def sender_timeout(using: str, received_at: datetime) -> Iterator[None]:
    """Limit the time that a request waits for another writer of a SQLite file, if there is a spool for its message.

    Args:
        using: the alias of the database.
        received_at: the start of the request, aware.

    Raises:
        WriterBusy: the other writer still writes `SENDER_WAIT_SECONDS` after the start of the request.
    """
    connection = connections[using]
    if connection.vendor != "sqlite" or not conf.SPOOL_DIR:
        yield
        return
    left = SENDER_WAIT_SECONDS - (timezone.now() - received_at).total_seconds()
    try:
        with sqlite_busy_timeout(using, min(max(left, 0), SENDER_WAIT_SECONDS)):
            yield
    except OperationalError as fault:
        if "database is locked" in str(fault):
            raise WriterBusy from fault
        raise


class _Wait:
    """A thread that waits for the database, until the time `until` at most."""

    def __init__(self, connection: Any, until: float) -> None:
        self.connection = connection
        self.until = until

    def cut(self) -> None:
        """Shut the connection's socket down, so that the waiting thread gets an error. SQLite has no socket."""
        # a duplicate, since closing the driver's own descriptor could free its number for another file;
        # and the connection may end by itself at this moment
        with suppress(Exception), socket.socket(fileno=os.dup(self.connection.connection.fileno())) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)


class TimeoutWatchdog:
    """Thread that watches the clock for all waits of this process. It runs only while there is one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waits: set[_Wait] = set()
        self._is_running = False

    def watch(self, wait: _Wait) -> None:
        """Start to watch a wait: its connection is cut when the time is over."""
        with self._lock:
            self._waits.add(wait)
            if not self._is_running:
                with suppress(RuntimeError):  # the system has no further thread: the next wait tries again
                    Thread(target=self._run, name="stockhub-timeout-watchdog", daemon=True).start()
                    self._is_running = True

    def forget(self, wait: _Wait) -> None:
        """Stop watching a wait; its connection is not touched any more."""
        with self._lock:
            self._waits.discard(wait)

    def after_fork(self) -> None:
        """Start with fresh state: threads do not survive a fork, and another thread may have held the lock."""
        self._lock, self._waits, self._is_running = Lock(), set(), False

    def _run(self) -> None:
        while True:
            time.sleep(CHECK_SECONDS)
            with self._lock:
                for wait in [wait for wait in self._waits if wait.until <= time.monotonic()]:
                    wait.cut()
                    self._waits.discard(wait)
                if not self._waits:
                    self._is_running = False
                    return


WATCHDOG = TimeoutWatchdog()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=WATCHDOG.after_fork)
