"""Rows that a test leaves in the database, where the next test would find them.

That happens by a thread that commits after the end of its test, or in a test without transactions of its own; and by a
statement that commits the transaction of a test.
"""

from django.apps import apps
from django.db import connection, connections, transaction

FILLED_BY_MIGRATE = {"auth_permission", "django_content_type", "django_migrations"}
blockers = []  # of pytest-django, once there is a database


def remove_leftovers():
    """Empty all tables if ours have rows; return the names of those of ours."""
    if not blockers:
        return []
    with blockers[0].unblock():
        tables = [model._meta.db_table for model in apps.get_app_config("stockhub_webhooks").get_models()]
        with connection.cursor() as cursor:
            cursor.execute("SELECT " + ", ".join(f"EXISTS (SELECT 1 FROM {table})" for table in tables))
            left = [table for table, has_rows in zip(tables, cursor.fetchone(), strict=True) if has_rows]
        if left:
            _empty(connection)
    return left


def empty_databases(case):
    """Empty the databases of a test case that has no transaction around it.

    Django's `flush` also empties the tables that `migrate` fills and fills them again, which takes longer than most of
    the tests.
    """
    for alias in case._databases_names(include_mirrors=False):
        _empty(connections[alias])


def _empty(connection):
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = [connection.ops.quote_name(name) for name in sorted(set(names) - FILLED_BY_MIGRATE)]
    with (
        connection.constraint_checks_disabled(),
        transaction.atomic(using=connection.alias),
        connection.cursor() as cursor,
    ):
        if connection.vendor == "postgresql":
            cursor.execute(f"LOCK TABLE {', '.join(tables)}")  # waits for a thread that still writes
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")
