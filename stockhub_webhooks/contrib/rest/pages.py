"""Pagination by cursor: each page is equally fast, and none shifts while rows are added."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Newest first; `page_size` says how many, a hundred at most."""

    ordering = "-pk"
    page_size = 25
    page_size_query_param = "page_size"
    max_page_size = 100
