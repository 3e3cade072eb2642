"""Remove what the app has left in the shop's database and on its disks, so that the package can be removed.

The tables go by the reverse migrations. What Django keeps about an app beside its tables (permissions, content types,
lines of the admin's log) goes by itself, since Django keeps it when an app is removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connections, transaction

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.exceptions import CannotUninstall
from stockhub_webhooks.office.access import APP_LABEL
from stockhub_webhooks.office.groups import GROUPS
from stockhub_webhooks.receiving import journal_copy, spool


def obstacles() -> Iterator[str]:
    """Yield why the app cannot be removed yet, and what to do."""
    for model in apps.get_app_config(APP_LABEL).get_models():
        for relation in model._meta.related_objects:
            field: Any = relation.field
            if field.model._meta.app_label != APP_LABEL:
                yield f"{field.model._meta.label}.{field.name} points at {model.__name__}: remove the field first"
    if waiting := len(spool.scan().waiting):
        yield f"{waiting} messages wait in the spool directory: run stockhub_worker --once first"


def present() -> dict[str, int]:
    """Return the number of rows of each of our tables that has any, of what Django keeps for them, and of files."""
    found = {}
    existing = set(connections[database_alias()].introspection.table_names())
    for model in apps.get_app_config(APP_LABEL).get_models():
        if model._meta.db_table in existing and (rows := model._base_manager.using(database_alias()).count()):
            found[f"rows of {model.__name__}"] = rows
    for rows in _kept_by_django():
        found[str(rows.model._meta.verbose_name_plural)] = rows.count()
    found["groups"] = len(_empty_groups())
    found["files"] = len(list(files()))
    return {name: number for name, number in found.items() if number}


def remove() -> list[str]:
    """Remove all of it; return what stays, for the shop to decide. A run that was interrupted can be repeated.

    Raises:
        CannotUninstall: there are `obstacles`; nothing is removed.
    """
    if found := list(obstacles()):
        raise CannotUninstall("; ".join(found))
    groups = [group.pk for group in _empty_groups()]
    _empty_tables()
    call_command("migrate", APP_LABEL, "zero", database=database_alias(), interactive=False, verbosity=0)
    with transaction.atomic():
        for rows in _kept_by_django():
            rows.delete()
        if groups:
            apps.get_model("auth", "Group").objects.filter(pk__in=groups).delete()
    for path in list(files()):
        path.unlink(missing_ok=True)
    for folder in _folders():
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return [
        *(f"directory {folder}, which has other files" for folder in _folders() if folder.exists()),
        *_other_groups(),
    ]


def files() -> Iterator[Path]:
    """Yield our files in `SPOOL_DIR` and `JOURNAL_COPY_DIR`."""
    if (folder := spool.directory()) and folder.is_dir():
        yield from (path for path in folder.iterdir() if path.name.endswith((spool.SUFFIX, spool.BROKEN_SUFFIX)))
    if (folder := journal_copy.directory()) and folder.is_dir():
        yield from journal_copy.files(folder)
        yield from journal_copy.drafts(folder)
    for folder in _folders():
        if folder.is_dir():
            yield from folder.glob(f"*{spool.PROBE_PREFIX}*")  # left by a process that was killed


def _empty_tables() -> None:
    """Empty our tables: a reverse migration fails for rows that only later versions can have, such as a NULL."""
    connection: Any = connections[database_alias()]
    existing = set(connection.introspection.table_names())
    tables = [model._meta.db_table for model in apps.get_app_config(APP_LABEL).get_models()]
    statements = connection.ops.sql_flush(no_style(), [table for table in tables if table in existing])
    connection.ops.execute_sql_flush(statements)


def _folders() -> list[Path]:
    return [folder for folder in (spool.directory(), journal_copy.directory()) if folder]


def _kept_by_django() -> Iterator[Any]:
    """Yield the rows of Django's own tables that are about our models, those that refer to others first."""
    for app, name, path in (
        ("admin", "LogEntry", "content_type__app_label"),
        ("auth", "Permission", "content_type__app_label"),
        ("contenttypes", "ContentType", "app_label"),
    ):
        if apps.is_installed(f"django.contrib.{app}"):
            yield apps.get_model(app, name).objects.filter(**{path: APP_LABEL})


def _groups() -> Iterable[Any]:
    if not apps.is_installed("django.contrib.auth"):
        return ()
    return apps.get_model("auth", "Group").objects.filter(name__in=GROUPS)


def _empty_groups() -> list[Any]:
    """Return the groups of `stockhub_groups` that have no member and no permission but ours."""
    return [
        group
        for group in _groups()
        if not group.user_set.exists() and not group.permissions.exclude(content_type__app_label=APP_LABEL).exists()
    ]


def _other_groups() -> Iterator[str]:
    for group in _groups():
        yield f"group {group.name!r}, which has members or other permissions"
