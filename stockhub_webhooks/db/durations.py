"""The days between two times, computed by the database."""

from __future__ import annotations

from typing import Any

from django.db.models import FloatField, Func


class DaysBetween(Func):
    """Days from the first time to the second, as a float.

    Django's difference of two times is computed in Python on SQLite, so it cannot be aggregated there.
    """

    arity = 2
    output_field: Any = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Use the Julian day."""
        template = "(julianday(%(second)s) - julianday(%(first)s))"
        return self._as_sql(compiler, template)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Use the seconds of the interval."""
        return self._as_sql(compiler, "(EXTRACT(EPOCH FROM (%(second)s - %(first)s)) / 86400.0)")

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Use the difference in seconds."""
        return self._as_sql(compiler, "(TIMESTAMPDIFF(SECOND, %(first)s, %(second)s) / 86400.0)")

    def _as_sql(self, compiler: Any, template: str) -> Any:
        first, second = (compiler.compile(each) for each in self.get_source_expressions())
        is_first_before = template.index("%(first)s") < template.index("%(second)s")
        parameters = (*first[1], *second[1]) if is_first_before else (*second[1], *first[1])
        return template % {"first": first[0], "second": second[0]}, parameters
