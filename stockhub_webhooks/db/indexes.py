"""Indexes of ours that Django has not: how a text begins, and what is still to be done."""

from __future__ import annotations

from typing import Any

from django.db import models

# What Django's `istartswith` asks of each database, MariaDB's default collation being deaf to case anyway.
OF_VENDOR: dict[str, dict[str, Any]] = {
    "postgresql": {"sql": "CREATE INDEX %(name)s ON %(table)s (UPPER(%(columns)s::text) text_pattern_ops)%(extra)s"},
    "sqlite": {"col_suffixes": ("COLLATE NOCASE",)},
}


class DueIndex(models.Index):
    """An index on what is due, by `due_at`: where the database can leave rows out, those that are done are."""

    suffix = "due"

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **options: Any) -> Any:
        """The statement that makes it."""
        partial = schema_editor.connection.features.supports_partial_indexes
        condition = models.Q(due_at__isnull=False) if partial else None
        index = models.Index(fields=self.fields, name=self.name, condition=condition)
        return index.create_sql(model, schema_editor, using=using, **options)


class BeginningIndex(models.Index):
    """An index on one column of text for `istartswith`: how it begins, whatever its case."""

    suffix = "beg"

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **options: Any) -> Any:
        """The statement that makes it."""
        fields = [model._meta.get_field(name) for name in self.fields]
        own = OF_VENDOR.get(schema_editor.connection.vendor, {})
        return schema_editor._create_index_sql(model, fields=fields, name=self.name, using=using, **own, **options)
