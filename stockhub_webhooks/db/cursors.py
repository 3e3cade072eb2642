"""Run the kept statements on a fast cursor of our own, or on Django's if other software must see them.

Django's cursor writes the values into the SQL text, and PostgreSQL parses and plans it again each time. Our cursor is
made once for a connection, sends the values beside the text, and lets PostgreSQL keep the plan (a prepared statement).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache, lru_cache
from operator import attrgetter, is_
from types import FunctionType
from typing import Any, TypeVar

from django.db import DatabaseError, OperationalError

from stockhub_webhooks.db.prepared_statements import Preparation, preparation_of

T = TypeVar("T")

CURSOR_ATTRIBUTE = "_stockhub_webhooks_cursor"
CURSOR_METHODS = (
    "cursor",
    "_cursor",
    "_prepare_cursor",
    "create_cursor",
    "make_cursor",
    "make_debug_cursor",
    "chunked_cursor",
)
DJANGO_MODULES = {"django.db.backends.base.base", "django.db.backends.postgresql.base"}
DECORATORS_MODULE = "django.utils.asyncio"
IDLE = 0  # psycopg.pq.TransactionStatus.IDLE


def run(connection: Any, sql: str, parameters: Sequence[Any], fetch: Callable[[Any], T]) -> T:
    """Execute a statement and return the result of `fetch`.

    Args:
        connection: Django's connection.
        sql: the text, with `%s` for each parameter.
        parameters: the values, prepared for the database.
        fetch: a function that gets the cursor, such as `methodcaller("fetchall")`.

    Raises:
        django.db.OperationalError: a prepared statement was lost inside a transaction, which can be repeated.
        django.db.Error: the database rejected the statement.
    """
    cursor = _fast_cursor(connection) if has_plain_cursors(connection) else None
    if cursor is None:
        with connection.cursor() as djangos_cursor:
            djangos_cursor.execute(sql, parameters)
            return fetch(djangos_cursor)
    try:
        cursor.execute(sql, parameters)
    except DatabaseError as error:
        if not cursor.preparation.is_to_blame(error):
            raise
        if connection.connection.info.transaction_status != IDLE:
            raise OperationalError("A prepared statement was lost. Repeat the transaction.") from error
        cursor.execute(sql, parameters)
    return fetch(cursor)


def speaks_psycopg(connection: Any) -> bool:
    """Return True if the database driver is psycopg 3.2 or later."""
    return hasattr(connection.Database, "RawCursor")


# ---------------------------------------------------------------- if our own cursor may be used


def has_plain_cursors(connection: Any) -> bool:
    """Return True if Django's PostgreSQL backend makes this connection's cursors and nothing observes its statements.

    Backends, debug tools and tracers replace these methods in a class, a base class or the instance, at any time, to
    choose a tenant's schema or to see each statement. So this is asked before each statement.
    """
    return (
        not connection.execute_wrappers
        and not connection.queries_logged
        and vars(connection).keys().isdisjoint(CURSOR_METHODS)
        and _has_djangos_methods(type(connection))
    )


_methods_of: Callable[[type], tuple[Any, ...]] = attrgetter(*CURSOR_METHODS)
_djangos_methods: dict[type, tuple[Any, ...]] = {}  # by class; methods that were found to be Django's


def _has_djangos_methods(backend: type) -> bool:
    try:
        methods = _methods_of(backend)
    except AttributeError:  # a proxy's class
        return False
    # compared by identity, since a wrapper can claim to equal what it wraps
    if backend in _djangos_methods and all(map(is_, methods, _djangos_methods[backend])):
        return True
    if all(_is_function_of(method, DJANGO_MODULES) for method in methods):
        _djangos_methods[backend] = methods
        return True
    return False


def _is_function_of(function: Any, modules: Collection[str]) -> bool:
    """Return True if one of these modules defines the function.

    A wrapper can copy the name of what it wraps, but not its global namespace.
    """
    while type(function) is FunctionType and function.__globals__.get("__name__") == DECORATORS_MODULE:
        function = getattr(function, "__wrapped__", None)
    return type(function) is FunctionType and function.__globals__.get("__name__") in modules


def _is_plain(driver_connection: Any, psycopg: Any) -> bool:
    """Return True for psycopg's own connection that makes Django's cursors; a tracer puts proxies in their place."""
    return (
        type(driver_connection) is psycopg.Connection
        and "cursor" not in vars(driver_connection)
        and _is_function_of(psycopg.Connection.cursor, ["psycopg.connection"])
        and driver_connection.cursor_factory.__module__ == "django.db.backends.postgresql.base"
    )


# ---------------------------------------------------------------- the cursor


def _fast_cursor(connection: Any) -> Any:
    """Return our cursor in Django's wrapper; None if psycopg is too old or traced."""
    if not speaks_psycopg(connection):
        return None
    # as Django's `_cursor` does
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_thread_sharing()
    driver_connection = connection.connection
    if not _is_plain(driver_connection, connection.Database):
        return None
    cursor = getattr(connection, CURSOR_ATTRIBUTE, None)
    if cursor is None or cursor.connection is not driver_connection:
        cursor = _new_cursor(connection, driver_connection)
        setattr(connection, CURSOR_ATTRIBUTE, cursor)
    return connection.make_cursor(cursor)


def _new_cursor(connection: Any, driver_connection: Any) -> Any:
    djangos_class = driver_connection.cursor_factory
    driver_connection.cursor_factory = _cursor_class(connection.Database)
    try:
        with connection.wrap_database_errors:
            cursor = connection.create_cursor()
    finally:
        driver_connection.cursor_factory = djangos_class
    cursor.preparation = preparation_of(driver_connection, connection.settings_dict["OPTIONS"])
    return cursor


@cache
def _cursor_class(psycopg: Any) -> Any:
    class FastCursor(psycopg.RawCursor):  # type: ignore[misc]
        """A cursor that accepts `%s`, as Django's do, and decides itself which statements are prepared."""

        preparation: Preparation

        def execute(self, query: str, params: Sequence[Any] | None = None) -> Any:
            prepare = self.preparation.choose(self.connection, query)
            return super().execute(_numbered(query), params, prepare=prepare)

    return FastCursor


@lru_cache(maxsize=256)
def _numbered(sql: str) -> str:
    """Return the text with PostgreSQL's own placeholders; psycopg would search a long text for `%s` each time."""
    first, *others = sql.split("%s")
    return first + "".join(f"${number}{text}" for number, text in enumerate(others, 1))
