"""Long tables within a page, shown a part at a time, so that no page grows without end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from stockhub_webhooks.admin import display

SIZE = 200  # rows


@dataclass(frozen=True)
class Part:
    """Some of the rows of a long table.

    Attributes:
        rows: the rows of this part.
        first: the place of the first of them, counted from 1.
        total: the number of all rows.
        former: the URL of the part before this one; "" if this is the first.
        following: the URL of the part after this one; "" if this is the last.
        anchor: the `id` of the table's section.
    """

    rows: list[Any]
    first: int
    total: int
    former: str
    following: str
    anchor: str

    @property
    def is_whole(self) -> bool:
        """True if these are all rows."""
        return len(self.rows) == self.total

    @property
    def in_words(self) -> str:
        """Which rows these are, such as "rows 201 to 400 of 10000"."""
        last = self.first + len(self.rows) - 1
        return capfirst(_("rows %(first)s to %(last)s of %(total)s") % {
            "first": self.first, "last": last, "total": self.total,
        })  # fmt: skip

    @property
    def links(self) -> SafeString:
        """Which rows these are, with links to the parts before and after."""
        words = [
            display.link(self.former, capfirst(_("previous page"))) if self.former else "",
            self.in_words,
            display.link(self.following, capfirst(_("next page"))) if self.following else "",
        ]
        return format_html('<p class="stockhub-pages">{}</p>', display.joined(" ", filter(None, words)))


class Parts:
    """The parts of the tables of one page, as the parameters of its URL choose them: `?lines=2`."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        self.query = request.GET if request else QueryDict()

    def of(self, name: str, rows: Sequence[Any] | QuerySet[Any]) -> Part:
        """Return the chosen part; the first if the parameter is no number, the last if it is too high.

        Args:
            name: the parameter.
            rows: all rows; of a queryset only this part is read, and counted only if there are more.
        """
        text = self.query.get(name, "")
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 1
        total = None if isinstance(rows, QuerySet) else len(rows)
        if total is None and number <= 1:
            shown = list(rows[: SIZE + 1])
            if len(shown) <= SIZE:
                return Part(shown, 1, len(shown), "", "", self.anchor(name))
        if total is None:
            total = rows.count()  # type: ignore[call-arg]
        last = max((total - 1) // SIZE + 1, 1)
        number = min(max(number, 1), last)
        start = (number - 1) * SIZE
        return Part(
            list(rows[start : start + SIZE]),
            start + 1,
            total,
            self.url(name, number - 1) if number > 1 else "",
            self.url(name, number + 1) if number < last else "",
            self.anchor(name),
        )

    def anchor(self, name: str) -> str:
        """Return the `id` of a table's section."""
        return f"stockhub-{name}"

    def url(self, name: str, number: int) -> str:
        """Return the URL of the page with another part of a table."""
        query = self.query.copy()
        query[name] = str(number)
        return f"?{query.urlencode()}#{self.anchor(name)}"

    def table(
        self,
        name: str,
        heads: Iterable[Any],
        rows: Sequence[Any] | QuerySet[Any],
        cells: Callable[[Any], Iterable[Any]],
    ) -> SafeString | str:
        """Return the chosen part of a table, with links to the others; a dash if it has no rows."""
        part = self.of(name, rows)
        return with_links(part, display.table(heads, map(cells, part.rows)))


def choose(row: Any, request: HttpRequest) -> None:
    """Note on a row which parts of its tables the page of the row shows."""
    row.stockhub_parts = Parts(request)


def parts_of(row: Any) -> Parts:
    """Return the parts that the page of a row shows; the first ones if none were chosen."""
    parts: Parts = getattr(row, "stockhub_parts", None) or Parts()
    return parts


def with_links(part: Part, table: SafeString | str) -> SafeString | str:
    """Return a table of a part; above it links to the other parts, if there are any."""
    if part.is_whole:
        return table
    return format_html('<div id="{}">{}{}</div>', part.anchor, part.links, table)
