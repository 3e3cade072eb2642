"""What holds for each page of our models in the admin, whichever view answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.core.exceptions import BadRequest
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, URLResolver

from stockhub_webhooks.db.error_reports import without_queries
from stockhub_webhooks.visible import visible_html

View = Callable[..., HttpResponseBase]
NUL = "the request has a NUL character, which PostgreSQL refuses and no text of ours has"


def guarded_patterns(patterns: list[Any]) -> list[Any]:
    """Return URL patterns with guarded views."""
    return [
        pattern
        if isinstance(pattern, URLResolver)
        else URLPattern(pattern.pattern, guarded(pattern.callback), pattern.default_args, pattern.name)
        for pattern in patterns
    ]


def guarded(view: View) -> View:
    """Return a view that answers 400 to NUL characters, and whose pages show no invisible characters.

    Reports of its errors read no rows.
    """

    @wraps(view)
    def guarded_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        without_queries(request)
        if any("\0" in text for text in (*map(str, kwargs.values()), *_texts(request.GET))):
            raise BadRequest(NUL)
        try:
            answer = view(request, *args, **kwargs)
        except (ValueError, DatabaseError) as error:
            # looked at afterwards: a view may have its own answer to a form that is too large to be read
            if request.method == "POST" and any("\0" in text for text in _texts(request.POST)):
                raise BadRequest(NUL) from error
            raise
        if isinstance(answer, SimpleTemplateResponse):
            answer.add_post_render_callback(make_visible)
        elif isinstance(answer, HttpResponse):
            make_visible(answer)
        return answer

    return guarded_view


def make_visible(answer: HttpResponse) -> None:
    """Replace the invisible characters of a page."""
    if answer.get("Content-Type", "").startswith("text/html"):
        page = answer.content.decode(answer.charset)
        if (shown := visible_html(page)) != page:
            answer.content = shown


def _texts(parameters: QueryDict) -> Iterator[str]:
    """Yield the names and values."""
    for name, values in parameters.lists():
        yield name
        yield from map(str, values)
