"""A query that is asked again and again, which Django writes once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import accumulate, pairwise
from operator import methodcaller
from typing import Any

from django.db import connections, models
from django.db.models.sql import Query

from stockhub_webhooks.db.cursors import run


class Selection:
    """Rows of a query, each with rows that it points at, as `select_related` would give them."""

    def __init__(self, rows: models.QuerySet[Any], related: Iterable[str] = (), without: Collection[str] = ()) -> None:
        """Write it.

        Args:
            rows: the query. The parameters that change with each asking must be its last, with any value.
            related: paths to rows, such as `event` and `event__message`, shorter ones first.
            without: fields of these that are not read until they are asked for.
        """
        self._paths = ["", *related]
        self._models = [_model_at(rows.model, path) for path in self._paths]
        self._names = [
            [field.attname for field in model._meta.concrete_fields if _below(path, field.name) not in without]
            for path, model in zip(self._paths, self._models, strict=True)
        ]
        columns = [_below(path, name) for path, names in zip(self._paths, self._names, strict=True) for name in names]
        compiler = rows.values_list(*columns).query.get_compiler(rows.db)
        self._sql, self._parameters = compiler.as_sql()
        self._columns = [column for column, *_ in compiler.select]
        self._using = rows.db

    def rows(self, *last: Any) -> list[Any]:
        """Ask it.

        Args:
            last: what takes the place of the query's last parameters.
        """
        connection = connections[self._using]
        kept = self._parameters[: len(self._parameters) - len(last)]
        found = run(connection, self._sql, (*kept, *last), methodcaller("fetchall"))
        if not found:
            return []
        compiler = Query(self._models[0]).get_compiler(self._using)
        converters = compiler.get_converters(self._columns)
        return [self._row(values) for values in compiler.apply_converters(found, converters)]

    def _row(self, values: Any) -> Any:
        ends = [0, *accumulate(map(len, self._names))]
        made: dict[str, Any] = {}
        parts = zip(self._paths, self._models, self._names, pairwise(ends), strict=True)
        for path, model, names, (start, end) in parts:
            is_there = values[start + names.index(model._meta.pk.attname)] is not None
            made[path] = model.from_db(self._using, names, values[start:end]) if is_there else None
            above, _, name = path.rpartition("__")
            if path and made[above]:
                setattr(made[above], name, made[path])
        return made[""]


def _below(path: str, name: str) -> str:
    return f"{path}__{name}" if path else name


def _model_at(model: type[models.Model], path: str) -> Any:
    for name in filter(None, path.split("__")):
        model = model._meta.get_field(name).related_model  # type: ignore[assignment]
    return model
