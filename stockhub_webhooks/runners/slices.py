"""Slices of left-over work in the web processes: one thread of all processes at a time, with pauses.

So the pages of the shop stay fast while a backlog is worked off. In a slice, no message or receiver call is begun after
100 ms. The next slice, of any thread, begins only after a pause that is as long as the slice was.

The right to a slice is a claim on the one row of `BacklogTurn`. It is renewed before each message or call, lapses after
a second, and names the current work: while the row of that work is locked, its transaction lives, so that a second
thread does not begin beside a slow receiver.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Q, QuerySet

from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, close_if_broken, database_alias, from_now
from stockhub_webhooks.db.timeouts import query_timeout, sqlite_busy_timeout
from stockhub_webhooks.models import BacklogTurn, Message, ReceiverCall

SLICE_SECONDS = 0.1
BATCH = 10  # messages that are claimed together
CLAIM_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0  # a time further ahead means that the database clock was set back
SQLITE_WAIT_SECONDS = 0.05


class Slice(threading.Event):
    """A slice of time for left-over work; as an event it is set when the slice is over."""

    def __init__(self, token: uuid.UUID) -> None:
        super().__init__()
        self.token = token
        self.began = time.monotonic()

    def is_set(self) -> bool:
        """Return True if the slice is over."""
        return super().is_set() or time.monotonic() - self.began >= SLICE_SECONDS

    def begin(self, work: Message | ReceiverCall) -> None:
        """Renew the claim for the next piece of work. If the claim was lost, the slice ends after that work."""
        in_hand: dict[str, int | None] = {"message": None, "call": None}
        in_hand["message" if isinstance(work, Message) else "call"] = work.pk
        if not _turn().filter(claim=self.token).update(free_at=from_now(CLAIM_SECONDS), **in_hand):
            self.set()

    def end(self) -> None:
        """Release the claim; the next slice begins after a pause that is as long as this slice was."""
        pause = min(round(time.monotonic() - self.began, 3), LONGEST_PAUSE_SECONDS)
        free = {"claim": None, "message": None, "call": None, "free_at": from_now(pause)}
        _turn().filter(claim=self.token).update(**free)


@contextmanager
def one_slice() -> Iterator[Slice | None]:
    """Yield a slice of time for left-over work; None if another thread has the claim or the pause is not over."""
    current = _claim()
    try:
        yield current
    finally:
        if current:
            current.end()


def _claim() -> Slice | None:
    try:
        with query_timeout(database_alias()), sqlite_busy_timeout(database_alias(), SQLITE_WAIT_SECONDS):
            row = _free_row()
            if row is None or _is_working(row):
                return None
            token = uuid.uuid4()
            mine = {"claim": token, "free_at": from_now(CLAIM_SECONDS), "message": None, "call": None}
            claimed = leases.update_unlocked(_free().filter(claim=row.claim), **mine)
    except OperationalError:  # another transaction holds the row, or writes to the SQLite file
        close_if_broken(database_alias())
        return None
    return Slice(token) if claimed else None


def _free_row() -> BacklogTurn | None:
    """Return the row if it may be claimed; insert it at first."""
    if row := _free().first():
        return row
    if _turn().exists():
        return None
    _turn().bulk_create([BacklogTurn(free_at=NOW)], ignore_conflicts=True)
    return _free().first()


def _is_working(row: BacklogTurn) -> bool:
    """Return True if the transaction of the last thread still lives: the row of its work is locked."""
    using = database_alias()
    if row.message is not None:
        return _is_locked(Message.objects.using(using).filter(pk=row.message))
    return row.call is not None and _is_locked(ReceiverCall.objects.using(using).filter(pk=row.call))


def _is_locked(rows: Any) -> bool:
    if not rows.exists():
        return False
    try:
        with transaction.atomic(using=rows.db):
            return not leases.skip_locked(rows.only("pk"))
    except OperationalError:
        return True


def _turn() -> QuerySet[BacklogTurn]:
    return BacklogTurn.objects.using(database_alias()).filter(pk=1)


def _free() -> QuerySet[BacklogTurn]:
    return _turn().filter(Q(free_at__lte=NOW) | Q(free_at__gt=from_now(LONGEST_PAUSE_SECONDS)))
