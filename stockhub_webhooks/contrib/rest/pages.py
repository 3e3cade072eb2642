"""Pagination by cursor: all pages are equally fast, and new rows do not shift them."""

from __future__ import annotations

import re
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class NewestFirst(CursorPagination):
    """Pages with the newest row first; the parameter `page_size` sets their size, at most 100."""

    ordering = "-pk"
    page_size = 25
    page_size_query_param = "page_size"
    max_page_size = 100

    def decode_cursor(self, request: Request) -> Any:
        """Return the cursor of the request, None if there is none.

        Raises:
            NotFound: it is no cursor of this list.
        """
        cursor = super().decode_cursor(request)
        if (
            cursor is not None
            and cursor.position is not None
            and not re.fullmatch(r"[0-9]{1,19}", str(cursor.position))
        ):
            raise NotFound(self.invalid_cursor_message)
        return cursor
