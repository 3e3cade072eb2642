"""Columns that are compared byte for byte on MySQL and MariaDB, whose default collations ignore case and accents."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.db import router

from stockhub_webhooks.db.indexes import (
    BeginningIndex,
    add_upper_column,
    upper_column,
    upper_column_definition,
)

COLUMNS = (
    "SELECT column_name, collation_name FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = %s"
)


def convert_tables(apps: Any, schema_editor: Any) -> None:
    """Give every `ExactCharField` its collation, in one ALTER for each table, since each one copies the whole table.

    Columns that have it already are left alone, so that a migration that was cut off can be repeated. No two rows
    can collide: values that are equal by the new collation were equal by any other one.
    """
    if schema_editor.connection.vendor != "mysql":
        return
    for model in apps.get_app_config("stockhub_webhooks").get_models():
        if router.allow_migrate_model(schema_editor.connection.alias, model):
            sql, parameters = alter_statement(model, schema_editor)
            if sql:
                schema_editor.execute(sql, parameters)


def alter_statement(model: Any, schema_editor: Any) -> tuple[str, list[Any]]:
    """Return the ALTER TABLE that a table of MySQL or MariaDB needs, and its parameters; "" if it needs none."""
    connection, quote = schema_editor.connection, schema_editor.quote_name
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS, [model._meta.db_table])
        collations = dict(cursor.fetchall())
    clauses: list[str] = []
    parameters: list[Any] = []
    for field in model._meta.local_concrete_fields:
        wanted = field.db_parameters(connection).get("collation")
        if wanted and collations.get(field.column, wanted) != wanted:
            definition, values = _definition(field, model, schema_editor)
            clauses.append(f"MODIFY {quote(field.column)} {definition}")
            parameters += values
    for index in model._meta.indexes:
        field = model._meta.get_field(index.fields[0])
        wanted = field.db_parameters(connection).get("collation")
        if not wanted or not isinstance(index, BeginningIndex) or field.column not in collations:
            continue
        if upper_column(field) not in collations:
            clauses.append(f"DROP INDEX {quote(index.name)}, {add_upper_column(field, index.name, schema_editor)}")
        elif collations[upper_column(field)] != wanted:
            clauses.append(f"MODIFY {upper_column_definition(field, schema_editor)}")
    return (f"ALTER TABLE {quote(model._meta.db_table)} {', '.join(clauses)}" if clauses else ""), parameters


def _definition(field: Any, model: Any, schema_editor: Any) -> tuple[str, list[Any]]:
    """Return the definition of a column for MODIFY, which keeps the primary key and unique constraints."""
    field = copy(field)
    field.primary_key = field._unique = False
    definition, parameters = schema_editor.column_sql(model, field)
    return definition, list(parameters)
