"""Custom indexes: partial indexes on rows that have a value, and case-insensitive prefix search."""

from __future__ import annotations

from typing import Any

from django.db import models

# Options of an index for the condition that `istartswith` makes on each database.
PREFIX_INDEX_OPTIONS: dict[str, dict[str, Any]] = {
    "postgresql": {"sql": "CREATE INDEX %(name)s ON %(table)s (UPPER(%(columns)s::text) text_pattern_ops)%(extra)s"},
    "sqlite": {"col_suffixes": ("COLLATE NOCASE",)},
}


class NotNullIndex(models.Index):
    """Index without the rows in which its first column is NULL, if the database supports partial indexes."""

    suffix = "set"

    @property
    def nullable(self) -> str:
        """The column that is set in each row of the index."""
        return self.fields[0]

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **options: Any) -> Any:
        """Return the CREATE INDEX statement."""
        partial = schema_editor.connection.features.supports_partial_indexes
        condition = models.Q(**{f"{self.nullable}__isnull": False}) if partial else None
        index = models.Index(fields=self.fields, name=self.name, condition=condition)
        return index.create_sql(model, schema_editor, using=using, **options)


class DueIndex(NotNullIndex):
    """Index on `due_at`, without the rows that are not due at any time."""

    suffix = "due"
    nullable = "due_at"


class BeginningIndex(models.Index):
    """Index on one text column for `istartswith` and `iexact`.

    MariaDB has no indexes on expressions: there an `ExactCharField` gets a generated column in upper case for it.
    """

    suffix = "beg"

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **options: Any) -> Any:
        """Return the CREATE INDEX statement."""
        fields = [model._meta.get_field(name) for name in self.fields]
        own = PREFIX_INDEX_OPTIONS.get(schema_editor.connection.vendor, {})
        if options.get("concurrently"):  # Django leaves a statement of ours as it is
            own = own | {"sql": own["sql"].replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY")}
        if _needs_upper_column(fields[0], schema_editor):
            own = {"sql": f"ALTER TABLE %(table)s {add_upper_column(fields[0], self.name, schema_editor)}"}
        return schema_editor._create_index_sql(model, fields=fields, name=self.name, using=using, **own, **options)

    def remove_sql(self, model: Any, schema_editor: Any, **options: Any) -> Any:
        """Return the DROP INDEX statement."""
        field = model._meta.get_field(self.fields[0])
        if not _needs_upper_column(field, schema_editor):
            return super().remove_sql(model, schema_editor, **options)
        column = schema_editor.quote_name(upper_column(field))
        sql = f"ALTER TABLE %(table)s DROP INDEX %(name)s, DROP COLUMN {column}"
        return schema_editor._delete_index_sql(model, self.name, sql)


def upper_column(field: Any) -> str:
    """Return the name of the generated column that holds a field in upper case on MySQL and MariaDB."""
    return f"{field.column}_upper"


def has_upper_column(field: Any) -> bool:
    """Return True if an `ExactCharField` has a column in upper case on MySQL and MariaDB."""
    return any(
        isinstance(index, BeginningIndex) and index.fields == [field.name] for index in field.model._meta.indexes
    )


def add_upper_column(field: Any, index_name: str, schema_editor: Any) -> str:
    """Return the clauses of an ALTER TABLE that add the column and its index."""
    name, index = map(schema_editor.quote_name, (upper_column(field), index_name))
    return f"ADD COLUMN {upper_column_definition(field, schema_editor)}, ADD INDEX {index} ({name})"


def upper_column_definition(field: Any, schema_editor: Any) -> str:
    """Return the name, type and expression of the column. It is stored: indexes on virtual columns have had bugs."""
    parameters = field.db_parameters(schema_editor.connection)
    name, source = map(schema_editor.quote_name, (upper_column(field), field.column))
    return f"{name} {parameters['type']} COLLATE {parameters['collation']} GENERATED ALWAYS AS (UPPER({source})) STORED"


def _needs_upper_column(field: Any, schema_editor: Any) -> bool:
    connection = schema_editor.connection
    return connection.vendor == "mysql" and bool(field.db_parameters(connection).get("collation"))
