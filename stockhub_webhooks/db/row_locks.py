"""Locks on rows of orders, which other transactions may hold, perhaps for long.

The row is locked without waiting. If that fails, the caller repeats its transaction, and the second attempt waits for a
moment, since another process may be applying a message of the same order. If the row is still locked then, it is
remembered, so that this process does not wait for it again, and its work is postponed. A deadlock while it waits, as of
two messages that name a document under two orders, is repeated in the same way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, OperationalError, connections, models

from stockhub_webhooks.db.faults import is_deadlock
from stockhub_webhooks.exceptions import OrderLocked

WAIT_SECONDS = 1.0
MIN_PAUSE_SECONDS = 2.0
MAX_PAUSE_SECONDS = 30.0
FORGET_SECONDS = 2 * MAX_PAUSE_SECONDS
MAX_WAITED_FOR = 4  # if so many rows are locked, no thread waits for a further one
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code
LOCK_ERRORS = (1205, 3572)  # of MariaDB and MySQL

Key = tuple[Any, ...]


class LockedRows:
    """The rows that were locked at the last attempt of this process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._seen: dict[Key, tuple[float, float]] = {}  # first and last time, by `time.monotonic`
        self._threads = threading.local()

    def __contains__(self, key: Key) -> bool:
        return key in self._seen

    def use_permission(self, key: Key) -> bool:
        """Use up this thread's permission to wait for the row; return False if it has none."""
        keys: set[Key] = vars(self._threads).setdefault("keys", set())
        if key in keys:
            keys.discard(key)
            return True
        return False

    def permit_wait(self, key: Key) -> bool:
        """Permit this thread to wait once for the lock of the row; return False if it must not wait."""
        if key in self._seen or len(self._seen) >= MAX_WAITED_FOR:
            return False
        vars(self._threads).setdefault("keys", set()).add(key)
        return True

    def add(self, key: Key) -> None:
        """Remember a locked row, and forget those that were locked long ago."""
        now = time.monotonic()
        with self._guard:
            self._seen[key] = (self._seen.get(key, (now, now))[0], now)
            for old in [old for old, (_first, last) in self._seen.items() if last < now - FORGET_SECONDS]:
                del self._seen[old]

    def discard(self, key: Key) -> None:
        """Forget a row that this process could lock."""
        if key in self._seen:
            with self._guard:
                self._seen.pop(key, None)

    def pause_for(self, key: Key) -> float:
        """Return the seconds until the next attempt: as long as the row has been locked so far, within limits."""
        now = time.monotonic()
        first, _last = self._seen.get(key, (now, now))
        return min(max(now - first, MIN_PAUSE_SECONDS), MAX_PAUSE_SECONDS)

    def paused(self, model: type[models.Model], name: str) -> list[Any]:
        """Return the values that identify the model's locked rows by one field, if their pause is not over."""
        now = time.monotonic()
        with self._guard:
            rows = [(key, last) for key, (_first, last) in self._seen.items() if key[0] is model and key[1][0] == name]
        return [key[2][0] for key, last in rows if now < last + self.pause_for(key)]


LOCKED = LockedRows()


def key_of(model: type[models.Model], values: Mapping[str, Any]) -> Key:
    """Return the key of a row in `LOCKED`."""
    return (model, tuple(values), tuple(values.values()))


def lock(model: type[models.Model], using: str, values: dict[str, Any], fetch: Callable[[str], Any]) -> Any:
    """Return the result of a locking SELECT.

    Args:
        model: the model of the row.
        using: the alias of the database.
        values: the fields that identify the row.
        fetch: runs the SELECT with a clause about waiting, such as " NOWAIT".

    Raises:
        OrderLocked: another transaction holds the row.
    """
    connection = connections[using]
    if not connection.features.has_select_for_update_nowait:
        return fetch("")
    key = key_of(model, values)
    waits = LOCKED.use_permission(key)
    try:
        if waits:
            with _short_wait(connection) as clause:
                row = fetch(clause)
        else:
            row = fetch(" NOWAIT")
    except OperationalError as error:
        if is_deadlock(error):  # the other transaction goes on, so a further attempt may succeed
            raise OrderLocked(model, values, is_final=False) from error
        if not is_lock_error(error):
            raise
        if not waits and LOCKED.permit_wait(key):
            raise OrderLocked(model, values, is_final=False) from error
        LOCKED.add(key)
        raise OrderLocked(model, values, is_final=True) from error
    LOCKED.discard(key)
    return row


def lock_rows(rows: models.QuerySet[Any], values: dict[str, Any]) -> list[Any]:
    """Return the rows of a query, locked until the transaction ends.

    Args:
        rows: the query.
        values: fields that identify the rows together.

    Raises:
        OrderLocked: another transaction holds one of them.
    """
    no_key = connections[rows.db].features.has_select_for_no_key_update

    def fetch(wait: str) -> list[Any]:
        return list(rows.select_for_update(no_key=no_key, nowait=bool(wait)))

    result: list[Any] = lock(rows.model, rows.db, values, fetch)
    return result


def is_lock_error(error: BaseException) -> bool:
    """Return True if a statement failed since another transaction holds a lock."""
    cause = error.__cause__
    code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return code == LOCK_NOT_AVAILABLE or bool(error.args and error.args[0] in LOCK_ERRORS)


@contextmanager
def _short_wait(connection: Any) -> Iterator[str]:
    """Yield the clause of a SELECT that waits for a moment; PostgreSQL gets a short `lock_timeout` instead."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('lock_timeout')")
            (usual,) = cursor.fetchone()
            set_timeout = "SELECT set_config('lock_timeout', %s, true)"
            cursor.execute(set_timeout, [f"{int(WAIT_SECONDS * 1000)}ms"])
            yield ""
            cursor.execute(set_timeout, [usual])
    elif getattr(connection, "mysql_is_mariadb", False):
        yield " WAIT 1"
    else:
        time.sleep(WAIT_SECONDS / 2)
        yield " NOWAIT"


HOLDER_SQL = """
SELECT activity.pid, activity.application_name, activity.state, activity.xact_start
FROM pg_locks held JOIN pg_stat_activity activity ON activity.pid = held.pid
WHERE held.granted AND held.locktype = 'relation' AND held.relation = %s::regclass
AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND held.mode IN ('RowShareLock', 'RowExclusiveLock') AND held.pid <> pg_backend_pid()
ORDER BY EXISTS (
    SELECT 1 FROM pg_locks own WHERE own.pid = held.pid AND own.locktype = 'transactionid' AND own.granted
    AND own.transactionid::text IN (SELECT xmax::text FROM {table} WHERE {condition})
) DESC, activity.xact_start
LIMIT 1
"""


def holder(model: type[models.Model], using: str, values: Mapping[str, Any]) -> str:
    """Return a description of the connection that probably holds the row; "" if the database does not show it.

    The text of its statement is left out, since it may hold personal data.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return ""
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    fields: list[Any] = [model._meta.get_field(name) for name in values]
    condition = " AND ".join(f"{quote(field.column)} = %s" for field in fields)
    try:
        with connection.cursor() as cursor:
            text = HOLDER_SQL.format(table=table, condition=condition)
            cursor.execute(text, [table, *values.values()])
            row = cursor.fetchone()
    except DatabaseError:
        return ""
    if row is None:
        return ""
    pid, name, state, since = row
    began = f"{since:%Y-%m-%d %H:%M:%S %Z}" if since else "unknown"
    return f"pid {pid}, application {name or 'unknown'}, {state or 'state unknown'}, transaction since {began}"
