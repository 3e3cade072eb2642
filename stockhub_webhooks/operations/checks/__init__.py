"""System checks: one small function for each fault of a set-up, found before the first message arrives.

``configuration`` checks the settings, ``keys`` the keys, ``receivers`` the shop's functions, ``addresses`` the URLs,
``mails`` the alarms, ``metrics`` the metrics, ``reconcile`` the REST calls and the copy of the journal, ``retention``
the terms, and ``spool_directory``, ``hanging_database`` and ``database`` the infrastructure. ``tables`` and
``server_timeouts`` query the database, so they run only if Django's database checks are requested.
``imports`` imports the functions that settings name. ``stockhub_webhooks.runners.checks`` has the checks of the runner.

All modules are imported when a check runs, to keep the start of a web process fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.apps.config import AppConfig
from django.core.checks import CheckMessage, Tags, register

Check = Callable[[], Iterable[CheckMessage]]


@register
def check_all(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    """Run all checks of this app that need no query."""
    return [message for check in every_check() for message in check()] if covers_this_app(app_configs) else []


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    """Run the checks of `check --deploy` alone."""
    from stockhub_webhooks.operations.checks import keys

    return [message for check in keys.ONLY_IF_DEPLOYED for message in check()] if covers_this_app(app_configs) else []


@register(Tags.database)
def check_tables(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> Iterable[CheckMessage]:
    """Run the checks that query the database: for `check --database default`, and for `migrate`."""
    from stockhub_webhooks.db.connections import database_alias
    from stockhub_webhooks.operations.checks import tables

    if database_alias() not in (databases or ()) or not covers_this_app(app_configs):
        return []
    return [message for check in tables.CHECKS for message in check()]


def every_check() -> list[Check]:
    """Return the functions that `check_all` runs, one for each fault."""
    from stockhub_webhooks.operations.checks import (
        addresses,
        configuration,
        database,
        hanging_database,
        keys,
        mails,
        metrics,
        receivers,
        reconcile,
        spool_directory,
    )
    from stockhub_webhooks.operations.checks.retention import unknown_terms

    modules = (
        keys, configuration, receivers, addresses, mails, spool_directory, hanging_database, database, metrics,
        reconcile,
    )  # fmt: skip
    return [*(check for module in modules for check in module.CHECKS), unknown_terms]


def covers_this_app(app_configs: Sequence[AppConfig] | None) -> bool:
    """Return True if this app is among those to be checked; None stands for all apps."""
    return app_configs is None or any(config.label == "stockhub_webhooks" for config in app_configs)
