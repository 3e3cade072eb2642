"""The first page of the app: what needs attention, what came in lately, and when each topic was last heard of."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.http import HttpRequest
from django.utils import timezone

from stockhub_webhooks.admin.chart import Chart
from stockhub_webhooks.admin.sites import may_view, site_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.models.message import Topic
from stockhub_webhooks.operations.health.attention import attention
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.hours import last_hours
from stockhub_webhooks.operations.health.report import ANY, Report
from stockhub_webhooks.operations.health.rules import Level, Problem

APP = "stockhub_webhooks"


def context(request: HttpRequest) -> dict[str, Any]:
    """Return the context of the template, with what the user may view on this site."""
    seen = collect_report(with_keys=False)
    sees_messages = may_view(request, Message)
    shown: dict[str, Any] = {
        "zone": timezone.get_default_timezone(),
        "sees_anything": any(may_view(request, model) for model in apps.get_app_config(APP).get_models()),
        "tools": tools(request),
        "attention": [entry(request, found) for found in attention(seen) if may_see(request, found)],
    }
    if sees_messages and not seen.database:
        shown |= {"chart": Chart(last_hours(seen.made_at)), "last_messages": last_messages(seen)}
    return shown


def tools(request: HttpRequest) -> list[tuple[str, Any]]:
    """Address and label of the pages that stand above our lists, each once."""
    site = site_of(request)
    pages = [site._registry[model] for model in apps.get_app_config(APP).get_models() if may_view(request, model)]
    return list(dict(tool for page in pages for tool in page.changelist_object_tools(request)).items())


def may_see(request: HttpRequest, found: Problem) -> bool:
    """Return True if the user may view the rows of a problem."""
    return may_view(request, apps.get_model(APP, found.model))


def entry(request: HttpRequest, found: Problem) -> dict[str, Any]:
    """Return a line of the list."""
    return {
        "text": found.text,
        "url": found.link_in(site_of(request).name),
        "is_urgent": found.level == Level.CRITICAL,
    }


def last_messages(seen: Report) -> list[tuple[Any, Any]]:
    """Each topic in words, and when it was last heard of."""
    words = dict(Topic.choices)
    return [(words[topic], at) for topic, at in seen.last_messages.items() if topic != ANY]
