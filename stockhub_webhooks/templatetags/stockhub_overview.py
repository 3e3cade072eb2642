"""The overview above the list of our models, on whatever admin site that list is."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString

from stockhub_webhooks.templatetags.stockhub import render_visible

register = template.Library()


@register.simple_tag(takes_context=True)
def stockhub_overview(context: template.RequestContext) -> SafeString:
    """Show what needs attention, and the messages of the last 48 hours."""
    from stockhub_webhooks.admin import overview  # a shop without Django's admin loads this module, too

    return render_visible(context, "admin/stockhub_webhooks/overview.html", overview.context(context.request))


@register.filter
def stockhub_groups(app_list: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lists of this app in groups, in the shape of Django's list of apps; other apps stay as they are."""
    from stockhub_webhooks.admin import index_groups

    return [group for app in app_list for group in index_groups.groups(app)]
