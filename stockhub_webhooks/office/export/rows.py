"""The rows of an export, a chunk at a time: memory stays the same, and nothing is held open between chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.export.tables import Column, Table

CHUNK = 500


@dataclass(frozen=True)
class Export:
    """Documents of one kind and period; `by_line` gives a row for each line, else one for each document."""

    table: Table
    period: Period
    by_line: bool = False
    with_persons: bool = False
    language: str | None = field(default_factory=translation.get_language)  # of who asks; the file is written later

    def totals(self) -> list[dict[str, Any]]:
        """How many documents there are and what they add up to, by currency."""
        sums = {name: Sum(name) for name in self.table.amounts}
        found: dict[str, dict[str, Any]] = {}
        for rows in self._parts():
            for total in rows.order_by("currency").values("currency").annotate(documents=Count("pk"), **sums):
                _add(found.setdefault(total.pop("currency") or "", {}), total)
        return [{"currency": currency, **total} for currency, total in sorted(found.items())]

    def rows(self) -> Iterator[list[Any]]:
        """The heads, then the cells of each row, in the order of their day."""
        columns = self._columns()
        line_columns = self.table.line_columns if self.by_line else ()
        with translation.override(self.language):
            heads = [capfirst(str(column.name)) for column in (*columns, *line_columns)]
        yield heads
        for rows in self._parts():
            for chunk in _chunks(self._with_parts(rows)):
                with translation.override(self.language):
                    cells = [row for document in chunk for row in self._cells(document, columns, line_columns)]
                yield from cells

    def _columns(self) -> list[Column]:
        columns = [column for column in self.table.columns if self.with_persons or not column.is_personal]
        if not self.by_line:
            columns += [Column(_field(self.table.model, name), _amount(name)) for name in self.table.amounts]
        if len(conf.accounts()) > 1:
            columns.append(Column(_("account"), lambda row: row.account))
        return columns

    def _cells(self, document: Any, columns: list[Column], line_columns: tuple[Column, ...]) -> Iterator[list[Any]]:
        own = [column.value(document) for column in columns]
        if not self.by_line:
            yield own
            return
        for line in document.items.all():
            yield [*own, *(column.value(line) for column in line_columns)]

    def _parts(self) -> Iterator[QuerySet[Any]]:
        """The documents with a day of their own in the period; then those without, by when they came in."""
        start, end = self.period.bounds()
        rows = self.table.model.objects.using(database_alias()).real()
        day = self.table.day
        yield rows.filter(**{f"{day}__gte": start, f"{day}__lt": end}).order_by(day, "pk")
        undated = rows.filter(**{f"{day}__isnull": True}, received_at__gte=start, received_at__lt=end)
        yield undated.order_by("received_at", "pk")

    def _with_parts(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        table = self.table
        related = [] if table.topic == topics.ORDER else ["order"]
        if self.with_persons and table.address:
            related.append(table.address)
        parts = [*(["tracks"] if table.has_tracks else []), *(["items"] if self.by_line else [])]
        rows = rows.select_related(*related) if related else rows
        return rows.prefetch_related(*parts) if parts else rows


def _chunks(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """The rows in chunks, each looked up by where the last one ended: no cursor is held while the user downloads."""
    day = str(rows.query.order_by[0])
    rest = rows
    while chunk := list(rest[:CHUNK]):
        yield chunk
        last = getattr(chunk[-1], day)
        rest = rows.filter(**{f"{day}__gte": last}).exclude(**{day: last, "pk__lte": chunk[-1].pk})


def _field(model: Any, name: str) -> Any:
    return model._meta.get_field(name).verbose_name


def _amount(name: str) -> Any:
    return lambda row: getattr(row, name)


def _add(total: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if value is not None or name not in total:
            total[name] = value if total.get(name) is None else total[name] + (value or 0)
