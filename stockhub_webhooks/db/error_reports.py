"""Django's error reports without queries: a query set is named, instead of being read from the database.

A report shows the local variables of each frame, and showing a query set runs it. With the lines and documents of
21 orders that costs seconds, again for each frame.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter, get_exception_reporter_filter

DEPTH = 3  # of variables inside of others


class QuietFilter(SafeExceptionReporterFilter):
    """Filter of error reports that names query sets, and leaves the rest to the host's own filter."""

    def __init__(self, host_filter: Any) -> None:
        self.host_filter = host_filter

    def __getattribute__(self, name: str) -> Any:
        """Delegate everything else to the host's filter."""
        own = name in ("host_filter", "get_traceback_frame_variables") or name.startswith("__")
        return super().__getattribute__(name) if own else getattr(self.host_filter, name)

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        """Return names and values of a frame's variables, as the host's filter does, with names for query sets."""
        variables = self.host_filter.get_traceback_frame_variables(request, tb_frame)
        return [(name, named(value)) for name, value in variables]


class Named:
    """Stands for a query set in a report."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        self.text = f"<{type(rows).__name__} of {rows.model.__name__}, not read>"

    def __repr__(self) -> str:
        return self.text


def named(value: Any, depth: int = DEPTH) -> Any:
    """Return the value with names in place of query sets, in plain containers, too."""
    if isinstance(value, QuerySet):
        return Named(value)
    if depth and type(value) is dict:
        return {key: named(part, depth - 1) for key, part in value.items()}
    if depth and type(value) in (list, tuple, set):
        return type(value)(named(part, depth - 1) for part in value)
    return value


def without_queries(request: HttpRequest) -> None:
    """Let the error reports about this request name query sets instead of reading them."""
    request.exception_reporter_filter = QuietFilter(get_exception_reporter_filter(request))
