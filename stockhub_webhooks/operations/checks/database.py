"""Findings on how the host speaks with its database, by its settings alone: nothing here connects."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.db import connections

from stockhub_webhooks.conf import NAME, conf
from stockhub_webhooks.db.connections import database_alias

POOLED_VENDORS = ("postgresql", "mysql", "oracle")
BESIDE_THE_SERVER = ("worker", "celery", "tasks")  # runners that work in processes of their own


def new_connections() -> Iterable[CheckMessage]:
    """W005: connecting anew for each request costs three quarters of the speed."""
    if _may_persist() and _settings().get("CONN_MAX_AGE") == 0:
        yield Warning(
            "CONN_MAX_AGE is 0, so each message waits for a new database connection.",
            hint="Set CONN_MAX_AGE to 600 and CONN_HEALTH_CHECKS to True, or use a connection pool.",
            id="stockhub_webhooks.W005",
        )


def stale_connections() -> Iterable[CheckMessage]:
    """W018: after a restart of the database, kept connections are dead."""
    if _may_persist() and _settings().get("CONN_MAX_AGE") != 0 and not _settings().get("CONN_HEALTH_CHECKS"):
        yield Warning(
            "Connections are kept (CONN_MAX_AGE) and not looked at before use, so each fails once after a restart of "
            "the database.",
            hint="Set CONN_HEALTH_CHECKS to True: it costs one short question a request.",
            id="stockhub_webhooks.W018",
        )


def local_times() -> Iterable[CheckMessage]:
    """E016: work would be due by one clock, and be looked for by another."""
    connection = connections[database_alias()]
    zone = _settings().get("TIME_ZONE")
    if zone and zone != "UTC" and connection.vendor in ("mysql", "sqlite"):
        yield Error(
            f"DATABASES[{database_alias()!r}]['TIME_ZONE'] is {zone!r}: times are compared with the database's UTC "
            "clock, so work starts hours late.",
            hint="Remove it. What the database holds in local time, other programs must read as such.",
            id="stockhub_webhooks.E016",
        )


def many_writers() -> Iterable[CheckMessage]:
    """W019: SQLite has one writer at a time, and the others wait."""
    if connections[database_alias()].vendor != "sqlite":
        return
    workers = os.environ.get("WEB_CONCURRENCY", "")  # how many processes gunicorn and others start
    signs = []
    if conf.RUNNER in BESIDE_THE_SERVER:
        signs.append(f"{NAME}['RUNNER'] is {conf.RUNNER!r}")
    if workers.isdecimal() and int(workers) > 1:
        signs.append(f"WEB_CONCURRENCY is {workers}")
    if signs:
        yield Warning(
            f"Several processes write to one SQLite file ({' and '.join(signs)}): one writes, the others wait.",
            hint='Use PostgreSQL, or keep to one process with threads and the runner "inline".',
            id="stockhub_webhooks.W019",
        )


def isolation() -> Iterable[CheckMessage]:
    """W020: with gap locks, messages of different orders deadlock on each other."""
    options = _settings().get("OPTIONS") or {}
    level = options.get("isolation_level", "read committed")  # Django's own default
    if connections[database_alias()].vendor == "mysql" and str(level).lower() != "read committed":
        named = level or "the server's own"
        yield Warning(
            f"The isolation level is {named}, under which messages that come together call each other off.",
            hint='Remove "isolation_level" from OPTIONS: Django asks for "read committed".',
            id="stockhub_webhooks.W020",
        )


def _settings() -> dict[str, Any]:
    found: dict[str, Any] = connections[database_alias()].settings_dict
    return found


def _may_persist() -> bool:
    """Connecting to SQLite costs nothing, and a pool looks after its own."""
    options = _settings().get("OPTIONS") or {}
    return connections[database_alias()].vendor in POOLED_VENDORS and not options.get("pool")


CHECKS = (new_connections, stale_connections, local_times, many_writers, isolation)
