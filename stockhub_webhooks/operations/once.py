"""Limit on the processes of `stockhub_worker --once`: cron starts one each minute, even if the former ones still run.

Each process has a slot, a `Lock` that it renews while it lives. If all slots are taken, a further process ends at once.
The claim on a slot names the process, so that one that was killed on this machine makes room without a wait.
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from django.db import Error as DatabaseFault

from stockhub_webhooks.db.connections import NOW, close_connection, database_alias
from stockhub_webhooks.db.timeouts import query_timeout, sqlite_busy_timeout
from stockhub_webhooks.models import Lock
from stockhub_webhooks.models.lock import acquire, release

SLOTS = ("once-1", "once-2", "once-3")
SLOT_SECONDS = 20.0
RENEW_SECONDS = 5.0
SQLITE_WAIT_SECONDS = 0.05  # a receiver of this process may hold the only place to write


class Slot:
    """A slot of this process, which lapses after `SLOT_SECONDS` without a renewal."""

    def __init__(self, name: str, token: UUID) -> None:
        self.name = name
        self.token = token
        self._renewed = time.monotonic()

    def renew_if_due(self) -> None:
        """Renew the slot every `RENEW_SECONDS`. A database that does not answer is asked again at the next renewal."""
        if time.monotonic() - self._renewed < RENEW_SECONDS:
            return
        using = database_alias()
        with suppress(DatabaseFault), query_timeout(using), sqlite_busy_timeout(using, SQLITE_WAIT_SECONDS):
            Lock.objects.using(using).filter(name=self.name, claim=self.token).update(acquired_at=NOW)
        close_connection(using)  # otherwise each process would hold two
        self._renewed = time.monotonic()

    def release(self) -> None:
        """Make room for another process."""
        using = database_alias()
        with suppress(DatabaseFault), query_timeout(using), sqlite_busy_timeout(using, SQLITE_WAIT_SECONDS):
            release(self.name, SLOT_SECONDS, self.token)
        close_connection(using)


def take_slot() -> Slot | None:
    """Return a slot for this process; None if `len(SLOTS)` others are at work.

    Raises:
        django.db.Error: the database does not answer.
    """
    token = _token()
    try:
        with query_timeout(database_alias()):
            for name in SLOTS:
                if acquire(name, SLOT_SECONDS, token) or _take_over(name, token):
                    return Slot(name, token)
        return None
    finally:
        close_connection(database_alias())


def _take_over(name: str, token: UUID) -> bool:
    """Take the slot of a process that was killed."""
    rows = Lock.objects.using(database_alias()).filter(name=name)
    holder = rows.values_list("claim", flat=True).first()
    if holder is None or not _was_killed(holder):
        return False
    return bool(rows.filter(claim=holder).update(acquired_at=NOW, claim=token))


def _token() -> UUID:
    return UUID(bytes=_machine() + os.getpid().to_bytes(4, "big") + os.urandom(4))


def _was_killed(holder: UUID) -> bool:
    """Return True if the process that a claim names is one of this machine, and is gone."""
    if os.name != "posix" or holder.bytes[:8] != _machine():
        return False
    try:
        os.kill(int.from_bytes(holder.bytes[8:12], "big"), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # such as a process of another user
        return False
    return False


def _machine() -> bytes:
    return hashlib.sha256(socket.gethostname().encode()).digest()[:8]


def end_within(seconds: float, code: int, *, unless: Callable[[], bool]) -> None:
    """End this process after `seconds`, even if threads of the shop's code keep it from ending.

    Args:
        seconds: the time to end by itself.
        code: the exit code.
        unless: asked after that time; True if the process works on.
    """

    def end() -> None:
        time.sleep(seconds)
        if not unless():
            os._exit(code)

    threading.Thread(target=end, name="stockhub-end", daemon=True).start()
