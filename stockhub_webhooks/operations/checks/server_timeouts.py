"""Check of the database's own time-outs, which end a transaction or a connection while a receiver is at work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name
from django.db import Error as DatabaseFault
from django.db import connections

from stockhub_webhooks.db.connections import database_alias

RECEIVER_SECONDS = 60.0  # what a receiver may take for work outside of the database
STATEMENT_SECONDS = 5.0  # one statement, with its wait for a lock

# by vendor: the query of (name, value), the unit in seconds, and the SQL that sets a longer time-out
BY_VENDOR = {
    "postgresql": (
        "SELECT name, setting FROM pg_settings WHERE name IN ("
        "'idle_in_transaction_session_timeout', 'idle_session_timeout', 'statement_timeout', 'transaction_timeout')",
        0.001,
        'ALTER ROLE {user} SET {name} = \'10min\'; or in OPTIONS: "options": "-c {name}=600000"',
    ),
    "mysql": (
        "SHOW VARIABLES WHERE Variable_name IN ('idle_transaction_timeout', 'idle_write_transaction_timeout', "
        "'max_statement_time', 'wait_timeout')",
        1.0,
        'SET GLOBAL {name} = 600; or in OPTIONS: "init_command": "SET SESSION {name} = 600"',
    ),
}
OF_ONE_STATEMENT = ("statement_timeout", "max_statement_time")


def short_server_timeouts() -> Iterable[CheckMessage]:
    """W034: time-outs of the database that are shorter than a receiver may take; each attempt does its work again."""
    user = connections[database_alias()].settings_dict.get("USER") or "user"
    *_, remedy = BY_VENDOR.get(connections[database_alias()].vendor, ("",))
    for name, seconds in _timeouts():
        is_of_one = name in OF_ONE_STATEMENT
        if 0 < seconds < (STATEMENT_SECONDS if is_of_one else RECEIVER_SECONDS):
            what = "a statement" if is_of_one else "a receiver (its mails and HTTP calls count)"
            yield Warning(
                f"The database's {name} is {seconds:g} seconds: {what} that takes longer loses its transaction, and "
                "its work is done again at each attempt.",
                hint=remedy.format(user=user, name=name),
                id="stockhub_webhooks.W034",
            )


def _timeouts() -> Iterator[tuple[str, float]]:
    """Yield the time-outs of our session in seconds; 0 stands for none. A query that fails yields nothing."""
    connection = connections[database_alias()]
    if connection.vendor not in BY_VENDOR:
        return
    query, unit, _ = BY_VENDOR[connection.vendor]
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            rows = cursor.fetchall()
    except DatabaseFault:
        return
    yield from ((name, float(value) * unit) for name, value in rows)


CHECKS = (short_server_timeouts,)
