"""SQL text of the statements that every message needs, built once for each model and database.

Django builds the text again for each call, which takes a web worker longer than running the statement. The model fields
still convert the values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache, partial
from types import NoneType
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, models
from django.db.models.expressions import Combinable
from django.db.models.sql import Query

from stockhub_webhooks.db.cursors import speaks_psycopg

Model = type[models.Model]
Statement = tuple[str, list[Any]]  # the text and its parameters

# types whose values the driver takes as they are
NULL: frozenset[type] = frozenset({NoneType})
TEXT: frozenset[type] = NULL | {str}
PSYCOPG_TYPES: frozenset[type] = TEXT | {int, bool, bytes, Decimal, datetime, UUID}


class Column(NamedTuple):
    """A column, and how its values are converted for the database.

    Attributes:
        attribute: the name of the attribute of the row.
        field: the model field.
        driver_types: types whose values the driver takes as they are.
        prepare: converts other values; it gets the `connection`, since each thread has its own.
    """

    attribute: str
    field: Any
    driver_types: frozenset[type]
    prepare: Callable[..., Any]

    def value(self, value: Any, connection: Any) -> Any:
        """Return the value as the database driver takes it."""
        return value if type(value) in self.driver_types else self.prepare(value, connection=connection)


@cache
def columns(model: Model, using: str, left_out: frozenset[str] = frozenset()) -> dict[str, Column]:
    """Return the columns that an INSERT writes, by field name: all but generated ones and `left_out`."""
    return {
        field.name: _column(field, using)
        for field in model._meta.local_concrete_fields
        if not field.primary_key and not field.generated and field.name not in left_out
    }


def insert_statement(rows: Sequence[models.Model], using: str, left_out: frozenset[str]) -> Statement:
    """Build an INSERT of unsaved rows of one model that returns their primary keys."""
    model, connection = type(rows[0]), connections[using]
    written = columns(model, using, left_out).values()
    before_values, after_values = _insert_text(model, using, left_out)
    groups: list[str] = []
    parameters: list[Any] = []
    for row in rows:
        marks: list[str] = []
        for column in written:
            value = getattr(row, column.attribute)
            if isinstance(value, Combinable):
                mark, inner_parameters = _expression(model, value, using)
                marks.append(mark)
                parameters.extend(inner_parameters)
            else:
                marks.append("%s")
                parameters.append(column.value(value, connection))
        groups.append(f"({', '.join(marks)})")
    return f"{before_values}{', '.join(groups)}{after_values}", parameters


def update_statement(model: Model, using: str, where: Mapping[str, Any], values: Mapping[str, Any]) -> Statement:
    """Build an UPDATE of the rows whose fields equal `where`."""
    by_name, connection = columns(model, using), connections[using]
    marks: list[tuple[str, str]] = []
    parameters: list[Any] = []
    for name, value in values.items():
        if isinstance(value, Combinable):
            mark, inner_parameters = _expression(model, value, using)
            parameters.extend(inner_parameters)
        else:
            mark = "%s"
            parameters.append(by_name[name].value(value, connection))
        marks.append((name, mark))
    for name, value in where.items():
        # the primary key is in no INSERT, so it is none of `columns`
        parameters.append(by_name[name].value(value, connection) if name in by_name else value)
    return _update_text(model, using, tuple(where), tuple(marks)), parameters


@cache
def select_for_update_text(model: Model, using: str, where: tuple[str, ...], wait: str = "") -> str:
    """Build a SELECT that locks the rows whose fields equal `where`, if the database can lock rows.

    The lock lets other transactions insert rows with a foreign key to the row, if the database has such a lock.

    Args:
        model: the model.
        using: the alias of the database.
        where: names of fields.
        wait: the clause about waiting for another transaction, such as " NOWAIT"; "" waits.
    """
    features = connections[using].features
    names = ", ".join(_quoted(field, using) for field in model._meta.local_concrete_fields)
    lock = " FOR NO KEY UPDATE" if features.has_select_for_no_key_update else " FOR UPDATE"
    lock = f"{lock}{wait}" if features.has_select_for_update else ""
    return f"SELECT {names} FROM {_table(model, using)} WHERE {_conditions(model, using, where)}{lock}"  # nosec B608  # noqa: S608 - names of ours


# ---------------------------------------------------------------- columns


def _column(field: Any, using: str) -> Column:
    with_psycopg = speaks_psycopg(connections[using])
    prepare = field.get_db_prep_save
    if isinstance(field, models.JSONField):
        driver_types = NULL  # the type does not tell whether a value is JSON already
        if with_psycopg:
            prepare = partial(_json, field)
    elif with_psycopg:
        driver_types = PSYCOPG_TYPES
    else:
        driver_types = TEXT if isinstance(field, (models.CharField, models.TextField)) else NULL
    return Column(field.attname, field, driver_types, prepare)


def _json(field: Any, value: Any, connection: Any) -> str:
    """Return the text that psycopg would make of Django's JSON wrapper."""
    return json.dumps(value, cls=field.encoder)


# ---------------------------------------------------------------- text


@cache
def _insert_text(model: Model, using: str, left_out: frozenset[str]) -> tuple[str, str]:
    names = ", ".join(_quoted(column.field, using) for column in columns(model, using, left_out).values())
    before_values = f"INSERT INTO {_table(model, using)} ({names}) VALUES "  # nosec B608  # noqa: S608 - names of ours
    return before_values, f" RETURNING {_quoted(model._meta.pk, using)}"


@cache
def _update_text(model: Model, using: str, where: tuple[str, ...], values: tuple[tuple[str, str], ...]) -> str:
    assignments = ", ".join(f"{_quoted(model._meta.get_field(name), using)} = {mark}" for name, mark in values)
    return f"UPDATE {_table(model, using)} SET {assignments} WHERE {_conditions(model, using, where)}"  # nosec B608  # noqa: S608 - names of ours


def _conditions(model: Model, using: str, names: tuple[str, ...]) -> str:
    return " AND ".join(f"{_quoted(model._meta.get_field(name), using)} = %s" for name in names)


def _table(model: Model, using: str) -> str:
    return connections[using].ops.quote_name(model._meta.db_table)


def _quoted(field: Any, using: str) -> str:
    return connections[using].ops.quote_name(field.column)


@lru_cache(maxsize=64)
def _expression(model: Model, expression: Any, using: str) -> tuple[str, Sequence[Any]]:
    """Compile an expression, such as the database's clock, to its text and parameters."""
    query = Query(model)
    resolved = expression.resolve_expression(query, allow_joins=False, for_save=True)
    text, parameters = query.get_compiler(using).compile(resolved)
    return text, tuple(parameters)
