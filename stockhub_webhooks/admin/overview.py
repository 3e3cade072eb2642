"""Start page of the app: problems, a chart of recent messages, and the last message of each topic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.admin import figures_page
from stockhub_webhooks.admin.chart import Chart
from stockhub_webhooks.admin.first_steps import first_steps
from stockhub_webhooks.admin.index_groups import place
from stockhub_webhooks.admin.sites import address, may_view, site_of
from stockhub_webhooks.models import Message, RefusedBody, WorklistRow
from stockhub_webhooks.models.message import Topic
from stockhub_webhooks.office.access import may
from stockhub_webhooks.office.worklists import lists
from stockhub_webhooks.operations.health import refusals
from stockhub_webhooks.operations.health.attention import attention
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.hours import last_hours
from stockhub_webhooks.operations.health.problems import Level, Problem
from stockhub_webhooks.operations.health.report import ANY, Report

APP = "stockhub_webhooks"

# Where a person can act on all rows of a problem at once: by code and model the page, a place in it, and the permission
# that it needs beside that of the list.
_FAILED: Any = {"receivercall": ("failures", "#failed-call", ""), "message": ("failures", "#failed-message", "")}
_RECEIVERS: Any = {"receivercall": ("receivercall_receivers", "", "")}
PAGES: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "given_up": _FAILED,
    "failing_calls": _FAILED,
    "failing_messages": _FAILED,
    "gone_receivers": _RECEIVERS,
    "breaker": _RECEIVERS,
    "paused": _RECEIVERS,
    "refusals": {"refusedbody": ("refusedbody_release", "", "release")},
}


def context(request: HttpRequest) -> dict[str, Any]:
    """Return the template's context, limited to the models that the user may view on this site."""
    report = collect_report(with_keys=False, with_writes=False)
    sees_messages = may_view(request, Message)
    values: dict[str, Any] = {
        "zone": timezone.get_default_timezone(),
        "sees_anything": any(may_view(request, model) for model in apps.get_app_config(APP).get_models()),
        "tools": tools(request),
        "attention": [entry(request, problem) for problem in attention(report) if may_see(request, problem)],
    }
    if may_view(request, RefusedBody):
        refusals.announce_on_overview(report)
    if may_view(request, WorklistRow) and not report.database:
        values["worklists"] = [(tab, worklist_url(request, tab.rule)) for tab in lists.tabs()]
    if sees_messages:
        values["first_steps"] = first_steps(request, report)
    if sees_messages and not report.database and not values["first_steps"]:
        values |= {"chart": Chart(last_hours(report.made_at)), "last_messages": last_messages(report)}
    return values


def worklist_url(request: HttpRequest, rule: str) -> str:
    """Return the URL of the list of a rule."""
    return f"{address(request, 'stockhub_webhooks_worklistrow_changelist')}?{urlencode({'rule': rule})}"


def tools(request: HttpRequest) -> list[tuple[str, Any]]:
    """Return the URL and label of each object tool of the changelists once, those of daily work first.

    The figures are a page of the list of orders, but need a permission of their own alone.
    """
    site = site_of(request)
    models = sorted(apps.get_app_config(APP).get_models(), key=place)
    pages = [site._registry[model] for model in models if may_view(request, model)]
    found = dict(tool for page in pages for tool in page.changelist_object_tools(request))
    if may(request, "view_figures") and (url := address(request, figures_page.URL_NAME)):
        found.setdefault(url, _("figures"))
    return list(found.items())


def may_see(request: HttpRequest, problem: Problem) -> bool:
    """Return True if the user may view the rows of a problem."""
    return may_view(request, apps.get_model(APP, problem.model))


def entry(request: HttpRequest, problem: Problem) -> dict[str, Any]:
    """Return the text, link and urgency of a problem for the template."""
    page, anchor, permission = PAGES.get(problem.code, {}).get(problem.model, ("", "", ""))
    url = address(request, f"stockhub_webhooks_{page}") if page and (not permission or may(request, permission)) else ""
    return {
        "text": problem.text,
        "url": url + anchor if url else problem.link_in(site_of(request).name),
        "is_urgent": problem.level == Level.CRITICAL,
    }


def last_messages(report: Report) -> list[tuple[Any, Any]]:
    """Return the label of each topic and the time of its last message."""
    topic_labels = dict(Topic.choices)
    return [(topic_labels[topic], received_at) for topic, received_at in report.last_messages.items() if topic != ANY]
