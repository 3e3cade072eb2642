"""What holds for each page of our models in the admin, whichever view answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, URLResolver

from stockhub_webhooks.visible import visible_html

View = Callable[..., HttpResponseBase]


def guarded_patterns(patterns: list[Any]) -> list[Any]:
    """Return URL patterns with guarded views."""
    return [
        pattern
        if isinstance(pattern, URLResolver)
        else URLPattern(pattern.pattern, guarded(pattern.callback), pattern.default_args, pattern.name)
        for pattern in patterns
    ]


def guarded(view: View) -> View:
    """Return a view that answers 400 to NUL characters, and whose pages show no invisible characters."""

    @wraps(view)
    def guarded_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if any("\0" in text for text in (*map(str, kwargs.values()), *_parameters(request))):
            raise BadRequest("the request has a NUL character, which no text of ours has")  # PostgreSQL refuses it
        answer = view(request, *args, **kwargs)
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


def _parameters(request: HttpRequest) -> Iterator[str]:
    """Yield the names and values in the address and in the form."""
    for parameters in (request.GET, request.POST):
        for name, values in parameters.lists():
            yield name
            yield from map(str, values)
