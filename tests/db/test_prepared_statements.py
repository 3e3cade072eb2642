"""Kept statements are prepared on direct connections, never through a pooler."""

import logging
from operator import methodcaller

import pytest
from django.db import OperationalError, connections, transaction

from stockhub_webhooks.db import prepared_statements
from stockhub_webhooks.db.cursors import run
from stockhub_webhooks.db.writes import insert, select_for_update
from stockhub_webhooks.models import Order
from tests.processes import execute

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]
STATEMENT = "SELECT %s::int + 1"


@pytest.fixture(autouse=True)
def _on(monkeypatch):
    monkeypatch.setattr(prepared_statements, "_is_off", False)


@pytest.fixture
def connection(request, monkeypatch):
    """The default connection, opened anew, with the OPTIONS that a test asks for."""
    connection = connections["default"]
    connection.close()
    options = connection.settings_dict["OPTIONS"] | getattr(request, "param", {})
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    if "pool" in options:
        monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    yield connection
    connection.close()
    connection.close_pool()


def with_options(*choices):
    return pytest.mark.parametrize("connection", choices, indirect=True, ids=str)


def select(connection):
    return run(connection, STATEMENT, (41,), methodcaller("fetchone"))


def prepared(connection):
    """Return the texts that PostgreSQL keeps for this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [text for (text,) in cursor.fetchall()]


@with_options({}, {"pool": True}, {"server_side_binding": True})
def test_a_statement_is_prepared_when_it_is_repeated(connection):
    assert select(connection) == (42,)
    assert prepared(connection) == []
    assert select(connection) == select(connection) == (42,)
    assert prepared(connection) == ["SELECT $1::int + 1"]


@with_options({"pool": {"min_size": 1, "max_size": 1}})
def test_a_pooled_connection_is_known_when_it_comes_back(connection):
    for _ in range(3):
        assert select(connection) == (42,)
        connection.close()
    assert prepared(connection) == ["SELECT $1::int + 1"]


def test_the_hosts_own_statements_are_not_prepared(connection):
    for _ in range(10):
        select(connection)
        Order.objects.filter(increment_id="1").exists()
    assert prepared(connection) == ["SELECT $1::int + 1"]


@with_options({"prepare_threshold": None})
def test_a_host_can_switch_them_off(connection):
    for _ in range(10):
        select(connection)
    assert prepared(connection) == []


@with_options({"prepare_threshold": 3})
def test_a_host_can_choose_its_own_threshold(connection):
    for _ in range(3):
        select(connection)
    assert prepared(connection) == []
    select(connection)
    assert prepared(connection) == ["SELECT $1::int + 1"]


@with_options({}, {"prepare_threshold": 0})
def test_prepared_statements_read_and_write_the_same(connection):
    for number in ("1", "2", "3"):
        insert([Order(account="default", increment_id=number, grand_total=number)], "default")
        with transaction.atomic():
            order = select_for_update(Order, "default", account="default", increment_id=number)
        assert (order.increment_id, order.grand_total) == (number, int(number))
    assert len(prepared(connection)) >= 2


def test_nothing_is_prepared_if_the_process_number_is_a_poolers(connection, monkeypatch):
    connection.ensure_connection()
    numbers = type(connection.connection.info)
    monkeypatch.setattr(numbers, "backend_pid", property(lambda info: 1))
    for _ in range(10):
        assert select(connection) == (42,)
    assert prepared(connection) == []


def test_the_process_number_is_asked_once_for_each_connection(connection, monkeypatch):
    asked = []
    real = prepared_statements._is_direct
    monkeypatch.setattr(prepared_statements, "_is_direct", lambda connection: asked.append(1) or real(connection))
    for _ in range(2):
        for _ in range(5):
            select(connection)
        run(connection, "SELECT %s::text", ("x",), lambda cursor: None)
        connection.close()
    assert len(asked) == 2


# ---------------------------------------------------------------- faults


def lose_statements(connection):
    """Deallocate what is prepared, behind psycopg's back."""
    connection.connection.pgconn.exec_(b"DEALLOCATE ALL")


def duplicate_names(connection):
    """Prepare other statements under the names that psycopg takes next, as another client of a pooler would."""
    for number in range(3):
        connection.connection.pgconn.exec_(f"PREPARE _pg3_{number} AS SELECT 'another client''s'".encode())


@pytest.mark.parametrize(("fault", "repetitions"), [(lose_statements, 3), (duplicate_names, 1)])
def test_a_refused_statement_is_repeated_and_none_is_prepared_any_more(connection, caplog, fault, repetitions):
    for _ in range(repetitions):
        select(connection)
    fault(connection)
    with caplog.at_level(logging.WARNING, prepared_statements.__name__):
        assert select(connection) == select(connection) == (42,)
    assert len(caplog.records) == 1
    connection.close()
    for _ in range(5):
        assert select(connection) == (42,)
    assert prepared(connection) == []


def test_a_transaction_whose_statement_is_refused_can_be_repeated(connection):
    for _ in range(3):
        select(connection)
    lose_statements(connection)
    with pytest.raises(OperationalError), transaction.atomic():
        select(connection)
    with transaction.atomic():
        assert select(connection) == (42,)


def test_a_message_whose_transaction_loses_its_statements_is_applied(connection, post):
    for _ in range(3):
        post("order")
    assert prepared(connection)
    lose_statements(connection)
    answer = post("order")
    assert (answer.status_code, answer.json()["outcome"]) == (200, "unchanged")


@pytest.mark.parametrize("in_transaction", [True, False])
def test_migrations_during_operation_are_survived(connection, caplog, in_transaction):
    def read():
        return select_for_update(Order, "default", account="default", increment_id="1")

    def alter(change):
        execute(f"ALTER TABLE stockhub_webhooks_order {change}")

    insert([Order(account="default", increment_id="1")], "default")
    for _ in range(3):
        assert read().increment_id == "1"
    alter("ADD COLUMN later integer")
    try:
        assert read().increment_id == "1"
        alter("ALTER COLUMN status TYPE varchar(300)")
        if in_transaction:
            with pytest.raises(OperationalError), transaction.atomic():
                read()
        assert read().increment_id == "1"
    finally:
        alter("DROP COLUMN later, ALTER COLUMN status TYPE varchar(255)")
    assert not caplog.records  # nothing is switched off
    connection.close()
    for _ in range(3):
        read()
    assert len(prepared(connection)) == 1
