"""Rows of an export, read in chunks: memory use stays constant and no cursor stays open between chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet, Sum
from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import statuses, topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.export.tables import ExportColumn, ExportTable, amount_name

CHUNK_SIZE = 500


class Position(NamedTuple):
    """Where an export is: the place of the last document that was read.

    Attributes:
        part: 0 for documents dated in the period, 1 for undated ones.
        day: the time that they are sorted by, in ISO format.
        pk: primary key.
    """

    part: int
    day: str
    pk: int


class Chunk(NamedTuple):
    """Some rows of an export, the position of their last document, and the number of documents."""

    position: Position
    rows: list[list[Any]]
    documents: int


@dataclass(frozen=True)
class Export:
    """Export of one topic and period, with one row per document, or per line if `by_line` is set."""

    table: ExportTable
    period: Period
    by_line: bool = False
    with_persons: bool = False
    language: str | None = field(
        default_factory=translation.get_language
    )  # the user's: the response streams after the view returned
    statuses: tuple[str, ...] = ()  # codes; all documents if there is none
    account: str = ""  # all real ones if it is empty

    def totals(self) -> list[dict[str, Any]]:
        """Return the number of documents and the sum of each amount, by currency."""
        sums = {name: Sum(name) for name in self.table.amounts}
        by_currency: dict[str, dict[str, Any]] = {}
        for rows in self._querysets():
            for total in rows.order_by("currency").values("currency").annotate(documents=Count("pk"), **sums):
                _add(by_currency.setdefault((total.pop("currency") or "").strip().upper(), {}), total)
        return [{"currency": currency, **total} for currency, total in sorted(by_currency.items())]

    def rows(self) -> Iterator[list[Any]]:
        """Yield the column headers, then the cells of each row, sorted by date."""
        yield self.headers()
        for chunk in self.chunks():
            yield from chunk.rows

    def headers(self) -> list[str]:
        """Return the column headers."""
        columns = self._columns()
        line_columns = self.table.line_columns if self.by_line else ()
        with translation.override(self.language):
            return self._headers(columns, line_columns)

    def chunks(self, after: Position | None = None) -> Iterator[Chunk]:
        """Yield the rows in chunks, sorted by date.

        Args:
            after: the position of the last chunk that is known already; None for all chunks.
        """
        columns = self._columns()
        line_columns = self.table.line_columns if self.by_line else ()
        for number, rows in enumerate(self._querysets()):
            if after and number < after.part:
                continue
            day = str(rows.query.order_by[0])
            known = after if after and number == after.part else None
            for documents in _chunks(self._with_related(rows), known):
                with translation.override(self.language):
                    cells = [row for document in documents for row in self._cells(document, columns, line_columns)]
                last = documents[-1]
                yield Chunk(Position(number, getattr(last, day).isoformat(), last.pk), cells, len(documents))

    def count(self) -> int:
        """Return the number of documents."""
        return sum(rows.order_by().count() for rows in self._querysets())

    def _headers(self, columns: list[ExportColumn], line_columns: tuple[ExportColumn, ...]) -> list[str]:
        """Return the headers; one of a line that a document has, too, names the line."""
        of_document = [capfirst(str(column.name)) for column in columns]
        line = self.table.model._meta.get_field("items").related_model._meta.verbose_name
        of_line = [capfirst(str(column.name)) for column in line_columns]
        return of_document + [f"{name} ({line})" if name in of_document else name for name in of_line]

    def _columns(self) -> list[ExportColumn]:
        columns = [column for column in self.table.columns if self.with_persons or not column.is_personal]
        if not self.by_line:
            columns += [ExportColumn(amount_name(self.table.model, name), _amount(name)) for name in self.table.amounts]
        if len(conf.real_accounts()) > 1:
            columns.append(ExportColumn(_("account"), lambda row: statuses.label(statuses.ACCOUNT, row.account)))
        return columns

    def _cells(
        self, document: Any, columns: list[ExportColumn], line_columns: tuple[ExportColumn, ...]
    ) -> Iterator[list[Any]]:
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
        rows = rows.of_account(self.account) if self.account else rows
        rows = rows.filter(status__in=self.statuses) if self.statuses else rows
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


def _chunks(rows: QuerySet[Any], after: Position | None) -> Iterator[list[Any]]:
    """Yield the rows in chunks by keyset pagination, so that no cursor is held while the user downloads."""
    day = str(rows.query.order_by[0])

    def behind(at: Any, pk: int) -> QuerySet[Any]:
        return rows.filter(**{f"{day}__gte": at}).exclude(**{day: at, "pk__lte": pk})

    rest = behind(datetime.fromisoformat(after.day), after.pk) if after else rows
    while chunk := list(rest[:CHUNK_SIZE]):
        yield chunk
        rest = behind(getattr(chunk[-1], day), chunk[-1].pk)


def _amount(name: str) -> Any:
    return lambda row: getattr(row, name)


def _add(total: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if value is not None or name not in total:
            total[name] = value if total.get(name) is None else total[name] + (value or 0)
