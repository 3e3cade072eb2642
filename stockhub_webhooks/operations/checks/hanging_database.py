"""Findings on a database that answers nothing at all, which by default is waited for without an end.

The sender waits meanwhile, and gives up unanswered; once the wait is bounded, its message goes to the spool.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name
from django.db import connections

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias

SQLITE_SECONDS = 5  # Python's own default
POOL_SECONDS = 30  # psycopg's own default


def waits_for_ever() -> Iterable[CheckMessage]:
    """W010: OPTIONS that bound the wait are absent."""
    options = _options()
    required, hint = BY_VENDOR.get(connections[database_alias()].vendor, ((), ""))
    missing = [name for name in required if not _has(options, name)]
    if missing:
        yield Warning(
            f"A database that hangs is waited for without an end: DATABASES[{database_alias()!r}]['OPTIONS'] lacks "
            f"{', '.join(missing)}.",
            hint=hint,
            id="stockhub_webhooks.W010",
        )


def impatient_sqlite() -> Iterable[CheckMessage]:
    """W011: SQLite has one writer at a time."""
    seconds = _options().get("timeout", SQLITE_SECONDS)
    if connections[database_alias()].vendor == "sqlite" and seconds < SQLITE_SECONDS:
        yield Warning(
            f"SQLite's timeout is {seconds:g} seconds: two messages at the same time may fail on each other.",
            hint='Write "OPTIONS": {"timeout": 20}: there is one writer at a time, and the others wait in line.',
            id="stockhub_webhooks.W011",
        )


def patient_pool() -> Iterable[CheckMessage]:
    """W016: the sender waits for a connection of the pool, too."""
    pool = _options().get("pool")
    if not pool:
        return
    seconds = pool.get("timeout", POOL_SECONDS) if isinstance(pool, Mapping) else POOL_SECONDS
    if seconds > conf.DATABASE_TIMEOUT_SECONDS:
        yield Warning(
            f"While all connections of the pool are held, a message waits {seconds:g} seconds for one.",
            hint='Write "OPTIONS": {"pool": {"timeout": 5}}, in seconds: after that the message goes to the spool.',
            id="stockhub_webhooks.W016",
        )


def _options() -> Mapping[str, Any]:
    return connections[database_alias()].settings_dict.get("OPTIONS") or {}


def _has(options: Mapping[str, Any], name: str) -> bool:
    """PostgreSQL takes its server settings as a text of their own: -c name=value."""
    return bool(options.get(name)) or name in str(options.get("options", ""))


# what is missing by default, and what to write
BY_VENDOR = {
    "postgresql": (
        ("connect_timeout", "tcp_user_timeout", "statement_timeout"),
        'Write "OPTIONS": {"connect_timeout": 5, "tcp_user_timeout": 10000, "options": "-c statement_timeout=15000"}: '
        "seconds, then twice milliseconds. Give what runs longer on purpose (a report, a migration) a longer "
        "statement_timeout of its own.",
    ),
    "mysql": (
        ("connect_timeout", "read_timeout", "write_timeout"),
        'Write "OPTIONS": {"connect_timeout": 5, "read_timeout": 15, "write_timeout": 15}, in seconds. Give what runs '
        "longer on purpose (a report, a migration) settings with a longer read_timeout.",
    ),
}

CHECKS = (waits_for_ever, impatient_sqlite, patient_pool)
