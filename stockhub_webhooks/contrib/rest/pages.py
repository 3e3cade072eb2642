"""Pagination by cursor: all pages are equally fast, and new rows do not shift them."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Pages with the newest row first; the parameter `page_size` sets their size, at most 100."""

    ordering = "-pk"
    page_size = 25
    page_size_query_param = "page_size"
    max_page_size = 100
