"""A write that shows whether the database takes any: a standby or a read-only one answers every query."""

from __future__ import annotations

from contextlib import nullcontext

from django.db import Error as DatabaseError
from django.db import connections, transaction

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.timeouts import sqlite_busy_timeout
from stockhub_webhooks.models.lock import acquire

PROBE_SECONDS = 60.0
BUSY_SECONDS = 0.5
LOCK_NAME = "write_probe"


def write_error() -> str:
    """Return the class of the error of an UPDATE of a row of ours; "" if the database takes it.

    The row is changed at most once a minute. A read-only database rejects the statement in between, too.
    """
    using = database_alias()
    try:
        # a savepoint inside a transaction of the caller, which an error would end
        is_inner = connections[using].in_atomic_block
        step = transaction.atomic(using=using) if is_inner else nullcontext()
        with sqlite_busy_timeout(using, BUSY_SECONDS), step:
            acquire(LOCK_NAME, PROBE_SECONDS)
    except DatabaseError as error:
        if connections[using].vendor == "sqlite" and "locked" in str(error):
            return ""  # another process writes, so the database takes writes
        return type(error.__cause__ or error).__name__
    return ""
