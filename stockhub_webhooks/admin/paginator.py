"""Pagination of the changelists without counting a whole table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

if TYPE_CHECKING:
    BasePaginator = Paginator[Any]
else:
    BasePaginator = Paginator

MAX_ROWS = 5_000


class BoundedPaginator(BasePaginator):
    """Paginator for the newest `MAX_ROWS` rows; users narrow the list down to reach older ones.

    Counting all rows, or skipping to the last page, would scan the whole table.
    """

    is_cut_off = False

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most the limit; `is_cut_off` is True if there are more."""
        rows: Any = self.object_list
        counted: int = rows.order_by().values("pk")[: MAX_ROWS + 1].count()
        self.is_cut_off = counted > MAX_ROWS
        return min(counted, MAX_ROWS)
