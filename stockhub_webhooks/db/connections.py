"""The database of our tables: its alias, its clock, retries, and transactions that write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar

from django.apps import apps
from django.db import Error as DatabaseFault
from django.db import IntegrityError, OperationalError, connections, router, transaction
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from stockhub_webhooks.db.faults import SESSION_FAULTS, is_of_session
from stockhub_webhooks.db.sequences import repair_sequences
from stockhub_webhooks.db.timeouts import MAX_ATTEMPTS, query_timeout, should_retry
from stockhub_webhooks.exceptions import OrderLocked, WriterBusy

PSYCOPG_IN_ERROR = 3  # psycopg.pq.TransactionStatus.INERROR
T = TypeVar("T")


def database_alias() -> str:
    """Return the alias of the database that our tables are written to; all our reading is done there too."""
    return router.db_for_write(apps.get_model("stockhub_webhooks", "Message"))


class DatabaseNow(Now):
    """The database's clock in UTC, as Django stores times. Django's `Now` is local time on MySQL."""

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        """UTC, whatever the server's time zone is."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra_context)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        """Six digits, as Django writes times: SQLite compares text, and .123 is less than .123000."""
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f000', 'NOW')"
        return self.as_sql(compiler, connection, template=template, **extra_context)


NOW = DatabaseNow()


@lru_cache(maxsize=64)  # the same object each time, so that its statement need not be written again
def from_now(seconds: float) -> Combinable:
    """Return a point in time on the database's clock, in `seconds` from now."""
    return NOW + timedelta(seconds=seconds) if seconds else NOW


def close_connection(using: str) -> None:
    """Close a connection, so that the next use opens a new one; a dead one may fail even at that."""
    connection: Any = connections[using]
    with suppress(DatabaseFault):
        if connection.connection is not None and getattr(connection, "pool", None):
            connection.connection.close()  # a pool would hand out the same session again
        connection.close()


def close_if_broken(using: str) -> None:
    """Close a connection that no longer answers."""
    connection = connections[using]
    if not connection.in_atomic_block:
        with suppress(DatabaseFault):
            connection.close_if_unusable_or_obsolete()


def is_reachable(using: str) -> bool:
    """Return True if the database answers. A write that failed then was probably rejected for its data."""
    try:
        with query_timeout(using), connections[using].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseFault:
        return False
    return True


def with_retries(step: Callable[[], T], *, is_transaction: bool = False) -> T:
    """Run a step of one statement or one transaction, again if the database called it off (a deadlock, a cut).

    The last attempt has a new connection, since the fault may be of the session: code of the shop that ran on the same
    connection may have made it read-only, or have changed its role or its schema.

    Args:
        step: must be harmless if it is repeated, although the database has executed it already.
        is_transaction: True if the step is a transaction of its own: a race for a unique key is worth another attempt
            too, and so is any attempt inside a transaction of the caller, where the step is a savepoint. A sequence
            that is behind is set forward before that.

    Raises:
        django.db.Error: the step failed too often, took too long, or failed inside a transaction, which is lost then.
    """
    began = time.monotonic()
    faults = (OperationalError, IntegrityError) if is_transaction else (OperationalError,)
    for attempt in count(1):
        try:
            with query_timeout(database_alias()):
                return step()
        except WriterBusy:
            raise
        except (*faults, *SESSION_FAULTS) as fault:
            is_inside = connections[database_alias()].in_atomic_block
            is_final = is_inside and not is_transaction
            if isinstance(fault, OrderLocked):
                if fault.is_final or is_final or not should_retry(1, began):
                    raise
                continue
            if is_final or not should_retry(attempt, began):
                raise
            if isinstance(fault, IntegrityError):
                repair_sequences(database_alias(), fault)
            if is_of_session(fault):
                if is_inside or attempt > 1:
                    raise
                close_connection(database_alias())
            elif attempt == MAX_ATTEMPTS - 1 and not is_inside:
                close_connection(database_alias())
            else:
                close_if_broken(database_alias())
    raise AssertionError("the last attempt returns or raises")


def is_lost(using: str) -> bool:
    """Return True if the current transaction can only be rolled back, although no error was raised.

    So it is after a database error that was caught and swallowed, and after the connection was closed.
    """
    connection: Any = connections[using]
    if connection.needs_rollback or connection.closed_in_transaction or connection.connection is None:
        return True
    information = getattr(connection.connection, "info", None)  # psycopg's; only PostgreSQL aborts transactions
    return getattr(information, "transaction_status", None) == PSYCOPG_IN_ERROR


@contextmanager
def write_transaction(using: str) -> Iterator[None]:
    """Return a transaction that has the right to write from its start.

    SQLite alone needs it: a transaction that reads first and writes later fails there at once with
    "database is locked" when another has written in between. https://www.sqlite.org/lang_transaction.html
    """
    connection: Any = connections[using]
    connection.ensure_connection()  # Django sets the mode when it connects
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
