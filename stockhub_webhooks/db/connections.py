"""Which database holds our tables, its clock, and how a transaction that will write begins on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache, partial
from itertools import count
from typing import Any, TypeVar

from django.apps import apps
from django.db import Error as DatabaseFault
from django.db import OperationalError, connections, models, router, transaction
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from stockhub_webhooks.db.timeouts import query_timeout, should_retry

PSYCOPG_IN_ERROR = 3  # psycopg.pq.TransactionStatus.INERROR
T = TypeVar("T")


def database_alias() -> str:
    """The alias of the database that our tables are written to; all our reading is done there too."""
    return router.db_for_write(apps.get_model("stockhub_webhooks", "Message"))


class DatabaseNow(Now):
    """The database's clock in UTC, as Django stores times. Django's `Now` is local time on MySQL."""

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        """UTC, whatever the server's time zone is."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra_context)


NOW = DatabaseNow()


@lru_cache(maxsize=64)  # the same object each time, so that its statement need not be written again
def from_now(seconds: float) -> Combinable:
    """A point in time on the database's clock, in `seconds` from now."""
    # SQLite writes a sum with microseconds and NOW with milliseconds, so that as text NOW + 0 is later than NOW
    return NOW + timedelta(seconds=seconds) if seconds else NOW


def close_connection(using: str) -> None:
    """Close a connection, so that the next use opens a new one; a dead one may fail even at that."""
    with suppress(DatabaseFault):
        connections[using].close()


def close_if_broken(using: str) -> None:
    """Close a connection that no longer answers."""
    connection = connections[using]
    if not connection.in_atomic_block:
        with suppress(DatabaseFault):
            connection.close_if_unusable_or_obsolete()


def is_reachable(using: str) -> bool:
    """Whether the database is there: what it would not take may be at fault itself then."""
    try:
        with query_timeout(using), connections[using].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseFault:
        return False
    return True


def with_retries(step: Callable[[], T]) -> T:
    """Take a step of one statement; where the database calls it off (a deadlock, a broken connection), again.

    Raises:
        django.db.OperationalError: it was called off too often or too slowly, or inside a transaction, which is
            lost then.
    """
    began = time.monotonic()
    for turn in count(1):
        try:
            with query_timeout(database_alias()):
                return step()
        except OperationalError:
            if not should_retry(turn, began) or connections[database_alias()].in_atomic_block:
                raise
            close_if_broken(database_alias())
    raise AssertionError("the last turn returns or raises")


def claim(rows: models.QuerySet[Any], **values: Any) -> bool:
    """UPDATE the one row, if it still is as `rows` describes it; False where another process was first.

    Args:
        rows: at most one row, without an order.
        values: what to write.
    """
    try:
        return bool(with_retries(partial(rows.update, **values)))
    except OperationalError:
        _leave_to_others(rows.db)
        return False


def claim_unlocked(rows: models.QuerySet[Any], **values: Any) -> list[Any]:
    """UPDATE the rows that still are as `rows` describes them, as they were before.

    One that somebody's transaction holds is left alone: waiting for its end is how deadlocks come about.
    """
    using = rows.db
    can_skip = connections[using].features.has_select_for_update_skip_locked
    try:
        with query_timeout(using), write_transaction(using):
            free = list(rows.select_for_update(skip_locked=can_skip))
            if free:
                rows.model._base_manager.using(using).filter(pk__in=[row.pk for row in free]).update(**values)
            return free
    except OperationalError:
        _leave_to_others(using)
        return []


def _leave_to_others(using: str) -> None:
    """The database called it off time and again, so somebody else is at it. Inside a transaction that is its end."""
    if connections[using].in_atomic_block:
        raise  # noqa: PLE0704 - it is called where an error is handled
    close_if_broken(using)


def is_lost(using: str) -> bool:
    """Whether the transaction under way can only be rolled back, though nobody raised.

    So it is after a database error that was caught and swallowed, and after the connection was closed.
    """
    connection: Any = connections[using]
    if connection.needs_rollback or connection.closed_in_transaction or connection.connection is None:
        return True
    information = getattr(connection.connection, "info", None)  # psycopg's; only PostgreSQL aborts transactions
    return getattr(information, "transaction_status", None) == PSYCOPG_IN_ERROR


@contextmanager
def write_transaction(using: str) -> Iterator[None]:
    """A transaction that has the right to write from its start.

    SQLite alone needs it: a transaction that reads first and writes later fails there at once with
    "database is locked" when another has written in between. https://www.sqlite.org/lang_transaction.html
    """
    connection: Any = connections[using]
    if connection.vendor != "sqlite" or connection.transaction_mode:
        with transaction.atomic(using=using):
            yield
        return
    connection.transaction_mode = "IMMEDIATE"
    try:
        with transaction.atomic(using=using):
            yield
    finally:
        connection.transaction_mode = None
