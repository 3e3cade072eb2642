"""Pages of a list that never counts a whole table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

if TYPE_CHECKING:
    BasePaginator = Paginator[Any]
else:
    BasePaginator = Paginator

MOST = 5_000


class BoundedPaginator(BasePaginator):
    """Paginator for the newest rows of a list; for older ones, users narrow the list down.

    Counting a table takes as long as it is large, and so does skipping to its end.
    """

    is_cut_off = False

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most the limit; `is_cut_off` is True if there are more."""
        rows: Any = self.object_list
        counted: int = rows.order_by().values("pk")[: MOST + 1].count()
        self.is_cut_off = counted > MOST
        return min(counted, MOST)
