"""The collations of MySQL and MariaDB: identity columns have one that compares them byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from stockhub_webhooks.db.indexes import (
    BeginningIndex,
    add_upper_column,
    upper_column,
    upper_column_definition,
)

COLLATIONS = (
    "SELECT table_name, column_name, collation_name FROM information_schema.columns WHERE table_schema = DATABASE()"
)
Column = tuple[str, str]  # table and column


def alter_statement(model: Any, schema_editor: Any, collations: Mapping[Column, str | None]) -> tuple[str, list[Any]]:
    """Return the ALTER TABLE that a table of MySQL or MariaDB needs, and its parameters; "" if it needs none.

    Args:
        model: the model, perhaps a historical one.
        schema_editor: of the database.
        collations: of all columns that exist, None for those that are no text.
    """
    connection, quote, table = schema_editor.connection, schema_editor.quote_name, model._meta.db_table
    clauses: list[str] = []
    parameters: list[Any] = []
    for field in model._meta.local_concrete_fields:
        wanted = field.db_parameters(connection).get("collation")
        if wanted and collations.get((table, field.column), wanted) != wanted:
            definition, values = _definition(field, model, schema_editor)
            clauses.append(f"MODIFY {quote(field.column)} {definition}")
            parameters += values
    for index in model._meta.indexes:
        field = model._meta.get_field(index.fields[0])
        wanted = field.db_parameters(connection).get("collation")
        if not wanted or not isinstance(index, BeginningIndex) or (table, field.column) not in collations:
            continue
        if (table, upper_column(field)) not in collations:
            clauses.append(f"DROP INDEX {quote(index.name)}, {add_upper_column(field, index.name, schema_editor)}")
        elif collations[table, upper_column(field)] != wanted:
            clauses.append(f"MODIFY {upper_column_definition(field, schema_editor)}")
    return (f"ALTER TABLE {quote(table)} {', '.join(clauses)}" if clauses else ""), parameters


def _definition(field: Any, model: Any, schema_editor: Any) -> tuple[str, list[Any]]:
    """Return the definition of a column for MODIFY, which keeps the primary key and unique constraints."""
    field = copy(field)
    field.primary_key = field._unique = False
    definition, parameters = schema_editor.column_sql(model, field)
    return definition, list(parameters)
