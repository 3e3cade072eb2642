"""Points of a process: places between two statements, commits, fsyncs, renames or removals, numbered from 0."""

import os
import signal
from functools import wraps

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from stockhub_webhooks.models import Message

FILE_FUNCTIONS = ("fsync", "rename", "replace", "unlink")
TEXT_LIMIT = 200


class Points:
    """Counter of the points that this process has passed.

    A SIGKILL leaves nothing of the process, so "after the n-th action" and "before the next one" are one point.

    Args:
        kill_at: the point at which the process kills itself; None for never.
        report: function of the last action's text; it is called before the kill.
    """

    def __init__(self, kill_at=None, report=lambda action: None):
        self.kill_at = kill_at
        self.report = report
        self.passed = 0
        self.refuses_messages = False  # the database rejects new messages, so that they are spooled
        self.insert = f"INSERT INTO {connection.ops.quote_name(Message._meta.db_table)}"
        self.arrive("the start")

    def arrive(self, action):
        """Arrive at the point after an action."""
        if self.passed == self.kill_at:
            self.report(action)
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(self, function, text):
        """Return the function with a point behind it; `text` makes the name of the action of its arguments."""

        @wraps(function)
        def wrapper(*arguments, **options):
            action = text(*arguments)
            self.refuse(action)
            try:
                return function(*arguments, **options)
            finally:
                self.passed += 1
                self.arrive(action)

        return wrapper

    def refuse(self, action):
        """Raise the driver's error if the action stores a message and the database is to reject it."""
        if self.refuses_messages and action.startswith(self.insert):
            raise connection.Database.OperationalError("rejected by the test")

    def install(self):
        """Count from now on, in the driver's methods: a wrapper of Django's would turn the cursor of this app off."""
        for owner, name in _executing():
            setattr(owner, name, self.counted(getattr(owner, name), lambda _cursor, sql, *_: _text(sql)))
        BaseDatabaseWrapper._commit = self.counted(BaseDatabaseWrapper._commit, lambda _: "COMMIT")
        for name in FILE_FUNCTIONS:
            setattr(os, name, self.counted(getattr(os, name), lambda *_, name=name: name))


def _executing():
    """Return the methods of the driver that execute statements, as (class, name)."""
    if connection.vendor == "postgresql":
        import psycopg

        return [(psycopg.Cursor, "execute"), (psycopg.Cursor, "executemany")]
    if connection.vendor == "mysql":
        from MySQLdb.cursors import BaseCursor

        return [(BaseCursor, "_query")]
    from django.db.backends.sqlite3.base import SQLiteCursorWrapper

    return [(SQLiteCursorWrapper, "execute"), (SQLiteCursorWrapper, "executemany")]


def _text(sql):
    text = sql.decode(errors="replace") if isinstance(sql, (bytes, bytearray)) else str(sql)
    return text[:TEXT_LIMIT]
