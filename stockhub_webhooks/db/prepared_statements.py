"""Decide which of the kept statements PostgreSQL prepares, that is, parses and plans once for a connection.

Prepared statements need a connection that always leads to the same server process. Behind a pooler, which may send
each transaction to another server process, they are dangerous: all psycopg connections use the same names (`_pg3_0`,
...), so another client's statement could run without an error. A pooler reports a process id of its own to its
clients, which differs from `pg_backend_pid()`. Prepared statements stay off unless the two are equal.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from stockhub_webhooks.db import keepalives
from stockhub_webhooks.logs import logger_of

logger = logger_of(__name__)

# SQLSTATE
DOES_NOT_EXIST, EXISTS_ALREADY = "26000", "42P05"
RESULT_TYPE_CHANGED = "0A000"  # "cached plan must not change result type", after a migration

_is_off = False  # True once PostgreSQL has refused a prepared statement of this process


class Preparation:
    """Choice between prepared and plain statements on one psycopg connection."""

    def __init__(self, driver_connection: Any, options: Mapping[str, Any]) -> None:
        """Read the host's own choice.

        Args:
            driver_connection: psycopg's connection.
            options: `OPTIONS` of Django's database settings.
        """
        self._is_hosts_choice = "prepare_threshold" in options or driver_connection.prepare_threshold is not None
        self._is_direct: bool | None = None  # not known yet
        self._is_stale = False  # True after a migration that this connection has seen
        self._executed: set[str] = set()
        self._last_choice: bool | None = False

    def choose(self, driver_connection: Any, sql: str) -> bool | None:
        """Return psycopg's argument `prepare` for a statement; None leaves the choice to the host's settings."""
        self._last_choice = self._choose(driver_connection, sql)
        return self._last_choice

    def _choose(self, driver_connection: Any, sql: str) -> bool | None:
        if _is_off or self._is_stale:
            return False
        if self._is_hosts_choice:
            return None
        if sql not in self._executed:
            # preparing costs a round trip, which pays only if the connection runs the statement again
            self._executed.add(sql)
            return False
        if self._is_direct is None:
            self._is_direct = _is_direct(driver_connection)
            if self._is_direct:
                # None, Django's default, also overrules `prepare=True`; other statements never reach this number
                driver_connection.prepare_threshold = sys.maxsize
                driver_connection.execute(f"SELECT {keepalives.columns(is_local=False)}")
        return self._is_direct

    def is_to_blame(self, error: BaseException) -> bool:
        """Return True if the last statement failed because it was prepared. Repeat it: it is not prepared again.

        Args:
            error: Django's error, whose cause is psycopg's.
        """
        state = getattr(error.__cause__, "sqlstate", None)
        if self._last_choice is False or state not in (DOES_NOT_EXIST, EXISTS_ALREADY, RESULT_TYPE_CHANGED):
            return False
        if state == RESULT_TYPE_CHANGED:
            self._is_stale = True  # a new connection prepares again
        elif not _is_off:
            _switch_off(state)
        return True


_preparations: WeakKeyDictionary[Any, Preparation] = WeakKeyDictionary()


def preparation_of(driver_connection: Any, options: Mapping[str, Any]) -> Preparation:
    """Return the state that belongs to a psycopg connection; a pool hands the connection to many threads in turn."""
    preparation = _preparations.get(driver_connection)
    if preparation is None:
        preparation = _preparations[driver_connection] = Preparation(driver_connection, options)
    return preparation


def _is_direct(driver_connection: Any) -> bool:
    """Return True if there is no pooler: the server process has the id that the connection was given."""
    (pid,) = driver_connection.execute("SELECT pg_backend_pid()").fetchone()
    return bool(pid == driver_connection.info.backend_pid)


def _switch_off(state: str) -> None:
    global _is_off  # noqa: PLW0603 - one switch for the process
    _is_off = True
    logger.warning(
        "PostgreSQL refused a prepared statement (SQLSTATE %s: it %s). From now on this process prepares no statement. "
        "The refused statement is repeated. Most likely there is a connection pooler: set "
        '"prepare_threshold": None in the OPTIONS of the database.',
        state,
        "does not exist" if state == DOES_NOT_EXIST else "exists already",
    )
