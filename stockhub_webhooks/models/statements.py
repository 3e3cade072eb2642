"""The statements that every message needs, each written once for a table and a database and then kept.

Django writes a statement anew each time, which costs a web worker more than running it. What a value is in the
database remains each field's own say, and what a row is in Python remains the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from operator import attrgetter, methodcaller
from types import NoneType
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import connections, models
from django.db.models.expressions import Combinable
from django.db.models.signals import post_save, pre_save
from django.db.models.sql import Query

ROWS_AT_ONCE = 500
KEPT = "_stockhub_webhooks_cursor"
T = TypeVar("T")
# types of values that are the same in the database
NULL: frozenset[type] = frozenset({NoneType})
TEXT: frozenset[type] = NULL | {str}
PSYCOPGS_OWN: frozenset[type] = TEXT | {int, bool, bytes, Decimal, datetime, UUID}


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
    most = _rows_at_once(model, using, left_out)
    for start in range(0, len(rows), most):
        _insert(model, rows[start : start + most], connection, left_out)
    _announce(post_save, rows, using, raw=False, update_fields=None, created=True)


def locked(model: type[models.Model], using: str, **equal: Any) -> Any:
    """The one row whose fields have these values, held until the transaction ends; None where there is none."""
    sql = _select_sql(model, using, tuple(equal))
    values = _run(connections[using], sql, tuple(equal.values()), methodcaller("fetchone"))
    return None if values is None else _row(model, using, values)


def update(model: type[models.Model], using: str, where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """UPDATE the rows whose fields have the values of `where`; how many there were."""
    connection, columns = connections[using], _columns_by_field(model, using)
    parameters = [_prepared(columns[name], value, connection) for name, value in (*values.items(), *where.items())]
    sql = _update_sql(model, using, tuple(where), tuple(values))
    return int(_run(connection, sql, parameters, attrgetter("rowcount")))


# ---------------------------------------------------------------- their text


class _Column(NamedTuple):
    """A column as it is written, where a value's type says that the field need not be asked what to make of it."""

    name: str  # of the attribute
    as_it_is: frozenset[type]
    field: Any


@cache
def _columns(model: type[models.Model], using: str, left_out: frozenset[str]) -> list[_Column]:
    columns = _columns_by_field(model, using).values()
    return [column for column in columns if not column.field.primary_key and column.field.name not in left_out]


@cache
def _columns_by_field(model: type[models.Model], using: str) -> dict[str, _Column]:
    return {
        field.name: _Column(field.attname, _as_it_is(field, using), field)
        for field in model._meta.local_concrete_fields
    }


def _as_it_is(field: Any, using: str) -> frozenset[type]:
    """The types of values that are the same in the database; what a value of JSON is, only its field can say."""
    if isinstance(field, models.JSONField):
        return NULL
    if _speaks_psycopg(connections[using]):
        return PSYCOPGS_OWN
    return TEXT if isinstance(field, (models.CharField, models.TextField)) else NULL


@cache
def _rows_at_once(model: type[models.Model], using: str, left_out: frozenset[str]) -> int:
    """How many rows fit into one statement."""
    fields = [column.field for column in _columns(model, using, left_out)]
    return max(1, connections[using].ops.bulk_batch_size(fields, [None] * ROWS_AT_ONCE))


@cache
def _insert_sql(model: type[models.Model], using: str, left_out: frozenset[str]) -> tuple[str, str]:
    columns = ", ".join(_name(column.field, using) for column in _columns(model, using, left_out))
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


# ---------------------------------------------------------------- how they are run


def _run(connection: Any, sql: str, parameters: Sequence[Any], result: Callable[[Any], T]) -> T:
    """Execute a statement through Django; what `result` makes of the cursor.

    Where statements are logged it is Django's own cursor, which knows how to show them.
    """
    if _speaks_psycopg(connection) and not connection.queries_logged:
        cursor = _kept_cursor(connection)
        cursor.execute(sql, parameters)
        return result(cursor)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return result(cursor)


def _speaks_psycopg(connection: Any) -> bool:
    """Whether the database is reached by psycopg, and not by its former version, which has another name."""
    return bool(connection.Database.__name__ == "psycopg")


def _kept_cursor(connection: Any) -> Any:
    """A cursor that is made once a connection, in Django's wrapper, and hands values over beside the statement.

    Django writes values into the statement, unless a host chooses `server_side_binding`, for types are told apart
    then; ours are those of the columns. Either costs a new order more than a tenth of its whole way.
    """
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_thread_sharing()
    cursor = getattr(connection, KEPT, None)
    if cursor is None or cursor.connection is not connection.connection:
        cursor = _new_cursor(connection)
        setattr(connection, KEPT, cursor)
    return connection.make_cursor(cursor)


def _new_cursor(connection: Any) -> Any:
    wire = connection.connection
    hosts, wire.cursor_factory = wire.cursor_factory, connection.Database.Cursor
    try:
        with connection.wrap_database_errors:
            return connection.create_cursor()
    finally:
        wire.cursor_factory = hosts


# ---------------------------------------------------------------- their values


def _row(model: type[models.Model], using: str, values: Sequence[Any]) -> Any:
    """A row as Django's own SELECT gives it."""
    fields = model._meta.local_concrete_fields
    compiler = Query(model).get_compiler(using)
    converters = compiler.get_converters([field.get_col(model._meta.db_table) for field in fields])
    if converters:
        (values,) = compiler.apply_converters([values], converters)
    return model.from_db(using, [field.attname for field in fields], values)


def _prepared(column: _Column, value: Any, connection: Any) -> Any:
    return value if type(value) in column.as_it_is else column.field.get_db_prep_save(value, connection)


def _insert(model: type[models.Model], rows: Sequence[models.Model], connection: Any, left_out: frozenset[str]) -> None:
    using = connection.alias
    columns = _columns(model, using, left_out)
    head, tail = _insert_sql(model, using, left_out)
    groups: list[str] = []
    parameters: list[Any] = []
    for row in rows:
        marks = ["%s"] * len(columns)
        for place, column in enumerate(columns):
            value = getattr(row, column.name)
            if isinstance(value, Combinable):
                marks[place], inside = _expression_sql(model, value, using)
                parameters.extend(inside)
            else:
                parameters.append(_prepared(column, value, connection))
        groups.append(f"({', '.join(marks)})")
    keys = _run(connection, f"{head}{', '.join(groups)}{tail}", parameters, methodcaller("fetchall"))
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
