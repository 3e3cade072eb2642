"""Rows of an export, read in chunks: memory use stays constant and no cursor stays open between chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.export.tables import Column, Table

CHUNK_SIZE = 500


@dataclass(frozen=True)
class Export:
    """Export of one topic and period, with one row per document, or per line if `by_line` is set."""

    table: Table
    period: Period
    by_line: bool = False
    with_persons: bool = False
    language: str | None = field(
        default_factory=translation.get_language
    )  # the user's: the response streams after the view returned

    def totals(self) -> list[dict[str, Any]]:
        """Return the number of documents and the sum of each amount, by currency."""
        sums = {name: Sum(name) for name in self.table.amounts}
        by_currency: dict[str, dict[str, Any]] = {}
        for rows in self._querysets():
            for total in rows.order_by("currency").values("currency").annotate(documents=Count("pk"), **sums):
                _add(by_currency.setdefault(total.pop("currency") or "", {}), total)
        return [{"currency": currency, **total} for currency, total in sorted(by_currency.items())]

    def rows(self) -> Iterator[list[Any]]:
        """Yield the column headers, then the cells of each row, sorted by date."""
        columns = self._columns()
        line_columns = self.table.line_columns if self.by_line else ()
        with translation.override(self.language):
            headers = self._headers(columns, line_columns)
        yield headers
        for rows in self._querysets():
            for chunk in _chunks(self._with_related(rows)):
                with translation.override(self.language):
                    cells = [row for document in chunk for row in self._cells(document, columns, line_columns)]
                yield from cells

    def _headers(self, columns: list[Column], line_columns: tuple[Column, ...]) -> list[str]:
        """Return the headers; one of a line that a document has, too, names the line."""
        of_document = [capfirst(str(column.name)) for column in columns]
        line = self.table.model._meta.get_field("items").related_model._meta.verbose_name
        of_line = [capfirst(str(column.name)) for column in line_columns]
        return of_document + [f"{name} ({line})" if name in of_document else name for name in of_line]

    def _columns(self) -> list[Column]:
        columns = [column for column in self.table.columns if self.with_persons or not column.is_personal]
        if not self.by_line:
            columns += [Column(_field(self.table.model, name), _amount(name)) for name in self.table.amounts]
        if len(conf.real_accounts()) > 1:
            columns.append(Column(_("account"), lambda row: statuses.label(statuses.ACCOUNT, row.account)))
        return columns

    def _cells(self, document: Any, columns: list[Column], line_columns: tuple[Column, ...]) -> Iterator[list[Any]]:
        own = [column.value(document) for column in columns]
        if not self.by_line:
            yield own
            return
        for line in document.items.all():
            yield [*own, *(column.value(line) for column in line_columns)]

    def _querysets(self) -> Iterator[QuerySet[Any]]:
        """Yield the documents dated in the period, then undated documents received in the period."""
        start, end = self.period.bounds()
        rows = self.table.model.objects.using(database_alias()).real()
        day = self.table.day
        yield rows.filter(**{f"{day}__gte": start, f"{day}__lt": end}).order_by(day, "pk")
        undated = rows.filter(**{f"{day}__isnull": True}, received_at__gte=start, received_at__lt=end)
        yield undated.order_by("received_at", "pk")

    def _with_related(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        table = self.table
        related = [] if table.topic == topics.ORDER else ["order"]
        if self.with_persons and table.address:
            related.append(table.address)
        children = [*(["tracks"] if table.has_tracks else []), *(["items"] if self.by_line else [])]
        rows = rows.select_related(*related) if related else rows  # without arguments it would join every relation
        unused = ["extra", *(["order__extra"] if "order" in related else [])]
        return rows.defer(*unused).prefetch_related(*children)


def _chunks(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """Yield the rows in chunks by keyset pagination, so that no cursor is held while the user downloads."""
    day = str(rows.query.order_by[0])
    rest = rows
    while chunk := list(rest[:CHUNK_SIZE]):
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
