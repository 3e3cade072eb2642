"""The statements that every message needs, each written once for a table and a database and then kept.

Django writes a statement anew each time, which costs a web worker more than running it. What a value is in the
database remains each field's own say, and what a row is in Python remains the model's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from django.db import connections, models
from django.db.models.expressions import Combinable
from django.db.models.signals import post_save, pre_save
from django.db.models.sql import Query

ROWS_AT_ONCE = 500
TEXT = (models.CharField, models.TextField)  # of which a text is kept as it is


def insert(rows: Sequence[models.Model], using: str, *, left_out: frozenset[str] = frozenset()) -> None:
    """INSERT rows of one model, which then know their keys: in one statement where the database tells them.

    Args:
        rows: not saved yet.
        using: the database's alias.
        left_out: names of fields whose values are the database's own defaults in all rows.

    Raises:
        django.db.Error: the database would not.
    """
    if not rows:
        return
    model, connection = type(rows[0]), connections[using]
    if not connection.features.can_return_rows_from_bulk_insert:
        for row in rows:
            row.save(using=using, force_insert=True)
        return
    _announce(pre_save, rows, using, raw=False, update_fields=None)
    most = max(1, min(ROWS_AT_ONCE, connection.ops.bulk_batch_size(_columns(model, left_out), rows)))
    for start in range(0, len(rows), most):
        _insert(model, rows[start : start + most], using, left_out)
    _announce(post_save, rows, using, raw=False, update_fields=None, created=True)


def locked(model: type[models.Model], using: str, **equal: Any) -> Any:
    """The one row whose fields have these values, held until the transaction ends; None where there is none."""
    found = model._base_manager.using(using).raw(_select_sql(model, using, tuple(equal)), tuple(equal.values()))
    return next(iter(found), None)


def update(model: type[models.Model], using: str, where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """UPDATE the rows whose fields have the values of `where`; how many there were."""
    connection = connections[using]
    field: Any = model._meta.get_field
    parameters = [field(name).get_db_prep_save(value, connection) for name, value in (*values.items(), *where.items())]
    with connection.cursor() as cursor:
        cursor.execute(_update_sql(model, using, tuple(where), tuple(values)), parameters)
        return int(cursor.rowcount)


# ---------------------------------------------------------------- their text


@cache
def _columns(model: type[models.Model], left_out: frozenset[str]) -> list[Any]:
    fields = model._meta.local_concrete_fields
    return [field for field in fields if not field.primary_key and field.name not in left_out]


@cache
def _insert_sql(model: type[models.Model], using: str, left_out: frozenset[str]) -> tuple[str, str]:
    columns = ", ".join(_name(field, using) for field in _columns(model, left_out))
    head = f"INSERT INTO {_table(model, using)} ({columns}) VALUES "  # noqa: S608 - names of ours
    return head, f" RETURNING {_name(model._meta.pk, using)}"


@cache
def _select_sql(model: type[models.Model], using: str, where: tuple[str, ...]) -> str:
    columns = ", ".join(_name(field, using) for field in model._meta.local_concrete_fields)
    lock = " FOR UPDATE" if connections[using].features.has_select_for_update else ""
    return f"SELECT {columns} FROM {_table(model, using)} WHERE {_equal(model, using, where, ' AND ')}{lock}"  # noqa: S608 - names of ours


@cache
def _update_sql(model: type[models.Model], using: str, where: tuple[str, ...], names: tuple[str, ...]) -> str:
    values, condition = _equal(model, using, names, ", "), _equal(model, using, where, " AND ")
    return f"UPDATE {_table(model, using)} SET {values} WHERE {condition}"  # noqa: S608 - names of ours


def _equal(model: type[models.Model], using: str, names: tuple[str, ...], between: str) -> str:
    return between.join(f"{_name(model._meta.get_field(name), using)} = %s" for name in names)


def _table(model: type[models.Model], using: str) -> str:
    return connections[using].ops.quote_name(model._meta.db_table)


def _name(field: Any, using: str) -> str:
    return connections[using].ops.quote_name(field.column)


# ---------------------------------------------------------------- their values


def _insert(model: type[models.Model], rows: Sequence[models.Model], using: str, left_out: frozenset[str]) -> None:
    connection, fields = connections[using], _columns(model, left_out)
    head, tail = _insert_sql(model, using, left_out)
    groups: list[str] = []
    parameters: list[Any] = []
    for row in rows:
        marks = []
        for field in fields:
            value = getattr(row, field.attname)
            if isinstance(value, Combinable):
                sql, inside = _expression_sql(model, value, using)
                marks.append(sql)
                parameters.extend(inside)
                continue
            marks.append("%s")
            as_it_is = value is None or (type(value) is str and type(field) in TEXT)
            parameters.append(value if as_it_is else field.get_db_prep_save(value, connection))
        groups.append(f"({', '.join(marks)})")
    with connection.cursor() as cursor:
        cursor.execute(f"{head}{', '.join(groups)}{tail}", parameters)
        keys = cursor.fetchall()
    for row, (key,) in zip(rows, keys, strict=True):
        row.pk = key
        row._state.db, row._state.adding = using, False


@lru_cache(maxsize=64)
def _expression_sql(model: type[models.Model], expression: Any, using: str) -> tuple[str, Sequence[Any]]:
    query = Query(model)
    resolved = expression.resolve_expression(query, allow_joins=False, for_save=True)
    sql, parameters = query.get_compiler(using).compile(resolved)
    return sql, tuple(parameters)


def _announce(signal: Any, rows: Sequence[models.Model], using: str, **more: Any) -> None:
    """Django's own signals, as `save` sends them: a shop may listen to those of our models, too."""
    if signal.has_listeners(type(rows[0])):
        for row in rows:
            signal.send(sender=type(row), instance=row, using=using, **more)
