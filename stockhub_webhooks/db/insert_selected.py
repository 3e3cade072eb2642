"""INSERT of the keys that a query finds, inside the database: no row is sent to this process."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, models


def insert_keys(model: type[models.Model], owner: str, owner_key: int, column: str, rows: models.QuerySet[Any]) -> int:
    """INSERT a row for each key that a queryset selects, in the order of the keys; return how many.

    The other columns of the table have to be nullable, or have a default of the database.

    Args:
        model: the model of the new rows.
        owner: the name of the field that gets `owner_key`.
        owner_key: the same for all rows.
        column: the name of the field that gets the key.
        rows: the queryset; its order is not used.
    """
    connection = connections[rows.db]
    quote = connection.ops.quote_name
    fields: list[Any] = [model._meta.get_field(name) for name in (owner, column)]
    names = [quote(field.column) for field in fields]
    keys = rows.order_by("pk").values("pk").distinct()
    try:
        select, parameters = keys.query.get_compiler(rows.db).as_sql()
    except EmptyResultSet:
        return 0
    # all names are ours, and the values are parameters
    text = (
        f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(names)}) "  # noqa: S608  # nosec B608
        f"SELECT {int(owner_key)}, chosen.* FROM ({select}) chosen"
    )
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return int(cursor.rowcount)
