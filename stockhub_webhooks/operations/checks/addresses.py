"""Checks of the URLs: Stock Hub's messages must reach the views."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name
from django.urls import NoReverseMatch, Resolver404, URLResolver, get_resolver, get_script_prefix, resolve, reverse

from stockhub_webhooks.conf import NAME, conf

NEARBY_PATTERN = "(?P<path>.+)$"  # the last one of stockhub_webhooks.urls


def not_mounted() -> Iterable[CheckMessage]:
    """W023: the URLs are not included, so no message can arrive."""
    if conf.has_urls() and not any(_is_ours(each) for each in _callbacks(get_resolver().url_patterns)):
        yield Warning(
            "ROOT_URLCONF does not include stockhub_webhooks.urls, so no message can be received.",
            hint='Add path("api/v1/stockhub/", include("stockhub_webhooks.urls")) to the urls.py of ROOT_URLCONF.',
            id="stockhub_webhooks.W023",
        )


def no_slash() -> Iterable[CheckMessage]:
    """W031: the prefix without its slash is no address, so a message to it is redirected and lost, or gets 404."""
    if not conf.has_urls():
        return
    try:
        prefix = reverse("stockhub_webhooks:any").removeprefix(get_script_prefix()).rstrip("/")
    except NoReverseMatch:
        return
    if prefix and _view_class(f"/{prefix}") is not _view_class(f"/{prefix}/"):
        yield Warning(
            f"A message to /{prefix}, without the slash at the end, is lost: Django redirects it, or answers 404.",
            hint=f'Add path("{prefix}", ReceiveView.as_view()) to urls.py, with '
            '"from stockhub_webhooks.views import ReceiveView".',
            id="stockhub_webhooks.W031",
        )


def shadowed_patterns() -> Iterable[CheckMessage]:
    """W029: a later URL pattern begins with our prefix. Our last pattern takes all addresses below the prefix."""
    if not conf.has_urls():
        return
    routes = list(_routes(get_resolver().url_patterns))
    ours = next((number for number, route in enumerate(routes) if route.endswith(NEARBY_PATTERN)), None)
    if ours is None:
        return
    prefix = routes[ours].removesuffix(NEARBY_PATTERN)
    shadowed = [route for route in routes[ours + 1 :] if route.startswith(prefix)]
    if shadowed:
        yield Warning(
            f"The URL pattern {shadowed[0]!r} is never reached: it comes after stockhub_webhooks.urls and begins with "
            f"the same prefix, {prefix!r}.",
            hint="Put it before the include of stockhub_webhooks.urls, or give one of them another prefix.",
            id="stockhub_webhooks.W029",
        )


def redirects() -> Iterable[CheckMessage]:
    """W048: Django redirects messages before this app sees them, and Stock Hub does not follow."""
    for reason, hint in conf.redirects():
        yield Warning(
            f"{reason}, so a message may be redirected instead of received: it is lost, and nothing here notices.",
            hint=f'{hint} "stockhub_doctor --url https://…" posts a test message to each address.',
            id="stockhub_webhooks.W048",
        )


def refused_host() -> Iterable[CheckMessage]:
    """W054: `ALLOWED_HOSTS` is empty or lacks the host of `SITE_URL`: Django answers 400 before this app."""
    try:
        host = urlsplit(conf.SITE_URL).hostname or ""
    except ValueError:
        return
    if conf.refuses_host(host):
        lacking = f"lacks {host!r}, the host of {NAME}['SITE_URL']" if host else "is empty"
        yield Warning(
            f"ALLOWED_HOSTS {lacking}, so Django answers 400 to each message: it is lost, and nothing here notices.",
            hint="Add the host that Stock Hub posts to.",
            id="stockhub_webhooks.W054",
        )


def _callbacks(patterns: Iterable[Any]) -> Iterable[Any]:
    """Yield all views, also of patterns in a namespace of the host."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _callbacks(pattern.url_patterns)
        else:
            yield pattern.callback


def _routes(patterns: Iterable[Any], prefix: str = "") -> Iterable[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route


def _is_ours(view: Any) -> bool:
    view_class = getattr(view, "view_class", None)
    return any(base.__module__ == "stockhub_webhooks.views" for base in getattr(view_class, "__mro__", ()))


def _view_class(path: str) -> Any:
    try:
        return getattr(resolve(path).func, "view_class", None)
    except Resolver404:
        return None


CHECKS = (
    not_mounted,
    no_slash,
    shadowed_patterns,
    redirects,
    refused_host,
)
