"""System checks of `DATABASES`, and of what the database itself reports."""

import pytest
from django.core.checks import Tags, run_checks
from django.db import connection, connections
from django.test import override_settings

from stockhub_webhooks.operations.checks import database, tables
from tests.operations.test_checks import GOOD

TABLE = "stockhub_webhooks_heartbeat"


@pytest.fixture
def pretend(monkeypatch):
    """Return a function that pretends another database vendor, with other settings."""

    def change(vendor, **changes):
        connection = connections["default"]
        monkeypatch.setattr(connection, "settings_dict", connection.settings_dict | {"OPTIONS": {}} | changes)
        monkeypatch.setattr(type(connection), "vendor", vendor)

    return change


def ids(messages):
    assert all(message.hint for message in messages)
    return [message.id.partition(".")[2] for message in messages]


@pytest.mark.parametrize(
    ("vendor", "asgi", "words"),
    [
        ("postgresql", "", ["pool", "CONN_MAX_AGE to 600"]),
        ("postgresql", "shop.asgi.application", ["pool"]),
        ("mysql", "", ["CONN_MAX_AGE to 600"]),
        ("mysql", "shop.asgi.application", None),
    ],
)
def test_persistent_connections_are_not_recommended_under_asgi(pretend, settings, vendor, asgi, words):
    settings.ASGI_APPLICATION = asgi
    pretend(vendor, CONN_MAX_AGE=0)
    hints = [message.hint for message in database.new_connections()]
    assert len(hints) == (words is not None)
    for hint in hints:
        assert [word for word in ("pool", "CONN_MAX_AGE to 600") if word in hint] == words


@pytest.mark.parametrize(
    ("vendor", "changes", "expected"),
    [
        ("postgresql", {"CONN_MAX_AGE": 0}, ["W005"]),
        ("postgresql", {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}, []),
        ("postgresql", {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": False}, ["W018"]),
        ("mysql", {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}, ["W018"]),
        ("postgresql", {"CONN_MAX_AGE": 0, "OPTIONS": {"pool": True}}, []),
        ("sqlite", {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}, []),
        ("postgresql", {"TIME_ZONE": "Europe/Amsterdam", "CONN_MAX_AGE": 1, "CONN_HEALTH_CHECKS": True}, []),
        ("mysql", {"TIME_ZONE": "Europe/Amsterdam", "CONN_MAX_AGE": 1, "CONN_HEALTH_CHECKS": True}, ["E016"]),
        ("sqlite", {"TIME_ZONE": "Europe/Amsterdam"}, ["E016"]),
        ("sqlite", {"TIME_ZONE": "UTC"}, []),
        ("mysql", {"CONN_MAX_AGE": 0, "OPTIONS": {"isolation_level": None}}, ["W005", "W020"]),
        ("mysql", {"CONN_MAX_AGE": 0, "OPTIONS": {"isolation_level": "repeatable read"}}, ["W005", "W020"]),
        ("mysql", {"CONN_MAX_AGE": 0, "OPTIONS": {"isolation_level": "READ COMMITTED"}}, ["W005"]),
    ],
)
def test_database_settings_that_cost_speed_or_break_are_reported(pretend, monkeypatch, vendor, changes, expected):
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    pretend(vendor, **({"TIME_ZONE": None} | changes))
    assert ids([message for check in database.CHECKS for message in check()]) == expected


@pytest.mark.parametrize(
    ("vendor", "runner", "workers", "expected"),
    [
        ("sqlite", "inline", "", []),
        ("sqlite", "inline", "1", []),
        ("sqlite", "inline", "4", ["W019"]),
        ("sqlite", "worker", "", ["W019"]),
        ("sqlite", "celery", "auto", ["W019"]),
        ("postgresql", "worker", "4", []),
    ],
)
def test_several_processes_on_one_sqlite_file_are_a_warning(pretend, monkeypatch, vendor, runner, workers, expected):
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    pretend(vendor)
    with override_settings(STOCKHUB_WEBHOOKS=GOOD | {"RUNNER": runner}):
        assert ids(list(database.many_writers())) == expected


def test_no_check_queries_the_database_unless_database_checks_are_requested(django_db_blocker, settings):
    settings.STOCKHUB_WEBHOOKS = GOOD
    with django_db_blocker.block():
        from stockhub_webhooks.operations.checks import check_all, check_tables

        assert list(check_all(None)) == []
        assert list(check_tables(None)) == list(check_tables(None, databases=["other"])) == []


# ---------------------------------------------------------------- what the database itself reports


def database_messages():
    messages = run_checks(tags=[Tags.database], databases=["default"])
    return [message for message in messages if message.id.startswith("stockhub_webhooks.")]


@pytest.mark.django_db
def test_database_of_the_tests_passes():
    assert database_messages() == []


@pytest.mark.django_db
def test_database_checks_are_skipped_if_only_another_app_is_checked():
    from django.apps import apps

    from stockhub_webhooks.operations.checks import check_tables

    assert list(check_tables([apps.get_app_config("auth")], databases=["default"])) == []


@pytest.fixture
def changed_table(transactional_db):
    """Return a function that alters a table; the table is restored after the test."""
    back = []

    def change(how, *undo):
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {TABLE} {how}")
        back.extend(undo)

    yield change
    with connection.cursor() as cursor:
        for undo in back:
            cursor.execute(f"ALTER TABLE {TABLE} {undo}")


@pytest.mark.mariadb
def test_table_without_transactions_is_an_error(changed_table):
    changed_table("ENGINE=MyISAM", "ENGINE=InnoDB")
    (message,) = database_messages()
    assert (ids([message]), message.is_serious()) == (["E018"], True)
    assert TABLE in message.msg


@pytest.mark.mariadb
def test_table_with_a_limited_character_set_is_a_warning(changed_table):
    changed_table(
        "CONVERT TO CHARACTER SET latin1",
        "CONVERT TO CHARACTER SET utf8mb4",
        "MODIFY name varchar(64) COLLATE utf8mb4_nopad_bin NOT NULL",
    )
    messages = database_messages()
    assert ids(messages) == ["W021", "E021"]
    assert all(TABLE in message.msg for message in messages)


@pytest.mark.parametrize(
    ("check", "answers", "expected"),
    [
        (tables.engine, {"information_schema": [(TABLE, "MyISAM", "utf8mb4_bin")]}, ["E018"]),
        (tables.engine, {"information_schema": [("theirs", "MyISAM", "latin1_bin")], "@@": [("InnoDB",)]}, []),
        (tables.engine, {"@@default_storage_engine": [("MyISAM",)]}, ["E018"]),
        (tables.character_set, {"information_schema": [(TABLE, "InnoDB", "latin1_swedish_ci")]}, ["W021"]),
        (tables.character_set, {"information_schema": [(TABLE, "InnoDB", "utf8mb4_bin")], "@@": [("utf8mb4",)]}, []),
        (tables.character_set, {"@@character_set_database": [("latin1",)]}, ["W021"]),
    ],
)
def test_mysql_tables_and_defaults_are_checked_before_and_after_migrate(pretend, monkeypatch, check, answers, expected):
    pretend("mysql")
    monkeypatch.setattr(tables, "_rows", lambda sql: next((rows for sign, rows in answers.items() if sign in sql), []))
    assert ids(list(check())) == expected


@pytest.mark.parametrize(("mode", "expected"), [("delete", ["W022"]), ("wal", []), ("memory", [])])
def test_journal_mode_that_blocks_readers_is_a_warning(pretend, monkeypatch, mode, expected):
    pretend("sqlite")
    monkeypatch.setattr(tables, "_rows", lambda sql: [(mode,)])
    assert ids(list(tables.journal_mode())) == expected


@pytest.mark.parametrize(
    ("check", "vendor"),
    [
        (tables.engine, "postgresql"),
        (tables.character_set, "sqlite"),
        (tables.collation, "postgresql"),
        (tables.journal_mode, "postgresql"),
    ],
)
def test_other_databases_are_not_queried(pretend, monkeypatch, check, vendor):
    pretend(vendor)
    monkeypatch.setattr(tables, "_rows", lambda sql: pytest.fail("queried"))
    assert list(check()) == []


@pytest.mark.parametrize("vendor", ["mysql", "sqlite"])
def test_databases_without_sequences_are_not_asked_for_them(pretend, monkeypatch, vendor):
    pretend(vendor)
    assert list(tables.sequences()) == []


@pytest.mark.django_db
def test_failing_query_reports_nothing():
    assert tables._rows("SELECT nonsense FROM nowhere") == []


@pytest.mark.parametrize(
    ("level", "expected"),
    [(None, []), ("repeatable read", []), (3, []), (4, ["W020"]), ("SERIALIZABLE", ["W020"])],
)
def test_serializable_transactions_are_warned_of_on_postgresql(pretend, level, expected):
    pretend("postgresql", OPTIONS={"isolation_level": level} if level else {})
    assert ids(list(database.isolation())) == expected


def test_own_database_is_warned_of(monkeypatch):
    assert ids(list(database.own_database())) == []
    monkeypatch.setattr(database, "database_alias", lambda: "other")
    assert ids(list(database.own_database())) == ["W047"]


@pytest.mark.parametrize(("encoding", "expected"), [("UTF8", []), ("LATIN1", ["W021"])])
def test_encoding_that_cannot_store_each_name_is_warned_of_on_postgresql(pretend, monkeypatch, encoding, expected):
    pretend("postgresql")
    monkeypatch.setattr(tables, "_tables", lambda: iter(()))
    monkeypatch.setattr(tables, "_rows", lambda sql: [(encoding,)])
    assert ids(list(tables.character_set())) == expected
