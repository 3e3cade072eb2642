"""Rows that a test leaves in the database, where the next test would find them.

That happens by a thread that commits after the end of its test, or in a test without transactions of its own; and by a
statement that commits the transaction of a test.
"""

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection

blockers = []  # of pytest-django, once there is a database


def remove_leftovers():
    """Empty our tables; return the names of those that had rows."""
    if not blockers:
        return []
    with blockers[0].unblock():
        tables = [model._meta.db_table for model in apps.get_app_config("stockhub_webhooks").get_models()]
        with connection.cursor() as cursor:
            cursor.execute("SELECT " + ", ".join(f"EXISTS (SELECT 1 FROM {table})" for table in tables))
            left = [table for table, has_rows in zip(tables, cursor.fetchone(), strict=True) if has_rows]
        if left:
            connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables, allow_cascade=True))
    return left
