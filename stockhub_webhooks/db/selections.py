"""Queries that run for every message: Django compiles them once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import methodcaller
from typing import Any, NamedTuple

from django.db import connections, models
from django.db.models.sql import Query

from stockhub_webhooks.db.cursors import run


class _Part(NamedTuple):
    """The columns of one model in a result row."""

    path: str  # from the main model, such as `event__message`; "" for the main model itself
    model: Any
    attributes: list[str]
    columns: slice


class Selection:
    """A kept query that returns model instances with their related rows, as `select_related` does."""

    def __init__(
        self,
        rows: models.QuerySet[Any],
        related: Iterable[str] = (),
        without: Collection[str] = (),
    ) -> None:
        """Compile the query.

        Args:
            rows: the query. The parameters that change with each call must be its last; their values do not matter.
            related: paths to related rows, such as `event` and `event__message`, shorter ones first.
            without: fields to defer, such as `event__message__body`.
        """
        self.using = rows.db
        self._parts: list[_Part] = []
        columns: list[str] = []
        for path in ("", *related):
            model = _related_model(rows.model, path)
            attributes = [f.attname for f in model._meta.concrete_fields if _join(path, f.name) not in without]
            self._parts.append(_Part(path, model, attributes, slice(len(columns), len(columns) + len(attributes))))
            columns += [_join(path, attribute) for attribute in attributes]
        compiler = rows.values_list(*columns).query.get_compiler(self.using)
        self._sql, self._parameters = compiler.as_sql()
        self._expressions = [expression for expression, *_ in compiler.select]

    def rows(self, *last: Any) -> list[Any]:
        """Run the query and return its instances.

        Args:
            last: the values of the query's last parameters.
        """
        parameters = (*self._parameters[: len(self._parameters) - len(last)], *last)
        results = run(connections[self.using], self._sql, parameters, methodcaller("fetchall"))
        if not results:
            return []
        compiler = Query(self._parts[0].model).get_compiler(self.using)
        converters = compiler.get_converters(self._expressions)
        return [self._instance(values) for values in compiler.apply_converters(results, converters)]

    def _instance(self, values: Any) -> Any:
        instances: dict[str, Any] = {}
        for path, model, attributes, columns in self._parts:
            own = values[columns]
            # an outer join gives NULL for the primary key if there is no related row
            exists = own[attributes.index(model._meta.pk.attname)] is not None
            instances[path] = model.from_db(self.using, attributes, own) if exists else None
            parent, _, relation = path.rpartition("__")
            if path and instances[parent]:
                setattr(instances[parent], relation, instances[path])
        return instances[""]


def _join(path: str, name: str) -> str:
    return f"{path}__{name}" if path else name


def _related_model(model: type[models.Model], path: str) -> Any:
    for name in filter(None, path.split("__")):
        model = model._meta.get_field(name).related_model  # type: ignore[assignment]
    return model
