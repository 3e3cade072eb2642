"""Which database holds our tables, its clock, and how a transaction that will write begins on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connections, router, transaction
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from stockhub_webhooks.models.message import Message


def alias() -> str:
    """The alias of the database that our tables are written to; all our reading is done there too."""
    return router.db_for_write(Message)


class DatabaseNow(Now):
    """The database's clock in UTC, as Django stores times. Django's `Now` is local time on MySQL."""

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        """UTC, whatever the server's time zone is."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra_context)


def from_now(seconds: float) -> Combinable:
    """A point in time on the database's clock, in `seconds` from now."""
    return DatabaseNow() + timedelta(seconds=seconds)


def drop_if_broken(using: str) -> None:
    """Close a connection that no longer answers, so that the next use opens a new one."""
    connection = connections[using]
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


@contextmanager
def writing(using: str) -> Iterator[None]:
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
