"""How the host speaks with its database, and what the database itself can tell."""

import pytest
from django.core.checks import Tags, run_checks
from django.db import connection, connections
from django.test import override_settings

from stockhub_webhooks.operations.checks import database, tables
from tests.operations.test_checks import GOOD

TABLE = "stockhub_webhooks_heartbeat"


@pytest.fixture
def lives(monkeypatch):
    """Let the database be of another kind, with other settings."""

    def change(vendor, **changes):
        there = connections["default"]
        monkeypatch.setattr(there, "settings_dict", there.settings_dict | {"OPTIONS": {}} | changes)
        monkeypatch.setattr(type(there), "vendor", vendor)

    return change


def codes(found):
    assert all(message.hint for message in found)
    return [message.id.partition(".")[2] for message in found]


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
def test_what_the_settings_tell(lives, monkeypatch, vendor, changes, expected):
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    lives(vendor, **({"TIME_ZONE": None} | changes))
    assert codes([message for check in database.CHECKS for message in check()]) == expected


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
def test_several_processes_on_one_sqlite_file_are_warned_of(lives, monkeypatch, vendor, runner, workers, expected):
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    lives(vendor)
    with override_settings(STOCKHUB_WEBHOOKS=GOOD | {"RUNNER": runner}):
        assert codes(list(database.many_writers())) == expected


def test_no_check_asks_the_database_where_it_is_not_asked_for(django_db_blocker, settings):
    settings.STOCKHUB_WEBHOOKS = GOOD
    with django_db_blocker.block():
        from stockhub_webhooks.operations.checks import check_all, check_tables

        assert list(check_all(None)) == []
        assert list(check_tables(None)) == list(check_tables(None, databases=["other"])) == []


# ---------------------------------------------------------------- what the database itself tells


def asked():
    found = run_checks(tags=[Tags.database], databases=["default"])
    return [message for message in found if message.id.startswith("stockhub_webhooks.")]


@pytest.mark.django_db
def test_the_database_of_the_tests_is_as_it_should_be():
    assert asked() == []


@pytest.mark.django_db
def test_another_app_is_not_our_business():
    from django.apps import apps

    from stockhub_webhooks.operations.checks import check_tables

    assert list(check_tables([apps.get_app_config("auth")], databases=["default"])) == []


@pytest.fixture
def changed_table(transactional_db):
    """Change a table for one test, and change it back."""
    back = []

    def change(how, undo):
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {TABLE} {how}")
        back.append(undo)

    yield change
    with connection.cursor() as cursor:
        for undo in back:
            cursor.execute(f"ALTER TABLE {TABLE} {undo}")


@pytest.mark.mariadb
def test_a_table_without_transactions_is_an_error(changed_table):
    changed_table("ENGINE=MyISAM", "ENGINE=InnoDB")
    (found,) = asked()
    assert (codes([found]), found.is_serious()) == (["E018"], True)
    assert TABLE in found.msg


@pytest.mark.mariadb
def test_a_table_for_few_characters_is_warned_of(changed_table):
    changed_table("CONVERT TO CHARACTER SET latin1", "CONVERT TO CHARACTER SET utf8mb4")
    (found,) = asked()
    assert codes([found]) == ["W021"]
    assert TABLE in found.msg


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
def test_what_mysql_tells_before_and_after_migrate(lives, monkeypatch, check, answers, expected):
    lives("mysql")
    monkeypatch.setattr(tables, "_rows", lambda sql: next((rows for sign, rows in answers.items() if sign in sql), []))
    assert codes(list(check())) == expected


@pytest.mark.parametrize(("mode", "expected"), [("delete", ["W022"]), ("wal", []), ("memory", [])])
def test_readers_and_writers_of_sqlite_should_not_wait_for_each_other(lives, monkeypatch, mode, expected):
    lives("sqlite")
    monkeypatch.setattr(tables, "_rows", lambda sql: [(mode,)])
    assert codes(list(tables.journal_mode())) == expected


def test_elsewhere_nothing_is_asked_of_engines(lives, monkeypatch):
    lives("postgresql")
    monkeypatch.setattr(tables, "_rows", lambda sql: pytest.fail("asked"))
    assert [message for check in tables.CHECKS for message in check()] == []


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_not_our_subject():
    assert tables._rows("SELECT nonsense FROM nowhere") == []
