"""Leases on rows of work: claim them with a token, and release them.

A row is *open* while `due_at` is set. A process claims it: it writes a token of its own into `claim`, and the end of
its lease into `due_at`. Each later change of the row is conditional on the token. The lease is short and not renewed
by a heartbeat: the transaction that does the work begins with an UPDATE of the row, and its row lock keeps other
processes away for as long as the work takes.

A claim has *lapsed* if the lease is over and the row is not locked. The next process takes the row over at once, alone,
and counts no attempt, since the work may not have been begun; the row becomes a suspect. If the claim of a suspect
lapses, the row killed its process: that is a failed attempt.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any
from weakref import WeakSet

from django.db import Error as DatabaseFault
from django.db import OperationalError, connections, models, transaction
from django.db.models import F

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import (
    NOW,
    close_if_broken,
    from_now,
    with_retries,
    write_transaction,
)
from stockhub_webhooks.db.faults import is_read_only
from stockhub_webhooks.db.row_locks import is_lock_error
from stockhub_webhooks.db.timeouts import query_timeout

MAX_LOST_CLAIMS = 1000
# an UPDATE for each claim that may have been executed even if its answer was lost
_lost_claims: deque[Callable[[], int]] = deque(maxlen=MAX_LOST_CLAIMS)
_releasing_lost = threading.Lock()
_claims: WeakSet[Claim] = WeakSet()  # of this process


class Claim:
    """Rows that one process claimed with one token. Iterate over it to work on them, one after the other.

    Attributes:
        token: the value of the rows' `claim`.
        rows: the rows that are not begun yet.
    """

    def __init__(self, token: uuid.UUID, rows: list[Any], release: Callable[[list[Any]], None]) -> None:
        self.token = token
        self.rows = rows
        self._release = release
        _claims.add(self)

    def __iter__(self) -> Iterator[Any]:
        while self.rows:
            yield self.rows.pop(0)

    def finish(self, rows: list[Any]) -> None:
        """Remove rows from the claim, since the caller has finished their work."""
        self.rows = [row for row in self.rows if row not in rows]

    def release(self) -> None:
        """Release the rows that were not begun: they are due again, and no attempt is counted."""
        rows, self.rows = self.rows, []
        if rows:
            self._release(rows)


def claim_values(token: uuid.UUID) -> dict[str, Any]:
    """Return what a claim writes to each model with a lease."""
    return {"claim": token, "due_at": from_now(conf.LEASE_SECONDS)}


def claim_waiting(rows: models.QuerySet[Any], token: uuid.UUID, **values: Any) -> int:
    """Claim rows by one UPDATE; return their number, 0 if another process was first.

    If the answer of the UPDATE is lost, the token shows whether it was executed.

    Args:
        rows: the rows, with the condition that they are not claimed.
        token: the token of the claim.
        values: further fields to set; `due_at` for another lease than `LEASE_SECONDS`.
    """
    mine = rows.model._base_manager.using(rows.db).filter(claim=token)
    attempts = 0

    def step() -> int:
        nonlocal attempts
        attempts += 1
        claimed = rows.update(**claim_values(token) | values)
        return mine.count() if attempts > 1 else claimed

    try:
        return with_retries(step)
    except OperationalError:
        if connections[rows.db].in_atomic_block:
            raise
        _remember(rows, token, values)
        return 0


def claim_unlocked(rows: models.QuerySet[Any], token: uuid.UUID, **values: Any) -> list[Any]:
    """Claim the rows that no transaction holds; return them as they were before.

    A row that is locked is left alone: the process that claimed it is alive.
    """
    try:
        return update_unlocked(rows, **claim_values(token), **values)
    except OperationalError:
        if connections[rows.db].in_atomic_block:
            raise
        _remember(rows, token, values)
        return []


def update_unlocked(rows: models.QuerySet[Any], **values: Any) -> list[Any]:
    """UPDATE the rows that no transaction holds; return them as they were before.

    Raises:
        django.db.OperationalError: the database is away, or its answer was lost.
    """
    with query_timeout(rows.db), write_transaction(rows.db):
        free = skip_locked(rows)
        if free:
            rows.model._base_manager.using(rows.db).filter(pk__in=[row.pk for row in free]).update(**values)
        return free


def skip_locked(rows: models.QuerySet[Any]) -> list[Any]:
    """Lock the rows that no other transaction holds, in the caller's transaction, and return them.

    A database without SKIP LOCKED is asked with NOWAIT, row by row, since one locked row makes the whole statement
    fail there.
    """
    features = connections[rows.db].features
    no_key, can_skip = features.has_select_for_no_key_update, features.has_select_for_update_skip_locked
    if can_skip or not features.has_select_for_update:
        return list(rows.select_for_update(no_key=no_key, skip_locked=can_skip))
    pks = list(rows.values_list("pk", flat=True))
    rows = rows.select_for_update(no_key=no_key, nowait=features.has_select_for_update_nowait)
    rows.query.clear_limits()
    free: list[Any] = []
    for pk in pks:
        try:
            with transaction.atomic(using=rows.db):
                free += rows.filter(pk=pk)
        except OperationalError as error:
            if not is_lock_error(error):
                raise
    return free


def locked(rows: models.QuerySet[Any]) -> set[Any]:
    """Return the primary keys of the rows that another transaction holds.

    There are none on a database without row locks, or one that is read-only.
    """
    if not connections[rows.db].features.has_select_for_update:
        return set()
    try:
        with query_timeout(rows.db), transaction.atomic(using=rows.db):
            free = {row.pk for row in skip_locked(rows.only("pk"))}
    except DatabaseFault as fault:
        if not is_read_only(fault):
            raise
        return set()
    return set(rows.values_list("pk", flat=True)) - free


def renew(rows: models.QuerySet[Any], token: uuid.UUID | None) -> int:
    """Lock the rows that still have the token until the transaction ends, by an UPDATE; return their number.

    Must be the first statement of a transaction that does the work of a claim.
    """
    return rows.filter(claim=token).update(claim=token)


def release_lost() -> None:
    """Release the rows that this process may have claimed without knowing it, since the database's answer was lost.

    Raises:
        django.db.Error: the database is still away.
    """
    if not _lost_claims or not _releasing_lost.acquire(blocking=False):
        return
    try:
        while _lost_claims:
            with_retries(_lost_claims[0])
            _lost_claims.popleft()
    finally:
        _releasing_lost.release()


def release_all() -> None:
    """Release all rows that this process has claimed and not begun, since the process ends.

    Raises:
        django.db.Error: the database is away.
    """
    for claim in list(_claims):
        claim.release()
    release_lost()


def release_later(rows: models.QuerySet[Any], token: uuid.UUID | None) -> None:
    """Release the rows of a claim at the next `release_lost`; no attempt is counted."""
    _remember(rows, token, {"attempts"})


def give_back(step: Callable[[], int], using: str) -> None:
    """Run an UPDATE that releases something; if the database does not answer, run it at the next `release_lost`.

    Raises:
        OperationalError: a transaction of the caller is open, which is lost.
    """
    try:
        with_retries(step)
    except OperationalError:
        if connections[using].in_atomic_block:
            raise
        close_if_broken(using)
        _lost_claims.append(step)


def _remember(rows: models.QuerySet[Any], token: uuid.UUID | None, written: Collection[str]) -> None:
    """Remember a claim for `release_lost`.

    Args:
        rows: a query; only its model and its database are used.
        token: the token of the claim.
        written: the names of further fields that the claim has written. Those that count an attempt or change the
            status are restored.
    """
    close_if_broken(rows.db)
    released: dict[str, Any] = {"claim": None, "due_at": NOW}
    if "attempts" in written:
        released["attempts"] = F("attempts") - 1
    if "status" in written:
        released["status"] = "pending"
    lost = rows.model._base_manager.using(rows.db).filter(claim=token, due_at__isnull=False)
    _lost_claims.append(partial(lost.update, **released))
