"""Classification of database errors: a lost connection, a deadlock, or a session whose settings were changed.

An error that the shop's code raises may come from another database or wrap ours. So the state of our connection and the
codes of all errors in the chain decide, never the class of the error alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import Error as DatabaseFault
from django.db import InterfaceError, InternalError, NotSupportedError, OperationalError, ProgrammingError, connections

from stockhub_webhooks.exceptions import IDLE_IN_TRANSACTION, ConnectionLost, TransactionLost

# https://www.postgresql.org/docs/current/errcodes-appendix.html
LOST_SQLSTATES = ("08", "57P01", "57P02", "57P03", "57P05")
TIMEOUTS = {"25P03": "idle_in_transaction_session_timeout", "25P04": "transaction_timeout"}
DEADLOCK_SQLSTATES = ("40P01", "40001")
# https://mariadb.com/docs/server/reference/error-codes
LOST_NUMBERS = frozenset({1053, 1927, 2006, 2013, 2055, 4031})
DEADLOCK_NUMBER = 1213
LOCK_TIMEOUTS = ("55P03", 1205)
READ_ONLY_CODES = ("25006", 1290, 1792, 1836)
# a table or a column that is not there; SQLite has no codes
MISSING_CODES = ("42P01", "42703", 1146, 1054)
MISSING_TEXTS = ("no such table", "no such column", "has no column named")

# Errors that may come from a changed setting of the session, such as the schema, the role or the access mode.
SESSION_FAULTS = (InternalError, ProgrammingError, NotSupportedError, InterfaceError)


def is_deadlock(error: BaseException) -> bool:
    """Return True if a database ended the transaction in favour of another one, so that it can be repeated at once."""
    return any(code in DEADLOCK_SQLSTATES or code == DEADLOCK_NUMBER for code in _codes(error))


def is_called_off(error: BaseException) -> bool:
    """Return True if a database ended the transaction because of other transactions' locks."""
    return is_deadlock(error) or any(
        _code(each) in LOCK_TIMEOUTS or (isinstance(each, OperationalError) and "is locked" in str(each))
        for each in chain(error)
    )


def is_missing_table(error: BaseException) -> bool:
    """Return True if the database has not the table or column of a statement, as before `migrate`."""
    return any(code in MISSING_CODES for code in _codes(error)) or any(
        isinstance(each, OperationalError) and any(text in str(each) for text in MISSING_TEXTS) for each in chain(error)
    )


def is_read_only(error: BaseException) -> bool:
    """Return True if the database refuses writes and locks of rows, as a standby does."""
    return any(code in READ_ONLY_CODES for code in _codes(error))


def is_of_session(error: BaseException) -> bool:
    """Return True if a database error may come from a setting of the session, which a new connection would not have."""
    return isinstance(error, SESSION_FAULTS)


def connection_died(using: str, error: BaseException) -> bool:
    """Return True if the connection has ended, as far as the driver knows. Call it inside the transaction."""
    connection = connections[using]
    raw = connection.connection
    if raw is None or connection.vendor == "sqlite":
        return False
    if connection.vendor == "mysql":  # its driver does not know, so the server is asked if the error is doubtful
        is_doubtful = isinstance(error, TransactionLost) or _names_lost_connection(error)
        return is_doubtful and not connection.is_usable()
    return bool(raw.closed)


def as_lost_connection(error: BaseException) -> ConnectionLost | None:
    """Return the error of one of our statements as `ConnectionLost`; None if the connection was not lost."""
    is_ours = isinstance(error, DatabaseFault) and _names_lost_connection(error)
    return lost_connection(error) if is_ours else None


def lost_connection(error: BaseException) -> ConnectionLost:
    """Return an error that says why the connection was lost, from the error that the driver raised."""
    for code in _codes(error):
        if code in TIMEOUTS:
            return ConnectionLost(
                "the database ended the transaction, because the receiver was idle in it or took longer than its "
                f"{TIMEOUTS[str(code)]} allows: do slow work, such as a request to another service, in less time, or "
                "raise that time-out for the user of the database",
                IDLE_IN_TRANSACTION,
            )
    names = [type(each).__name__ for each in chain(error) if _code(each)]
    return ConnectionLost(
        f"the database ended the connection during the call ({names[-1] if names else type(error).__name__}): it was "
        "restarted, an administrator ended the session, or a time-out of the server was over"
    )


def _names_lost_connection(error: BaseException) -> bool:
    codes = list(_codes(error))
    if not codes:  # psycopg has no code for a connection that it finds closed
        return isinstance(error, OperationalError) and type(error.__cause__).__module__.startswith("psycopg")
    return any(
        code in LOST_NUMBERS if isinstance(code, int) else code in TIMEOUTS or code.startswith(LOST_SQLSTATES)
        for code in codes
    )


def _codes(error: BaseException) -> Iterator[str | int]:
    for each in chain(error):
        if code := _code(each):
            yield code


def _code(error: BaseException) -> str | int | None:
    """Return the SQLSTATE of an error of psycopg, or the number of one of mysqlclient, also as Django wraps it."""
    if isinstance(error, DatabaseFault) or type(error).__module__.startswith("MySQLdb"):
        number = error.args[0] if error.args else None
        return number if isinstance(number, int) else None
    sqlstate = getattr(error, "sqlstate", None)
    return sqlstate if isinstance(sqlstate, str) else None


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__
