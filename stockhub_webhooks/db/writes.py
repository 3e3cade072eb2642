"""INSERT, UPDATE and locking SELECT with kept statements.

`insert` and `save` send Django's `pre_save` and `post_save`, as `Model.save` does; `update` does not, as in Django.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from operator import attrgetter, methodcaller
from typing import Any

from django.db import DatabaseError, connections, models
from django.db.models.signals import post_save, pre_save
from django.db.models.sql import Query

from stockhub_webhooks.db import row_locks
from stockhub_webhooks.db.cursors import run
from stockhub_webhooks.db.statements import columns, insert_statement, select_for_update_text, update_statement

MAX_ROWS_PER_STATEMENT = 500  # PostgreSQL takes at most 65,535 values in one statement

Rows = Sequence[models.Model]
Values = Mapping[str, Any]


def insert(rows: Rows, using: str, *, left_out: frozenset[str] = frozenset()) -> None:
    """INSERT unsaved rows of one model and set their primary keys.

    Databases that return the keys of many rows get one statement for up to `MAX_ROWS_PER_STATEMENT` rows.

    Args:
        rows: rows of one model. Related rows must be saved already.
        using: the alias of the database.
        left_out: names of fields whose database default applies to all rows.

    Raises:
        django.db.Error: the database rejected a row.
    """
    if not rows:
        return
    if not connections[using].features.can_return_rows_from_bulk_insert:
        for row in rows:
            row.save(using=using, force_insert=True)
        return
    model = type(rows[0])
    _set_foreign_keys(rows)
    _send(pre_save, rows, using)
    batch = _rows_per_statement(model, using, left_out)
    keys: list[Any] = []
    for start in range(0, len(rows), batch):
        statement = insert_statement(rows[start : start + batch], using, left_out)
        keys += [key for (key,) in run(connections[using], *statement, methodcaller("fetchall"))]
    # like `bulk_create`: the keys come back in the order of VALUES
    for row, key in zip(rows, keys, strict=True):
        row.pk = key
        row._state.db, row._state.adding = using, False
    _send(post_save, rows, using, created=True)


def save(row: models.Model, names: Sequence[str], using: str) -> None:
    """UPDATE the named fields of a saved row, as `row.save(update_fields=names)` does.

    Raises:
        django.db.DatabaseError: the row was deleted.
    """
    model = type(row)
    update_fields = frozenset(names)
    _send(pre_save, [row], using, update_fields=update_fields)
    attributes = columns(model, using)
    values = {name: getattr(row, attributes[name].attribute) for name in names}
    if not update(model, using, {model._meta.pk.name: row.pk}, values):
        raise DatabaseError(f"{row._meta.label} {row.pk} was deleted")
    _send(post_save, [row], using, update_fields=update_fields, created=False)


def update(model: type[models.Model], using: str, where: Values, values: Values) -> int:
    """UPDATE the rows whose fields equal `where`; return the number of rows."""
    return int(run(connections[using], *update_statement(model, using, where, values), attrgetter("rowcount")))


def select_for_update(model: type[models.Model], using: str, **values: Any) -> Any:
    """Return the one row whose fields equal `values`, locked until the transaction ends; None if there is none.

    Related rows are not joined: PostgreSQL cannot lock rows of an outer join.

    Raises:
        OrderLocked: another transaction holds the row. Unless `is_final` is set, the caller repeats its transaction,
            which then waits for a moment.
    """

    def fetch(wait: str) -> Any:
        text = select_for_update_text(model, using, tuple(values), wait)
        return run(connections[using], text, tuple(values.values()), methodcaller("fetchone"))

    row = row_locks.lock(model, using, values, fetch)
    return None if row is None else _instance(model, using, row)


def _instance(model: type[models.Model], using: str, row: Sequence[Any]) -> Any:
    fields = model._meta.local_concrete_fields
    compiler = Query(model).get_compiler(using)
    converters = compiler.get_converters([field.get_col(model._meta.db_table) for field in fields])
    if converters:
        (row,) = compiler.apply_converters([row], converters)
    return model.from_db(using, [field.attname for field in fields], row)


def _set_foreign_keys(rows: Rows) -> None:
    """Copy the keys of related rows that were saved after they were assigned, as `Model.save` does."""
    relations: list[Any] = [field for field in rows[0]._meta.local_concrete_fields if field.is_relation]
    for row in rows:
        for field in relations:
            if getattr(row, field.attname) is None and field.is_cached(row):
                setattr(row, field.attname, getattr(field.get_cached_value(row), "pk", None))


def _send(signal: Any, rows: Rows, using: str, **arguments: Any) -> None:
    model = type(rows[0])
    if signal.has_listeners(model):
        for row in rows:
            signal.send(model, instance=row, using=using, raw=False, **{"update_fields": None, **arguments})


@cache
def _rows_per_statement(model: type[models.Model], using: str, left_out: frozenset[str]) -> int:
    fields = [column.field for column in columns(model, using, left_out).values()]
    return max(1, connections[using].ops.bulk_batch_size(fields, [None] * MAX_ROWS_PER_STATEMENT))
