"""The overview above the list of our models, on whatever admin site that list is."""

from __future__ import annotations

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from stockhub_webhooks.admin import overview
from stockhub_webhooks.visible import visible_html

register = template.Library()


@register.simple_tag(takes_context=True)
def stockhub_overview(context: template.RequestContext) -> SafeString:
    """Show what needs attention, and the messages of the last 48 hours."""
    shown = render_to_string("admin/stockhub_webhooks/overview.html", overview.context(context.request))
    return SafeString(visible_html(shown))
