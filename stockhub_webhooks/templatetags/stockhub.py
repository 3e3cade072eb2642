"""Tags for the shop's own pages, public, after ``{% load stockhub %}``.

``{% stockhub_tracking order %}`` shows the customer where the parcels are.
``{% stockhub_box order %}`` shows the shop's staff what Stock Hub says.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from stockhub_webhooks.models import Order
from stockhub_webhooks.office import story
from stockhub_webhooks.office.host_number import number_of
from stockhub_webhooks.visible import visible_html

register = template.Library()

SHOWN = 200  # parcels


@register.simple_tag(takes_context=True)
def stockhub_tracking(context: template.Context, order: Any, account: str | None = None) -> SafeString:
    """Return the parcels of an order for the template `stockhub_webhooks/tracking.html`, which yours may replace.

    It shows nothing of other customers, no tests, no internal notes, no invisible characters, and only safe links.
    Whether the visitor may see this order is for the shop's own page to say. After 200 parcels the others are only
    counted, in `more`.

    Args:
        context: the context of the page.
        order: the shop's order number (`po_number`), one of our `Order` rows, or the shop's own order, whose number
            `HOST_ORDER_NUMBER` names (or its attribute or method `stockhub_po_number`). An order whose number is not
            known shows nothing at all.
        account: the account whose keys the order's messages come with. A shop with several accounts must name it, since
            nothing is shown of a number that two of them have: `{% stockhub_tracking order account="nl" %}`.
    """
    asked_for = order if isinstance(order, (Order, str)) else number_of(order)
    if not asked_for:
        return SafeString("")
    parcels = story.parcels(asked_for, account)
    left_out = len(parcels) - SHOWN
    values = {
        "parcels": parcels[:SHOWN],
        "more": _("and %(count)s more") % {"count": left_out} if left_out > 0 else "",
        "nothing": _("There is no parcel on its way yet."),
    }
    return render_visible(context, "stockhub_webhooks/tracking.html", values)


@register.simple_tag(takes_context=True)
def stockhub_box(context: template.Context, order: Any) -> SafeString:
    """Return the box of the admin for a dashboard of the shop's own: status, parcels, returns, refunds and open tasks.

    It shows nothing to users without the permission to view Stock Hub's orders, and nothing without `request` in the
    context. It needs `django.contrib.admin` among the installed apps.

    Args:
        context: the context of the page.
        order: as for `stockhub_tracking`, without our own rows.

    Raises:
        ImproperlyConfigured: the admin is not installed.
    """
    if not apps.is_installed("django.contrib.admin"):
        raise ImproperlyConfigured(
            "{% stockhub_box %} is a part of Django's admin: add 'django.contrib.admin' to INSTALLED_APPS. Its URLs "
            "are not needed. {% stockhub_tracking %} needs no admin."
        )
    from django.contrib import admin

    from stockhub_webhooks.admin.host_order import box
    from stockhub_webhooks.office.access import may

    request = context.get("request")
    number = order if isinstance(order, str) else number_of(order)
    return box(number, admin.site) if number and request and may(request, "view_order") else SafeString("")


def render_visible(context: template.Context, name: str, values: dict[str, Any]) -> SafeString:
    """Return a rendered template without invisible characters; a host may have replaced the template."""
    page: Any = context.template
    shown = page.engine.get_template(name).render(context.new(values))
    return SafeString(visible_html(shown))  # nosec B703  # a rendered template
