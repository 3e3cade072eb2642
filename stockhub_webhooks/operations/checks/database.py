"""Checks of `DATABASES`. They read the settings only, and open no connection."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name
from django.db import DEFAULT_DB_ALIAS, connections

from stockhub_webhooks.conf import NAME, conf
from stockhub_webhooks.db.connections import database_alias

SERIALIZABLE = "4"  # psycopg.IsolationLevel
POOLED_VENDORS = ("postgresql", "mysql", "oracle")
RUNNERS_WITH_PROCESSES = ("worker", "celery", "tasks")  # they work outside of the web server


def new_connections() -> Iterable[CheckMessage]:
    """W005: a new connection for each request, which costs three quarters of the speed."""
    hint = _connection_hint()
    if hint and _may_persist() and _settings().get("CONN_MAX_AGE") == 0:
        yield Warning(
            "Each message waits for a new database connection: there is no connection pool, and CONN_MAX_AGE is 0.",
            hint=hint,
            id="stockhub_webhooks.W005",
        )


def _connection_hint() -> str:
    """Return the advice for this server and database, "" if there is none.

    Under ASGI, gevent or eventlet each request has a thread of its own, whose connection would stay open.
    """
    pool = 'Use a connection pool: "OPTIONS": {"pool": {"timeout": 5}}, with psycopg[pool] and CONN_MAX_AGE 0.'
    persistent = "CONN_MAX_AGE to 600 and CONN_HEALTH_CHECKS to True (not under gevent or eventlet)."
    if connections[database_alias()].vendor == "postgresql":
        return pool if conf.uses_asgi() else f"{pool} Or, under WSGI with threads or processes only, set {persistent}"
    return "" if conf.uses_asgi() else f"Set {persistent}"


def stale_connections() -> Iterable[CheckMessage]:
    """W018: persistent connections without health checks. They are broken after a restart of the database."""
    if _may_persist() and _settings().get("CONN_MAX_AGE") != 0 and not _settings().get("CONN_HEALTH_CHECKS"):
        yield Warning(
            "Connections are persistent (CONN_MAX_AGE) but not checked before use, so each one fails once after a "
            "restart of the database.",
            hint="Set CONN_HEALTH_CHECKS to True: it costs one short query for each request.",
            id="stockhub_webhooks.W018",
        )


def local_times() -> Iterable[CheckMessage]:
    """E016: `TIME_ZONE` of the database is local time. Due dates are compared with its UTC clock."""
    connection = connections[database_alias()]
    zone = _settings().get("TIME_ZONE")
    if zone and zone != "UTC" and connection.vendor in ("mysql", "sqlite"):
        yield Error(
            f"DATABASES[{database_alias()!r}]['TIME_ZONE'] is {zone!r}: due dates are compared with the UTC "
            "clock of the database, so work starts hours late.",
            hint="Remove it. If other programs write local times to this database, convert them there.",
            id="stockhub_webhooks.E016",
        )


def many_writers() -> Iterable[CheckMessage]:
    """W019: several processes on SQLite, which allows one writer at a time."""
    if connections[database_alias()].vendor != "sqlite":
        return
    workers = os.environ.get("WEB_CONCURRENCY", "")  # the number of processes that gunicorn and others start
    reasons = []
    if conf.RUNNER in RUNNERS_WITH_PROCESSES:
        reasons.append(f"{NAME}['RUNNER'] is {conf.RUNNER!r}")
    if workers.isdecimal() and int(workers) > 1:
        reasons.append(f"WEB_CONCURRENCY is {workers}")
    if reasons:
        yield Warning(
            f"Several processes write to one SQLite file ({' and '.join(reasons)}): one writes, the others wait.",
            hint='Use PostgreSQL, or run one process with threads and the runner "inline".',
            id="stockhub_webhooks.W019",
        )


def isolation() -> Iterable[CheckMessage]:
    """W020: an isolation level under which messages of different orders stop each other.

    On MySQL and MariaDB any but "read committed" has gap locks; on PostgreSQL "serializable" calls transactions off.
    """
    options = _settings().get("OPTIONS") or {}
    if connections[database_alias()].vendor == "postgresql" and _is_serializable(options.get("isolation_level")):
        yield Warning(
            "The isolation level is serializable, under which one of two concurrent messages is often put off.",
            hint='Remove "isolation_level" from OPTIONS; "repeatable read" is fine, too.',
            id="stockhub_webhooks.W020",
        )
    level = options.get("isolation_level", "read committed")  # the default of Django
    if connections[database_alias()].vendor == "mysql" and str(level).lower() != "read committed":
        yield Warning(
            f"The isolation level is {level or 'that of the server'}, under which concurrent messages deadlock.",
            hint='Remove "isolation_level" from OPTIONS: Django then uses "read committed".',
            id="stockhub_webhooks.W020",
        )


def _is_serializable(level: Any) -> bool:
    """Return True for psycopg's constant, its number and its name."""
    return str(getattr(level, "name", level)).lower() in ("serializable", SERIALIZABLE)


def own_database() -> Iterable[CheckMessage]:
    """W047: our tables are in another database than the shop's, so no transaction holds both."""
    if database_alias() != DEFAULT_DB_ALIAS:
        yield Warning(
            f"This app writes to the database {database_alias()!r}, the shop to {DEFAULT_DB_ALIAS!r}: what a receiver "
            "writes is not committed together with the mark that it was called, so it may run again for the same "
            "event. event.book refuses to work there.",
            hint=f"Let the router send this app to {DEFAULT_DB_ALIAS!r}, or make receivers harmless if they are called "
            "twice (event.idempotency_key).",
            id="stockhub_webhooks.W047",
        )


def _settings() -> dict[str, Any]:
    settings: dict[str, Any] = connections[database_alias()].settings_dict
    return settings


def _may_persist() -> bool:
    """Return True if persistent connections would help: SQLite connects fast, and a pool keeps its own."""
    options = _settings().get("OPTIONS") or {}
    return connections[database_alias()].vendor in POOLED_VENDORS and not options.get("pool")


CHECKS = (new_connections, stale_connections, local_times, many_writers, isolation, own_database)
