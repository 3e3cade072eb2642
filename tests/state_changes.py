"""Watch the status of messages and receiver calls: a trigger of SQLite sees each change, by whatever statement."""

import os
import sys
from pathlib import Path

from django.db.backends.signals import connection_created

import stockhub_webhooks
from stockhub_webhooks.models import Message, ReceiverCall

MODELS = {model._meta.db_table: model for model in (Message, ReceiverCall)}
PACKAGE = str(Path(stockhub_webhooks.__file__).parent) + os.sep
TESTS = str(Path(__file__).parent) + os.sep
FUNCTION = "stockhub_status_changed"

undeclared = []  # the changes that the package made and `TRANSITIONS` lacks


def watch(connection):
    """Watch the test database if it is SQLite's, on this connection and on all that are opened later."""
    if connection.vendor != "sqlite":
        return
    connection_created.connect(_prepare, dispatch_uid=FUNCTION)
    _prepare(None, connection)
    with connection.cursor() as cursor:
        for table in MODELS:
            cursor.execute(
                f"CREATE TRIGGER {table}_status AFTER UPDATE ON {table} WHEN OLD.status <> NEW.status "
                f"BEGIN SELECT {FUNCTION}('{table}', OLD.status, NEW.status); END"
            )


def _prepare(sender, connection, **kwargs):
    if connection.vendor == "sqlite":
        connection.connection.create_function(FUNCTION, 3, _changed)


def _changed(table, old, new):
    """Judge one change. SQLite calls this within the statement, so the stack names the functions that make it."""
    functions = _functions_of_the_package()
    declared = MODELS[table].TRANSITIONS.get((old, new), ())
    if functions and functions.isdisjoint(declared):
        undeclared.append(f"{table}: {old} -> {new} by one of {', '.join(sorted(functions))}")


def _functions_of_the_package():
    """Return the names of the package's functions on the stack; none if a test changes the row itself."""
    names, frame = set(), sys._getframe(2)
    while frame:
        path = frame.f_code.co_filename
        if path.startswith(PACKAGE):
            names.add(frame.f_code.co_name)
        elif path.startswith(TESTS) and not names:
            break
        frame = frame.f_back
    return names
