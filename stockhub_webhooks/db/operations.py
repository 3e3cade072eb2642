"""Operations for migrations of tables that have many rows: no other connection waits for them.

They belong into a migration of their own with `atomic = False`. An interrupted one can be repeated.
"""

from __future__ import annotations

from typing import Any

from django.db import NotSupportedError
from django.db.migrations.operations import AddIndex


class AddIndexOnline(AddIndex):
    """Create an index while others write: `CREATE INDEX CONCURRENTLY` on PostgreSQL, as usual on other databases.

    InnoDB builds an index online anyway, and SQLite has one writer at a time.
    """

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Create the index; on PostgreSQL remove an invalid one that an interrupted run left.

        Raises:
            NotSupportedError: the migration is atomic; PostgreSQL does this outside of transactions alone.
        """
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.vendor != "postgresql":
            schema_editor.add_index(model, self.index)
            return
        if schema_editor.connection.in_atomic_block:
            raise NotSupportedError(f"{self.index.name}: set atomic = False on the migration")
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
        schema_editor.add_index(model, self.index, concurrently=True)

    def describe(self) -> str:
        """Return a sentence for the output of `migrate`."""
        return f"{super().describe()}, online"
