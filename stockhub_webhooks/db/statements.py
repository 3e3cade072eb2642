"""The statements that every message needs, each written once for a table and a database and then kept.

Django writes a statement anew each time, which costs a web worker more than running it. What a value is in the
database remains each field's own say, and what a row is in Python remains the model's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache, partial
from operator import methodcaller
from types import NoneType
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import connections, models
from django.db.models.expressions import Combinable
from django.db.models.sql import Query

Text = tuple[str, list[Any]]
KEPT = "_stockhub_webhooks_cursor"
T = TypeVar("T")
# types of values that are the same in the database
NULL: frozenset[type] = frozenset({NoneType})
TEXT: frozenset[type] = NULL | {str}
PSYCOPGS_OWN: frozenset[type] = TEXT | {int, bool, bytes, Decimal, datetime, UUID}


def locked(model: type[models.Model], using: str, **equal: Any) -> Any:
    """The one row whose fields have these values, held until the transaction ends; None where there is none."""
    sql = _select_sql(model, using, tuple(equal))
    values = run(connections[using], sql, tuple(equal.values()), methodcaller("fetchone"))
    return None if values is None else _row(model, using, values)


# ---------------------------------------------------------------- their text


class Column(NamedTuple):
    """A column as it is written, where a value's type says that the field need not be asked what to make of it."""

    name: str  # of the attribute
    as_it_is: frozenset[type]
    prepare: Callable[..., Any]  # of a value, for a `connection`: a kept one would be another thread's
    field: Any


@cache
def columns(model: type[models.Model], using: str, left_out: frozenset[str] = frozenset()) -> dict[str, Column]:
    """What an INSERT of a model writes, by the fields' names: all but its key and what is left out."""
    return {
        field.name: Column(field.attname, _as_it_is(field, using), _preparation(field, using), field)
        for field in model._meta.local_concrete_fields
        if not field.primary_key and field.name not in left_out
    }


def insert_text(rows: Sequence[models.Model], using: str, left_out: frozenset[str]) -> Text:
    """INSERT of rows of one model that returns their keys, with its parameters.

    Args:
        rows: not saved yet.
        using: the database's alias.
        left_out: names of fields whose values are the database's own defaults in all rows.
    """
    model, connection = type(rows[0]), connections[using]
    written = columns(model, using, left_out).values()
    head, tail = _insert_sql(model, using, left_out)
    groups: list[str] = []
    parameters: list[Any] = []
    for row in rows:
        marks = ["%s"] * len(written)
        for place, column in enumerate(written):
            value = getattr(row, column.name)
            if type(value) in column.as_it_is:
                parameters.append(value)
            elif isinstance(value, Combinable):
                marks[place], inside = _expression_sql(model, value, using)
                parameters.extend(inside)
            else:
                parameters.append(column.prepare(value, connection=connection))
        groups.append(f"({', '.join(marks)})")
    return f"{head}{', '.join(groups)}{tail}", parameters


def update_text(model: type[models.Model], using: str, where: Mapping[str, Any], values: Mapping[str, Any]) -> Text:
    """UPDATE of the rows whose fields have the values of `where`, with its parameters."""
    by_name, connection = columns(model, using), connections[using]
    pk = model._meta.pk.name
    marks: list[tuple[str, str]] = []
    parameters: list[Any] = []
    for name, value in values.items():
        mark, inside = _expression_sql(model, value, using) if isinstance(value, Combinable) else ("%s", None)
        marks.append((name, mark))
        parameters += [_prepared(by_name[name], value, connection)] if inside is None else inside
    for name, value in where.items():
        parameters.append(value if name == pk else _prepared(by_name[name], value, connection))
    return _update_sql(model, using, tuple(where), tuple(marks)), parameters


def _prepared(column: Column, value: Any, connection: Any) -> Any:
    return value if type(value) in column.as_it_is else column.prepare(value, connection=connection)


def _as_it_is(field: Any, using: str) -> frozenset[type]:
    """The types of values that are the same in the database; what a value of JSON is, only its field can say."""
    if isinstance(field, models.JSONField):
        return NULL
    if _speaks_psycopg(connections[using]):
        return PSYCOPGS_OWN
    return TEXT if isinstance(field, (models.CharField, models.TextField)) else NULL


def _preparation(field: Any, using: str) -> Callable[[Any], Any]:
    if isinstance(field, models.JSONField) and _speaks_psycopg(connections[using]):
        return partial(_json, field)
    prepare: Callable[..., Any] = field.get_db_prep_save
    return prepare


def _json(field: Any, value: Any, connection: Any) -> str:
    """What psycopg makes of Django's wrapper in the end."""
    return json.dumps(value, cls=field.encoder)


@cache
def _insert_sql(model: type[models.Model], using: str, left_out: frozenset[str]) -> tuple[str, str]:
    names = ", ".join(_name(column.field, using) for column in columns(model, using, left_out).values())
    head = f"INSERT INTO {_table(model, using)} ({names}) VALUES "  # noqa: S608 - names of ours
    return head, f" RETURNING {_name(model._meta.pk, using)}"


@cache
def _select_sql(model: type[models.Model], using: str, where: tuple[str, ...]) -> str:
    names = ", ".join(_name(field, using) for field in model._meta.local_concrete_fields)
    lock = " FOR UPDATE" if connections[using].features.has_select_for_update else ""
    return f"SELECT {names} FROM {_table(model, using)} WHERE {_equal(model, using, where)}{lock}"  # noqa: S608 - names of ours


@cache
def _update_sql(
    model: type[models.Model], using: str, where: tuple[str, ...], values: tuple[tuple[str, str], ...]
) -> str:
    written = ", ".join(f"{_name(model._meta.get_field(name), using)} = {mark}" for name, mark in values)
    return f"UPDATE {_table(model, using)} SET {written} WHERE {_equal(model, using, where)}"  # noqa: S608 - names of ours


def _equal(model: type[models.Model], using: str, names: tuple[str, ...]) -> str:
    return " AND ".join(f"{_name(model._meta.get_field(name), using)} = %s" for name in names)


def _table(model: type[models.Model], using: str) -> str:
    return connections[using].ops.quote_name(model._meta.db_table)


def _name(field: Any, using: str) -> str:
    return connections[using].ops.quote_name(field.column)


@lru_cache(maxsize=64)
def _expression_sql(model: type[models.Model], expression: Any, using: str) -> tuple[str, Sequence[Any]]:
    query = Query(model)
    resolved = expression.resolve_expression(query, allow_joins=False, for_save=True)
    sql, parameters = query.get_compiler(using).compile(resolved)
    return sql, tuple(parameters)


# ---------------------------------------------------------------- how they are run


def run(connection: Any, sql: str, parameters: Sequence[Any], result: Callable[[Any], T]) -> T:
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
    """Whether the database is reached by psycopg, since its version 3.2."""
    return hasattr(connection.Database, "RawCursor")


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
    hosts, wire.cursor_factory = wire.cursor_factory, _cursor_class(connection.Database)
    try:
        with connection.wrap_database_errors:
            return connection.create_cursor()
    finally:
        wire.cursor_factory = hosts


@cache
def _cursor_class(psycopg: Any) -> Any:
    class Cursor(psycopg.RawCursor):  # type: ignore[misc]
        """Takes `%s` as all cursors of Django do; psycopg would look for it anew in each long statement."""

        def execute(self, query: str, *arguments: Any, **options: Any) -> Any:
            return super().execute(_numbered(query), *arguments, **options)

    return Cursor


@lru_cache(maxsize=256)
def _numbered(sql: str) -> str:
    """With PostgreSQL's own placeholders."""
    first, *others = sql.split("%s")
    return first + "".join(f"${number}{text}" for number, text in enumerate(others, 1))


def _row(model: type[models.Model], using: str, values: Sequence[Any]) -> Any:
    """A row as Django's own SELECT gives it."""
    fields = model._meta.local_concrete_fields
    compiler = Query(model).get_compiler(using)
    converters = compiler.get_converters([field.get_col(model._meta.db_table) for field in fields])
    if converters:
        (values,) = compiler.apply_converters([values], converters)
    return model.from_db(using, [field.attname for field in fields], values)
