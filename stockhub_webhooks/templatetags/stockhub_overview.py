"""The overview above the list of our models, on whatever admin site that list is."""

from __future__ import annotations

from typing import Any

from django import template

from stockhub_webhooks.admin import overview

register = template.Library()


@register.inclusion_tag("admin/stockhub_webhooks/overview.html", takes_context=True)
def stockhub_overview(context: template.RequestContext) -> dict[str, Any]:
    """Show what needs attention, and the messages of the last 48 hours."""
    return overview.context(context.request)
