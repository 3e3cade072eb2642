"""Detection of what the shop's code must not do: end our transaction, or change the session of its connection."""

from __future__ import annotations

from operator import methodcaller
from typing import Any

from django.db import Error as DatabaseFault
from django.db import connections

from stockhub_webhooks.db import keepalives
from stockhub_webhooks.db.cursors import run
from stockhub_webhooks.db.faults import connection_died

# The settings that would make a later statement of ours fail, or work on other tables.
SETTINGS = (
    "search_path",
    "role",
    "session_authorization",
    "default_transaction_read_only",
    "session_replication_role",
    "statement_timeout",
    "lock_timeout",
)
COLUMNS = "txid_current_if_assigned()" + "".join(f", current_setting('{name}')" for name in SETTINGS)
START = f"SELECT {COLUMNS}, {keepalives.columns(is_local=True)}"
END = f"SELECT {COLUMNS}"


class TransactionGuard:
    """Notices that the shop's code ended the current transaction by hand, or changed the session.

    It takes one statement at the start, which also sets the keepalives of the transaction, and one at the end. On
    PostgreSQL they compare some settings and the number of the transaction, which exists once the transaction has
    written. On other databases a savepoint is gone if the transaction is.

    Attributes:
        session_changed: True if `is_intact` found another setting than at the start; PostgreSQL only.
    """

    def __init__(self, using: str) -> None:
        self.using = using
        self.session_changed = False
        self._is_postgresql = connections[using].vendor == "postgresql"
        self._start: Any = self._state(START) if self._is_postgresql else connections[using].savepoint()

    def is_intact(self) -> bool:
        """Return True if the transaction is still the one of the start.

        Raises:
            django.db.Error: the connection is lost.
        """
        connection = connections[self.using]
        if self._is_postgresql:
            transaction, *session = self._state(END)
            former, *former_session = self._start[: len(SETTINGS) + 1]
            self.session_changed = session != former_session
            return bool(transaction == former)
        try:
            with connection.cursor() as cursor:
                cursor.execute(connection.ops.savepoint_commit_sql(self._start))
        except DatabaseFault as fault:
            if connection_died(self.using, fault):
                raise
            return False
        return True

    def _state(self, sql: str) -> Any:
        return run(connections[self.using], sql, (), methodcaller("fetchone"))
