"""PostgreSQL's sequences of our primary keys, which are behind after a restore of rows alone.

An INSERT then takes a key that a row has already. MySQL, MariaDB and SQLite derive the next key from the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from django.apps import apps
from django.db import Error as DatabaseFault
from django.db import IntegrityError, connections, models, transaction

from stockhub_webhooks.logs import logger_of

logger = logger_of(__name__)

PRIMARY_KEY_SUFFIX = "_pkey"  # PostgreSQL's name for the constraint
# the key of our advisory lock, so that no two processes set the same sequence
LOCK_KEY = 5_746_372_118


class BehindSequence(NamedTuple):
    """A sequence whose next value is not above the greatest primary key of its table."""

    table: str
    name: str
    max_key: int


def behind_sequences(using: str) -> list[BehindSequence]:
    """Return our sequences that are behind, by two queries; none on other databases than PostgreSQL.

    Raises:
        django.db.Error: the database does not answer, or this user may not read a sequence.
    """
    if connections[using].vendor != "postgresql":
        return []
    names = _sequence_names(using)
    if not names:
        return []
    quote = connections[using].ops.quote_name
    parts = [
        # the sequence's name comes quoted from PostgreSQL
        f"SELECT %s, %s, (SELECT max({quote(column)}) FROM {quote(table)}), "  # noqa: S608  # nosec B608  # our names
        f"last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM {sequence}"
        for (table, column), sequence in names.items()
    ]
    parameters = [text for (table, _), sequence in names.items() for text in (table, sequence)]
    with connections[using].cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), parameters)
        rows = cursor.fetchall()
    return [
        BehindSequence(table, name, greatest)
        for table, name, greatest, following in rows
        if (greatest or 0) >= following
    ]


def _sequence_names(using: str) -> dict[tuple[str, str], str]:
    """Return the names of the sequences by (table, column), for each table of ours that exists and has one."""
    keys = [(model._meta.db_table, model._meta.pk.column) for model in _models_with_sequence()]
    quote = connections[using].ops.quote_name
    column = "CASE WHEN to_regclass(%s) IS NOT NULL THEN pg_get_serial_sequence(%s, %s) END"
    parameters = [text for table, name in keys for text in (quote(table), quote(table), name)]
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join([column] * len(keys))}", parameters)
        names = cursor.fetchone()
    return {key: name for key, name in zip(keys, names, strict=True) if name}


def _models_with_sequence() -> list[Any]:
    ours = apps.get_app_config("stockhub_webhooks").get_models()
    return [model for model in ours if isinstance(model._meta.pk, models.AutoField | models.BigAutoField)]


def advance_after_conflict(using: str, error: IntegrityError) -> bool:
    """Advance our sequences if an INSERT took a primary key that exists already; return True if one was behind.

    The next INSERT succeeds. A sequence is never set back.

    Args:
        using: the alias of the database, on which no failed transaction is open.
        error: the error of the INSERT.
    """
    return _is_primary_key_conflict(error) and advance_sequences(using)


def advance_sequences(using: str) -> bool:
    """Advance our sequences that are behind to the greatest primary key; return True if one was behind."""
    try:
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
            behind = behind_sequences(using)
            for sequence in behind:
                cursor.execute("SELECT setval(%s::regclass, %s)", [sequence.name, sequence.max_key])
    except DatabaseFault as fault:
        logger.error(
            "sequences of our tables are behind and could not be set (%s): run sqlsequencereset stockhub_webhooks",
            type(fault).__name__,
        )
        return False
    for sequence in behind:
        logger.warning("the sequence of %s was behind, as after a restore; it is set to %s", *sequence[::2])
    return bool(behind)


def advance_if_behind(using: str) -> None:
    """Advance our sequences if one is behind, before an INSERT fails, if the database user may do so."""
    with suppress(DatabaseFault):
        if behind_sequences(using):
            advance_sequences(using)


def insert_missing(rows: Sequence[models.Model], using: str) -> None:
    """INSERT rows of one model, but leave out those that another process has inserted at the same time.

    `ignore_conflicts` alone would also leave out rows whose primary key a sequence that is behind gives out again.
    """
    if not rows:
        return
    manager = type(rows[0])._base_manager.using(using)
    try:
        with transaction.atomic(using=using):
            manager.bulk_create(rows)
    except IntegrityError as fault:
        advance_after_conflict(using, fault)
        manager.bulk_create(rows, ignore_conflicts=True)


def insert_row(row: models.Model, using: str) -> None:
    """INSERT one row in a transaction of its own, or a savepoint; set a sequence forward that is behind.

    Raises:
        django.db.Error: the database rejected the row.
    """
    try:
        with transaction.atomic(using=using):
            row.save(using=using, force_insert=True)
    except IntegrityError as fault:
        if not advance_after_conflict(using, fault):
            raise
        row.save(using=using, force_insert=True)


def _is_primary_key_conflict(error: IntegrityError) -> bool:
    """Return True for a conflict of a primary key of ours on PostgreSQL, by what psycopg says of the error."""
    details = getattr(error.__cause__, "diag", None)
    constraint = getattr(details, "constraint_name", None) or ""
    table = getattr(details, "table_name", None)
    is_ours = any(model._meta.db_table == table for model in _models_with_sequence())
    return is_ours and constraint.endswith(PRIMARY_KEY_SUFFIX)
