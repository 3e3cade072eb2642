"""Checks of the time-outs for a database that hangs. By default, a client waits without a limit.

Stock Hub waits too, and gives up without an answer. With a time-out, the message goes to the spool instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name
from django.db import connections

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias

SQLITE_SECONDS = 5  # the default of Python
POOL_SECONDS = 30  # the default of psycopg


def no_timeouts() -> Iterable[CheckMessage]:
    """W010: `OPTIONS` without the time-outs that limit the wait."""
    options = _options()
    required, hint = BY_VENDOR.get(connections[database_alias()].vendor, ((), ""))
    missing = [name for name in required if not _has(options, name)]
    if missing:
        yield Warning(
            f"A request waits without a limit for a database that hangs: DATABASES[{database_alias()!r}]['OPTIONS'] "
            f"lacks {', '.join(missing)}.",
            hint=hint,
            id="stockhub_webhooks.W010",
        )


def short_sqlite_timeout() -> Iterable[CheckMessage]:
    """W011: a short time-out on SQLite, which allows one writer at a time."""
    seconds = _options().get("timeout", SQLITE_SECONDS)
    if connections[database_alias()].vendor == "sqlite" and seconds < SQLITE_SECONDS:
        yield Warning(
            f"SQLite's timeout is {seconds:g} seconds: a message fails if it waits longer for another writer.",
            hint='Set "OPTIONS": {"timeout": 20}: SQLite allows one writer at a time, and the others wait.',
            id="stockhub_webhooks.W011",
        )


def long_pool_timeout() -> Iterable[CheckMessage]:
    """W016: a connection pool whose time-out is longer than `DATABASE_TIMEOUT_SECONDS`."""
    pool = _options().get("pool")
    if not pool:
        return
    seconds = pool.get("timeout", POOL_SECONDS) if isinstance(pool, Mapping) else POOL_SECONDS
    if seconds > conf.DATABASE_TIMEOUT_SECONDS:
        yield Warning(
            f"If all connections of the pool are in use, a message waits {seconds:g} seconds for one.",
            hint='Set "OPTIONS": {"pool": {"timeout": 5}}, in seconds: after that the message goes to the spool.',
            id="stockhub_webhooks.W016",
        )


def _options() -> Mapping[str, Any]:
    return connections[database_alias()].settings_dict.get("OPTIONS") or {}


def _has(options: Mapping[str, Any], name: str) -> bool:
    """Return True if the option is set, directly or in PostgreSQL's string of server settings (-c name=value)."""
    return bool(options.get(name)) or name in str(options.get("options", ""))


# the options that are missing by default, and the hint
BY_VENDOR = {
    "postgresql": (
        ("connect_timeout", "tcp_user_timeout", "statement_timeout"),
        'Set "OPTIONS": {"connect_timeout": 5, "tcp_user_timeout": 10000, "options": "-c statement_timeout=15000"}: '
        "the first in seconds, the other two in milliseconds. Give long operations (a report, a migration) their own, "
        "longer statement_timeout. Behind PgBouncer, which may refuse options: ALTER ROLE shop SET statement_timeout = "
        "'15s', and silence this check.",
    ),
    "mysql": (
        ("connect_timeout", "read_timeout", "write_timeout"),
        'Set "OPTIONS": {"connect_timeout": 5, "read_timeout": 15, "write_timeout": 15}, in seconds. Give long '
        "operations (a report, a migration) settings with a longer read_timeout.",
    ),
}

CHECKS = (no_timeouts, short_sqlite_timeout, long_pool_timeout)
