"""Kept statements go through Django's own cursor if the host replaced anything that makes or observes cursors."""

import functools
from operator import methodcaller

import psycopg
import pytest
from django.db import NotSupportedError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext

from stockhub_webhooks.db.cursors import CURSOR_ATTRIBUTE, CURSOR_METHODS, run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture
def connect():
    """Open a connection of a Django backend class; it is closed after the test."""
    opened = []

    def connect(backend=None, **settings):
        shared = connections["default"]
        connection = (backend or type(shared))(shared.settings_dict | settings, "own")
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()


def select(connection):
    """Run a kept statement; return True if it took the fast cursor."""
    vars(connection).pop(CURSOR_ATTRIBUTE, None)
    assert run(connection, "SELECT %s::int + 1", (41,), methodcaller("fetchone")) == (42,)
    return CURSOR_ATTRIBUTE in vars(connection)


def recording(function, calls):
    """Wrap a function as tracers do, under its own name."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        calls.append(function.__name__)
        return function(*args, **kwargs)

    return wrapper


def test_plain_django_gets_the_fast_cursor(connect):
    assert select(connect())


def test_geodjangos_backend_gets_the_fast_cursor(connect):
    djangos = type(connections["default"])
    assert select(connect(type("PostGIS", (djangos,), {"get_new_connection": djangos.get_new_connection})))


# methods that a statement comes through; the others belong to queries that are logged and to server-side cursors
CALLED = {"cursor", "_cursor", "_prepare_cursor", "create_cursor", "make_cursor"}


@pytest.mark.parametrize("name", CURSOR_METHODS)
def test_a_method_that_the_backend_overrides_is_called(connect, name):
    calls, djangos = [], type(connections["default"])
    backend = type("TenantBackend", (djangos,), {name: recording(getattr(djangos, name), calls)})
    connection = connect(backend)
    connection.ensure_connection()
    calls.clear()
    assert not select(connection)
    assert calls == ([name] if name in CALLED else [])


@pytest.mark.parametrize("name", CURSOR_METHODS)
def test_a_method_that_is_replaced_on_the_instance_is_called_from_the_next_statement_on(connect, name):
    calls, connection = [], connect()
    assert select(connection)
    setattr(connection, name, recording(getattr(connection, name), calls))
    assert not select(connection)
    assert calls == ([name] if name in CALLED else [])
    delattr(connection, name)
    assert select(connection)


@pytest.mark.parametrize("name", CURSOR_METHODS)
def test_a_method_that_is_replaced_on_a_base_class_is_called_from_the_next_statement_on(connect, monkeypatch, name):
    calls, connection = [], connect()
    assert select(connection)
    owner = next(base for base in type(connection).__mro__ if name in vars(base))
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, recording(getattr(owner, name), calls))
        assert not select(connection)
    assert calls == ([name] if name in CALLED else [])
    assert select(connection)


def test_a_proxy_that_claims_to_equal_the_method_is_noticed(connect, monkeypatch):
    class Proxy:
        """Equal to what it wraps, as wrapt's proxies are."""

        def __init__(self, wrapped):
            self.wrapped = wrapped

        def __eq__(self, other):
            return self.wrapped == other

        def __hash__(self):
            return hash(self.wrapped)

        def __getattr__(self, name):
            return getattr(self.wrapped, name)

        def __get__(self, instance, owner):
            return self if instance is None else self.wrapped.__get__(instance, owner)

    connection = connect()
    assert select(connection)
    monkeypatch.setattr(BaseDatabaseWrapper, "_cursor", Proxy(BaseDatabaseWrapper._cursor))
    assert not select(connection)


def test_statements_are_shown_to_execute_wrappers(connect):
    statements, connection = [], connect()

    def set_context(execute, sql, params, many, context):
        """Send two commands at once, as pghistory does; only values inside the text allow that."""
        statements.append(sql)
        return execute(f"SELECT set_config('shop.context', 'x', true); {sql}", params, many, context)

    assert select(connection)
    with connection.execute_wrapper(set_context):
        assert run(connection, "CREATE TEMPORARY TABLE t AS SELECT %s::int", (41,), lambda cursor: True)
        assert not select_in_context(connection)
    assert len(statements) == 2
    assert select(connection)


def select_in_context(connection):
    vars(connection).pop(CURSOR_ATTRIBUTE, None)
    run(connection, "SELECT %s::int", (41,), lambda cursor: None)
    return CURSOR_ATTRIBUTE in vars(connection)


def test_logged_statements_show_their_values(connect, settings):
    connection = connect()
    with CaptureQueriesContext(connection) as captured:
        assert not select(connection)
    assert [query["sql"] for query in captured] == ["SELECT 41::int + 1"]
    settings.DEBUG = True
    assert not select(connection)


@pytest.mark.parametrize("traced", ["class", "cursor factory", "cursor"])
def test_a_traced_connection_of_psycopg_makes_its_own_cursors(connect, traced):
    class Traced(psycopg.Connection):
        pass

    class TracedCursor(psycopg.ClientCursor):
        pass

    connection = connect()
    connection.ensure_connection()
    wire = connection.connection
    if traced == "class":
        wire.__class__ = Traced
    elif traced == "cursor factory":
        wire.cursor_factory = TracedCursor
    else:
        wire.cursor = recording(wire.cursor, [])
    assert not select(connection)


def test_a_new_connection_gets_a_new_cursor(connect):
    connection = connect()
    select(connection)
    first = vars(connection)[CURSOR_ATTRIBUTE]
    run(connection, "SELECT %s::int", (1,), lambda cursor: None)
    assert vars(connection)[CURSOR_ATTRIBUTE] is first
    connection.close()
    run(connection, "SELECT %s::int", (1,), lambda cursor: None)
    assert vars(connection)[CURSOR_ATTRIBUTE] is not first
    assert type(connection.connection.cursor()) is not type(first)  # the host's cursors stay Django's


def test_errors_are_djangos(connect):
    locked_aggregate = "SELECT sum(%s::int) FROM (VALUES (1)) AS v FOR UPDATE"  # SQLSTATE 0A000
    with pytest.raises(NotSupportedError):
        run(connect(), locked_aggregate, (1,), lambda cursor: None)
