"""What is wrong with a set-up, said before the first message comes. One small function a fault.

``configuration`` looks at the settings, ``spool_directory``, ``hanging_database`` and ``database`` at what the app
stands on, ``runner`` at who does the work, ``metrics`` at who counts it; ``tables`` alone asks the database, and only
where Django's database checks are asked for. All are imported by who asks, and not at each start of a web process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.apps.config import AppConfig
from django.core.checks import CheckMessage, Tags, register

Check = Callable[[], Iterable[CheckMessage]]


@register
def check_all(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    """All findings of this app, but those of the tables."""
    return [message for check in every_check() for message in check()] if _is_asked(app_configs) else []


@register(Tags.database)
def check_tables(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> Iterable[CheckMessage]:
    """What only the database itself can say, where it is asked: `check --database default`, and `migrate`."""
    from stockhub_webhooks.db.connections import alias
    from stockhub_webhooks.operations.checks import tables

    if alias() not in (databases or ()) or not _is_asked(app_configs):
        return []
    return [message for check in tables.CHECKS for message in check()]


def every_check() -> list[Check]:
    """What `check_all` asks, one function a fault."""
    from stockhub_webhooks.operations.checks import (
        configuration,
        database,
        hanging_database,
        metrics,
        runner,
        spool_directory,
    )

    places = (configuration, runner, spool_directory, hanging_database, database, metrics)
    return [check for place in places for check in place.CHECKS]


def _is_asked(app_configs: Sequence[AppConfig] | None) -> bool:
    return app_configs is None or any(config.label == "stockhub_webhooks" for config in app_configs)
