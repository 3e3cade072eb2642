"""The database of our tables: its alias, its clock, retries, and transactions that write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypeVar

from django.apps import apps
from django.db import Error as DatabaseFault
from django.db import IntegrityError, OperationalError, connections, router, transaction
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from stockhub_webhooks.db.faults import SESSION_FAULTS, is_of_session
from stockhub_webhooks.db.sequences import advance_after_conflict
from stockhub_webhooks.db.timeouts import MAX_ATTEMPTS, query_timeout, should_retry
from stockhub_webhooks.exceptions import OrderLocked, WriterBusy

PSYCOPG_IN_ERROR = 3  # psycopg.pq.TransactionStatus.INERROR
T = TypeVar("T")


def database_alias() -> str:
    """Return the alias of the database that our tables are written to; all our reading is done there too."""
    return router.db_for_write(apps.get_model("stockhub_webhooks", "Message"))


def database_key() -> str:
    """Return the key for what a process keeps of a database: the alias, and the schema if each tenant has one."""
    using = database_alias()
    return f"{using} {getattr(connections[using], 'schema_name', None) or ''}"


def in_these_schemas(work: Callable[[], None]) -> Callable[[], None]:
    """Return the work for a new thread, in the schemas that this thread uses.

    Each thread has connections of its own, and those of django-tenants begin in the public schema.
    """
    tenants = {alias: getattr(connections[alias], "tenant", None) for alias in connections}

    def work_there() -> None:
        for alias, tenant in tenants.items():
            if tenant is not None:
                connection: Any = connections[alias]
                connection.set_tenant(tenant)
        work()

    return work_there


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
    """Close a connection, so that the next use opens a new one. Errors of a dead connection are ignored."""
    connection: Any = connections[using]
    with suppress(DatabaseFault):
        if connection.connection is not None and getattr(connection, "pool", None):
            connection.connection.close()  # a pool would hand out the same session again
        connection.close()


def close_if_broken(using: str) -> None:
    """Close a connection that no longer answers, unless a transaction is open."""
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
    """Run a step of one statement or one transaction; retry it after a deadlock, a lost connection or a lock.

    The last attempt has a new connection, since the session may be at fault: the shop's code may have made it read-only
    on this connection, or have changed its role or its schema.

    Args:
        step: must be harmless if it is repeated after the database has executed it.
        is_transaction: True if the step is a transaction, or a savepoint inside a transaction of the caller. It is also
            retried after a violated unique key, since another process may have inserted the row at the same time; a
            sequence that is behind is set forward before that.

    Raises:
        django.db.Error: the step failed too often or took too long; or it is one statement inside a transaction, which
            is lost then.
    """
    began, attempt = time.monotonic(), 1
    faults = (OperationalError, IntegrityError) if is_transaction else (OperationalError,)
    while True:
        try:
            with query_timeout(database_alias()):
                return step()
        except WriterBusy:
            raise
        except (*faults, *SESSION_FAULTS) as fault:
            is_inside = connections[database_alias()].in_atomic_block
            if (is_inside and not is_transaction) or not _may_retry(fault, attempt, began, is_inside):
                raise
            if not isinstance(fault, OrderLocked):
                _prepare_retry(fault, attempt, is_inside)
                attempt += 1


def _may_retry(fault: Exception, attempt: int, began: float, is_inside: bool) -> bool:
    """Return True if another attempt may succeed; `is_inside` is True inside a transaction of the caller."""
    if isinstance(fault, OrderLocked):  # the next attempt waits for a moment, and is limited by the time alone
        return not fault.is_final and should_retry(1, began)
    if is_of_session(fault) and (is_inside or attempt > 1):
        return False
    return should_retry(attempt, began)


def _prepare_retry(fault: Exception, attempt: int, is_inside: bool) -> None:
    """Repair what the fault shows, and close the connection if it is broken or was tried often enough."""
    if isinstance(fault, IntegrityError):
        advance_after_conflict(database_alias(), fault)
    if is_of_session(fault) or (attempt == MAX_ATTEMPTS - 1 and not is_inside):
        close_connection(database_alias())
    else:
        close_if_broken(database_alias())


def is_lost(using: str) -> bool:
    """Return True if the current transaction can only be rolled back, even if no error was raised.

    That happens after a database error that was swallowed, and after the connection was closed.
    """
    connection: Any = connections[using]
    if connection.needs_rollback or connection.closed_in_transaction or connection.connection is None:
        return True
    information = getattr(connection.connection, "info", None)  # psycopg's; only PostgreSQL aborts transactions
    return getattr(information, "transaction_status", None) == PSYCOPG_IN_ERROR


@contextmanager
def write_transaction(using: str) -> Iterator[None]:
    """Open a transaction that may write from its start.

    It matters on SQLite only: there a transaction that reads first and writes later fails at once with "database is
    locked" if another one has written in between. https://www.sqlite.org/lang_transaction.html
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
