"""A database that is there and will not take a message: the spool does, and it is there once afterwards.

The database itself refuses here, for the reasons that it has in life; nothing of ours is replaced.
"""

from contextlib import closing, contextmanager

import pytest
from django.db import connection, connections
from django.db.utils import load_backend

from stockhub_webhooks.models import Message
from stockhub_webhooks.receiving import spool
from tests.processes import execute

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = Message._meta.db_table


@contextmanager
def somebody_else():
    """Open a connection of another process, in a transaction."""
    backend = load_backend(connection.settings_dict["ENGINE"])
    settings = connections.settings["default"] | {"NAME": connection.settings_dict["NAME"], "CONN_MAX_AGE": 0}
    with closing(backend.DatabaseWrapper(settings, "somebody else")) as own:
        own.set_autocommit(False)
        with own.cursor() as cursor:
            yield cursor
        own.rollback()


@contextmanager
def database_setting(setting):
    """Set it for all new connections, as an administrator or a fail-over would."""
    name = connection.settings_dict["NAME"]
    execute(f'ALTER DATABASE "{name}" SET {setting}')
    try:
        yield
    finally:
        # the connection that takes it back must not be bound by it
        execute(f'BEGIN READ WRITE; ALTER DATABASE "{name}" RESET {setting.split("=")[0]}; COMMIT')


# ---------------------------------------------------------------- PostgreSQL


@pytest.mark.postgresql
def test_read_only_postgresql_loses_no_message(options, send, is_there_once):
    with database_setting("default_transaction_read_only=on"):
        options()
        assert send() == 202
        assert len(list(spool.files())) == 1
    connection.close()
    is_there_once("1")


REASONS = {
    "disk_full": "53100",
    "out_of_memory": "53200",
    "lock_not_available": "55P03",
    "admin_shutdown": "57P01",
    "read_only": "25006",
    "io_error": "58030",
    "data_corrupted": "XX001",
}


@pytest.mark.postgresql
@pytest.mark.parametrize("state", REASONS.values(), ids=REASONS)
def test_postgresql_that_fails_at_the_insert_loses_no_message(transactional_db, send, is_there_once, state):
    execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"
    )
    execute(f"CREATE TRIGGER refuse BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION refuse()")
    try:
        assert send() == 202
        assert len(list(spool.files())) == 1
    finally:
        execute("DROP FUNCTION refuse CASCADE")
    is_there_once("1")


@pytest.mark.postgresql
@pytest.mark.parametrize("limit", ["statement_timeout", "lock_timeout"])
def test_locked_postgresql_table_loses_no_message(options, send, is_there_once, limit):
    options(options=f"-c {limit}=200")
    with somebody_else() as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        assert send() == 202
        assert len(list(spool.files())) == 1
    is_there_once("1")


@pytest.mark.postgresql
def test_postgresql_without_free_connections_loses_no_message(options, send, is_there_once):
    name = connection.settings_dict["NAME"]
    with somebody_else() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 1')
        cursor.execute("COMMIT")
        try:
            options()
            assert send() == 202
            assert len(list(spool.files())) == 1
        finally:
            cursor.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1')
            cursor.execute("COMMIT")
    is_there_once("1")


@pytest.mark.postgresql
def test_exhausted_pool_loses_no_message(options, monkeypatch, send, is_there_once):
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    options(pool={"min_size": 0, "max_size": 1, "timeout": 0.2})
    try:
        connection.pool.open()
        held = connection.pool.getconn()
        assert send() == 202
        assert len(list(spool.files())) == 1
        connection.pool.putconn(held)
        is_there_once("1")
    finally:
        connection.close()
        connection.close_pool()


# ---------------------------------------------------------------- MariaDB


@pytest.mark.mariadb
def test_read_only_mariadb_loses_no_message(options, send, is_there_once):
    options(init_command="SET SESSION TRANSACTION READ ONLY")
    assert send() == 202
    assert len(list(spool.files())) == 1
    options(init_command="SET SESSION TRANSACTION READ WRITE")
    is_there_once("1")


@pytest.mark.mariadb
def test_locked_mariadb_table_loses_no_message(options, send, is_there_once):
    options(init_command="SET SESSION lock_wait_timeout = 1, innodb_lock_wait_timeout = 1")
    with somebody_else() as cursor:
        cursor.execute(f"LOCK TABLES {TABLE} WRITE")
        assert send() == 202
        assert len(list(spool.files())) == 1
        cursor.execute("UNLOCK TABLES")
    is_there_once("1")


FAULTS = {"table full": 1114, "disk full": 1021, "read only": 1290, "lock wait": 1205, "deadlock": 1213}


@pytest.mark.mariadb
@pytest.mark.parametrize("number", FAULTS.values(), ids=FAULTS)
def test_mariadb_that_fails_at_the_insert_loses_no_message(transactional_db, send, is_there_once, number):
    execute(
        f"CREATE TRIGGER refuse BEFORE INSERT ON {TABLE} FOR EACH ROW "
        f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'no'"
    )
    try:
        assert send() == 202
        assert len(list(spool.files())) == 1
    finally:
        execute("DROP TRIGGER refuse")
    is_there_once("1")
