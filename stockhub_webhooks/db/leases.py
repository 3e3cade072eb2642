"""Leases on rows of work: claim with a token, release, and give back what a process lost.

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
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from weakref import WeakSet

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
from stockhub_webhooks.db.timeouts import query_timeout

KEPT_LOST_CLAIMS = 1000
_lost_claims: deque[Callable[[], int]] = deque(maxlen=KEPT_LOST_CLAIMS)
_giving_back = threading.Lock()
_claims: WeakSet[Claim] = WeakSet()


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
        """Take rows out of the claim that the caller has worked on."""
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
    """Claim the rows that still wait; return the number of rows, 0 if another process was first.

    One UPDATE. If its answer is lost, the token shows whether it was executed.
    """
    mine = rows.model._base_manager.using(rows.db).filter(claim=token)
    attempts = 0

    def step() -> int:
        nonlocal attempts
        attempts += 1
        claimed = rows.update(**claim_values(token), **values)
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

    A row that is locked is left alone: the process that claimed it is alive. Databases without SKIP LOCKED are asked
    with NOWAIT, row by row, since one locked row makes the whole statement fail there.
    """
    claimed = []
    for part in _lockable_parts(rows):
        try:
            claimed += update_unlocked(part, **claim_values(token), **values)
        except OperationalError:
            if connections[rows.db].in_atomic_block:
                raise
            _remember(rows, token, values)
    return claimed


def _lockable_parts(rows: models.QuerySet[Any]) -> list[models.QuerySet[Any]]:
    features = connections[rows.db].features
    if features.has_select_for_update_skip_locked or not features.has_select_for_update:
        return [rows]
    pks = list(rows.values_list("pk", flat=True))
    whole = rows.all()
    whole.query.clear_limits()
    return [whole.filter(pk=pk) for pk in pks]


def update_unlocked(rows: models.QuerySet[Any], **values: Any) -> list[Any]:
    """UPDATE the rows that no transaction holds; return them as they were before.

    Raises:
        django.db.OperationalError: a row is locked, and the database has no SKIP LOCKED; or the answer was lost.
    """
    with query_timeout(rows.db), write_transaction(rows.db):
        free = list(skip_locked(rows))
        if free:
            rows.model._base_manager.using(rows.db).filter(pk__in=[row.pk for row in free]).update(**values)
        return free


def skip_locked(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Lock the rows that no other transaction holds, in the caller's transaction.

    Raises:
        django.db.OperationalError: a row is locked, and the database has no SKIP LOCKED.
    """
    features = connections[rows.db].features
    no_key = features.has_select_for_no_key_update
    if features.has_select_for_update_skip_locked:
        return rows.select_for_update(no_key=no_key, skip_locked=True)
    return rows.select_for_update(no_key=no_key, nowait=features.has_select_for_update_nowait)


def locked(rows: models.QuerySet[Any]) -> set[Any]:
    """Return the primary keys of the rows that another transaction holds; none on a database without row locks."""
    if not connections[rows.db].features.has_select_for_update:
        return set()
    free: set[Any] = set()
    for part in _lockable_parts(rows):
        try:
            with query_timeout(rows.db), transaction.atomic(using=rows.db):
                free.update(row.pk for row in skip_locked(part.only("pk")))
        except OperationalError:
            if connections[rows.db].in_atomic_block:
                raise
    return set(rows.values_list("pk", flat=True)) - free


def renew(rows: models.QuerySet[Any], token: uuid.UUID | None) -> int:
    """UPDATE the rows that still have the token, so that they are locked until the transaction ends; return how many.

    The first statement of a transaction that does the work of a claim.
    """
    return rows.filter(claim=token).update(claim=token)


def give_back_lost() -> None:
    """Release what this process may have claimed without knowing it, since the database's answer was lost.

    Raises:
        django.db.Error: the database is still away.
    """
    if not _lost_claims or not _giving_back.acquire(blocking=False):
        return
    try:
        while _lost_claims:
            with_retries(_lost_claims[0])
            _lost_claims.popleft()
    finally:
        _giving_back.release()


def give_back_all() -> None:
    """Release whatever was claimed in this process and not begun: the process ends.

    Raises:
        django.db.Error: the database is away.
    """
    for claim in list(_claims):
        claim.release()
    give_back_lost()


def release_later(rows: models.QuerySet[Any], token: uuid.UUID | None) -> None:
    """Release the rows of a claim, without an attempt, when `give_back_lost` is called next."""
    _remember(rows, token, {"attempts": F("attempts")})


def _remember(rows: models.QuerySet[Any], token: uuid.UUID | None, values: dict[str, Any]) -> None:
    """Remember a claim whose answer did not come, to give it back when the database is there again."""
    close_if_broken(rows.db)
    released: dict[str, Any] = {"claim": None, "due_at": NOW}
    if "attempts" in values:
        released["attempts"] = F("attempts") - 1
    if "status" in values:
        released["status"] = "pending"
    lost = rows.model._base_manager.using(rows.db).filter(claim=token, due_at__isnull=False)
    _lost_claims.append(partial(lost.update, **released))
