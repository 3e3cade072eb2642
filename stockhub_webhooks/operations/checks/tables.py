"""Checks that query the database, so they run only if Django's database checks are requested.

A query that fails reports nothing: other checks cover a database that is unavailable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.db import Error as DatabaseFault
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from stockhub_webhooks.db.collation import COLLATIONS, alter_statement
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.sequences import behind_sequences
from stockhub_webhooks.operations.checks import retention, server_timeouts

TRANSACTIONAL = "InnoDB"
CHARACTER_SET = "utf8mb4"
ENCODINGS = ("UTF8", "SQL_ASCII")
GOOD_JOURNAL_MODES = ("wal", "memory")  # a database in memory is not shared between processes


def engine() -> Iterable[CheckMessage]:
    """E018: tables without transactions, which could keep half of a message."""
    wrong = sorted(name for name, kind, _ in _tables() if kind and kind != TRANSACTIONAL)
    if wrong:
        yield Error(
            f"Tables without transactions: {', '.join(wrong)}. Half of a message could be applied.",
            hint=f"ALTER TABLE {wrong[0]} ENGINE={TRANSACTIONAL}, for each table. Make {TRANSACTIONAL} the default.",
            id="stockhub_webhooks.E018",
        )
    elif connections[database_alias()].vendor == "mysql":
        for (kind,) in _rows("SELECT @@default_storage_engine"):
            if kind != TRANSACTIONAL:
                yield Error(
                    f"migrate would create tables without transactions (default_storage_engine is {kind}).",
                    hint=f'Add "init_command": "SET default_storage_engine={TRANSACTIONAL}" to OPTIONS.',
                    id="stockhub_webhooks.E018",
                )


def character_set() -> Iterable[CheckMessage]:
    """W021: a character set that cannot store every name or note of a customer."""
    wrong = sorted(name for name, _, collation in _tables() if collation and not collation.startswith(CHARACTER_SET))
    if wrong:
        yield Warning(
            f"Tables that cannot store every character: {', '.join(wrong)}. Messages with such characters fail.",
            hint=f"ALTER TABLE {wrong[0]} CONVERT TO CHARACTER SET {CHARACTER_SET}, for each table.",
            id="stockhub_webhooks.W021",
        )
    elif connections[database_alias()].vendor == "postgresql":
        for (encoding,) in _rows("SHOW server_encoding"):
            if encoding not in ENCODINGS:
                yield Warning(
                    f"The database's encoding is {encoding}, which cannot store every character: messages with such "
                    "characters fail.",
                    hint="Make a database with ENCODING 'UTF8', and move the tables there with pg_dump.",
                    id="stockhub_webhooks.W021",
                )
    elif connections[database_alias()].vendor == "mysql":
        for (character_set_name,) in _rows("SELECT @@character_set_database"):
            if character_set_name != CHARACTER_SET:
                yield Warning(
                    f"migrate would create tables that cannot store every character ({character_set_name}).",
                    hint=f"ALTER DATABASE … CHARACTER SET {CHARACTER_SET}, before `migrate`.",
                    id="stockhub_webhooks.W021",
                )


def collation() -> Iterable[CheckMessage]:
    """E021: columns of numbers and names that ignore case, so that two customers' orders become one."""
    connection = connections[database_alias()]
    if connection.vendor != "mysql":
        return
    collations = {(table, column): collation for table, column, collation in _rows(COLLATIONS)}
    loader = MigrationLoader(connection) if collations else None
    # an error would keep `migrate` from running, which gives the columns their collations
    if loader is None or not set(loader.graph.leaf_nodes("stockhub_webhooks")) <= loader.applied_migrations.keys():
        return
    editor = connection.SchemaEditorClass(connection)
    for model in apps.get_app_config("stockhub_webhooks").get_models():
        sql, parameters = alter_statement(model, editor, collations)
        if sql:
            yield Error(
                f"Columns of {model._meta.db_table} ignore case, accents or trailing blanks: an order can overwrite "
                "another customer's.",
                hint=f"{sql % tuple(map(editor.quote_value, parameters))};",
                id="stockhub_webhooks.E021",
            )


def journal_mode() -> Iterable[CheckMessage]:
    """W022: a journal mode in which reading, for example in the admin, blocks the storing of messages."""
    if connections[database_alias()].vendor != "sqlite":
        return
    for (mode,) in _rows("PRAGMA journal_mode"):
        if mode not in GOOD_JOURNAL_MODES:
            yield Warning(
                f"SQLite's journal mode is {mode}: readers block writers, and writers block readers.",
                hint='Add "init_command": "PRAGMA journal_mode=WAL" to OPTIONS.',
                id="stockhub_webhooks.W022",
            )


def sequences() -> Iterable[CheckMessage]:
    """W033: sequences that are behind, as after a restore of rows: a new row takes a key that exists already."""
    try:
        behind = behind_sequences(database_alias())
    except DatabaseFault:
        return
    if behind:
        yield Warning(
            f"Sequences of primary keys are behind: {', '.join(sorted(each.table for each in behind))}. The first new "
            "row of each table fails once.",
            hint="python manage.py sqlsequencereset stockhub_webhooks | python manage.py dbshell",
            id="stockhub_webhooks.W033",
        )


def _tables() -> Iterator[tuple[str, str, str]]:
    """Yield name, engine and collation of each of our tables on MySQL and MariaDB."""
    if connections[database_alias()].vendor != "mysql":
        return
    ours = {model._meta.db_table for model in apps.get_app_config("stockhub_webhooks").get_models()}
    sql = "SELECT table_name, engine, table_collation FROM information_schema.tables WHERE table_schema = DATABASE()"
    yield from ((name, kind or "", collation or "") for name, kind, collation in _rows(sql) if name in ours)


def _rows(sql: str) -> list[tuple[Any, ...]]:
    try:
        with connections[database_alias()].cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())
    except DatabaseFault:
        return []


CHECKS = (engine, character_set, collation, journal_mode, sequences, retention.unset_terms, *server_timeouts.CHECKS)
