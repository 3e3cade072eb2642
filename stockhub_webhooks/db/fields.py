"""Text columns that identify something, and case-insensitive look-ups on them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import models
from django.db.models.expressions import Col
from django.db.models.lookups import IContains, IEndsWith, IExact, IStartsWith

from stockhub_webhooks.db.indexes import has_upper_column, upper_column

LAST_CHARACTER = "\U0010ffff"


class ExactCharField(models.CharField):  # type: ignore[type-arg]
    """Text that is compared byte for byte on every database: case, accents, width and trailing blanks count.

    The default collations of MySQL and MariaDB ignore these, so the column has a binary collation there. The
    case-insensitive look-ups (`iexact`, `icontains`, `istartswith`, `iendswith`) ignore case on every database.
    """

    def db_parameters(self, connection: Any) -> Any:
        """Add the collation, which depends on the database and is therefore not part of the migrations."""
        parameters = super().db_parameters(connection)
        return {**parameters, "collation": parameters["collation"] or exact_collation(connection)}

    def get_lookup(self, lookup_name: str) -> Any:
        """Return a look-up that finds nothing for text with a NUL character, which PostgreSQL refuses."""
        lookup: Any = super().get_lookup(lookup_name)
        return _without_nul(lookup) if lookup else None


class KeyField(ExactCharField):
    """Text in one spelling that is searched by its beginning: an index of any database answers `starts_with`."""

    def db_parameters(self, connection: Any) -> Any:
        """Compare code points on PostgreSQL, too, where the collation of the database may ignore blanks."""
        collation = "C" if connection.vendor == "postgresql" else None
        return super().db_parameters(connection) | ({"collation": collation} if collation else {})


def starts_with(column: str, key: str) -> models.Q:
    """Match the rows whose `KeyField` begins with a key."""
    return models.Q(**{f"{column}__gte": key, f"{column}__lt": f"{key}{LAST_CHARACTER}"})


def exact_collation(connection: Any) -> str | None:
    """Return the binary collation of MySQL and MariaDB that does not ignore trailing blanks; None for others."""
    if connection.vendor != "mysql":
        return None
    if connection.mysql_is_mariadb:
        return "utf8mb4_nopad_bin"
    # before 8.0.17 trailing blanks are ignored; numbers are trimmed before they are stored
    return "utf8mb4_0900_bin" if connection.mysql_version >= (8, 0, 17) else "utf8mb4_bin"


@cache
def _without_nul(lookup: Any) -> Any:
    return type(lookup.__name__, (_WithoutNul, lookup), {})


def _new_lookup(lookup: Any) -> Any:
    made = _without_nul(lookup)
    return made.__new__(made)


class _WithoutNul:
    """Lookup without the values that have a NUL character: no stored text has one."""

    def __reduce__(self) -> Any:
        lookup: Any = self
        return _new_lookup, (type(self).__bases__[1],), lookup.__getstate__()  # pickle does not find the class itself

    def process_rhs(self, compiler: Any, connection: Any) -> Any:
        lookup: Any = self
        if lookup.lookup_name == "in" and isinstance(lookup.rhs, Collection):
            lookup.rhs = [value for value in lookup.rhs if not _has_nul(value)]
        elif any(map(_has_nul, lookup.rhs if isinstance(lookup.rhs, (list, tuple)) else [lookup.rhs])):
            raise EmptyResultSet
        return super().process_rhs(compiler, connection)  # type: ignore[misc]


def _has_nul(value: Any) -> bool:
    return isinstance(value, str) and "\0" in value


class _CaseInsensitive:
    """Lookup that compares upper case on MySQL and MariaDB, where Django relies on the collation of the column."""

    def as_mysql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        lookup: Any = self
        column, parameters = lookup.process_lhs(compiler, connection)
        value, value_parameters = lookup.process_rhs(compiler, connection)
        condition = lookup.get_rhs_op(connection, f"UPPER({value})")
        return f"{_in_upper_case(lookup.lhs, column, connection)} {condition}", (*parameters, *value_parameters)


def _in_upper_case(expression: Any, sql: str, connection: Any) -> str:
    """Return the indexed column in upper case if there is one."""
    if isinstance(expression, Col) and has_upper_column(expression.target):
        name = connection.ops.quote_name(expression.target.column)
        if sql.endswith(name):
            return sql.removesuffix(name) + str(connection.ops.quote_name(upper_column(expression.target)))
    return f"UPPER({sql})"


for lookup in (IExact, IContains, IStartsWith, IEndsWith):
    ExactCharField.register_lookup(type(lookup.__name__, (_CaseInsensitive, lookup), {}))
