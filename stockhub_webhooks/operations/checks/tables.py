"""Findings that only the database itself can tell: each asks it, so they run with Django's database checks alone.

A database that is away, or lets nobody ask, is not their subject.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.db import Error as DatabaseFault
from django.db import connections

from stockhub_webhooks.db.connections import database_alias

TRANSACTIONAL = "InnoDB"
ALL_CHARACTERS = "utf8mb4"
WELL_KEPT = ("wal", "memory")  # a database in memory has readers of its own


def engine() -> Iterable[CheckMessage]:
    """E018: without transactions half a message stays behind."""
    wrong = sorted(name for name, kind, _ in _tables() if kind and kind != TRANSACTIONAL)
    if wrong:
        yield Error(
            f"Tables without transactions: {', '.join(wrong)}. A message could be applied by half.",
            hint=f"ALTER TABLE {wrong[0]} ENGINE={TRANSACTIONAL}, for each; and make {TRANSACTIONAL} the default.",
            id="stockhub_webhooks.E018",
        )
    elif connections[database_alias()].vendor == "mysql":
        for (kind,) in _rows("SELECT @@default_storage_engine"):
            if kind != TRANSACTIONAL:
                yield Error(
                    f"New tables would be made without transactions (default_storage_engine is {kind}).",
                    hint=f'Write "init_command": "SET default_storage_engine={TRANSACTIONAL}" in OPTIONS.',
                    id="stockhub_webhooks.E018",
                )


def character_set() -> Iterable[CheckMessage]:
    """W021: customers have names, and write notes, in all characters."""
    wrong = sorted(name for name, _, collation in _tables() if collation and not collation.startswith(ALL_CHARACTERS))
    if wrong:
        yield Warning(
            f"Tables that cannot hold every character: {', '.join(wrong)}. Such messages cannot be processed.",
            hint=f"ALTER TABLE {wrong[0]} CONVERT TO CHARACTER SET {ALL_CHARACTERS}, for each.",
            id="stockhub_webhooks.W021",
        )
    elif connections[database_alias()].vendor == "mysql":
        for (found,) in _rows("SELECT @@character_set_database"):
            if found != ALL_CHARACTERS:
                yield Warning(
                    f"New tables would not hold every character (the database's character set is {found}).",
                    hint=f"ALTER DATABASE … CHARACTER SET {ALL_CHARACTERS}, before `migrate`.",
                    id="stockhub_webhooks.W021",
                )


def journal_mode() -> Iterable[CheckMessage]:
    """W022: whoever opens the admin holds up the messages."""
    if connections[database_alias()].vendor != "sqlite":
        return
    for (mode,) in _rows("PRAGMA journal_mode"):
        if mode not in WELL_KEPT:
            yield Warning(
                f"SQLite's journal mode is {mode}: who reads holds up who writes, and the other way round.",
                hint='Write "init_command": "PRAGMA journal_mode=WAL" in OPTIONS.',
                id="stockhub_webhooks.W022",
            )


def _tables() -> Iterator[tuple[str, str, str]]:
    """Name, engine and collation of our tables on MySQL and MariaDB; none elsewhere, and before `migrate`."""
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


CHECKS = (engine, character_set, journal_mode)
