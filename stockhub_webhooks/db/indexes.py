"""Custom indexes: partial indexes on rows that have a value, and case-insensitive prefix search."""

from __future__ import annotations

from typing import Any

from django.db import models

# The condition that Django's `istartswith` makes on each database. MariaDB's default collation ignores case anyway.
PREFIX_INDEX_OPTIONS: dict[str, dict[str, Any]] = {
    "postgresql": {"sql": "CREATE INDEX %(name)s ON %(table)s (UPPER(%(columns)s::text) text_pattern_ops)%(extra)s"},
    "sqlite": {"col_suffixes": ("COLLATE NOCASE",)},
}


class NotNullIndex(models.Index):
    """Index without the rows in which its first column is NULL, if the database supports partial indexes."""

    suffix = "set"

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **options: Any) -> Any:
        """Return the CREATE INDEX statement."""
        partial = schema_editor.connection.features.supports_partial_indexes
        condition = models.Q(**{f"{self.fields[0]}__isnull": False}) if partial else None
        index = models.Index(fields=self.fields, name=self.name, condition=condition)
        return index.create_sql(model, schema_editor, using=using, **options)


class DueIndex(NotNullIndex):
    """Index on `due_at`, without the rows that are not due at any time."""

    suffix = "due"


class BeginningIndex(models.Index):
    """Index on one text column for `istartswith`."""

    suffix = "beg"

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **options: Any) -> Any:
        """Return the CREATE INDEX statement."""
        fields = [model._meta.get_field(name) for name in self.fields]
        own = PREFIX_INDEX_OPTIONS.get(schema_editor.connection.vendor, {})
        return schema_editor._create_index_sql(model, fields=fields, name=self.name, using=using, **own, **options)
