"""Deletion of rows that belong to exactly one of two others, which a check constraint of the table ensures."""

from __future__ import annotations

from typing import Any


def cascade(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """Delete the rows with the row that they point at: Django's `CASCADE`, without an UPDATE to NULL before it.

    MySQL and MariaDB check foreign keys with each statement, so Django empties a nullable foreign key there before it
    deletes the rows, which the check constraint refuses. Here the rows are deleted before what they point at instead.
    """
    collector.collect(
        sub_objs,
        source=field.remote_field.model,
        source_attr=field.name,
        nullable=False,
        fail_on_restricted=False,
    )
