"""``{% load stockhub %}{% stockhub_tracking order %}``: where the parcels are, for the shop's customer. Public."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext as _

from stockhub_webhooks.models import Order
from stockhub_webhooks.office import story

register = template.Library()

SHOWN = 200  # parcels


@register.inclusion_tag("stockhub_webhooks/tracking.html")
def stockhub_tracking(order: Any) -> dict[str, Any]:
    """Return the parcels of an order for the template `stockhub_webhooks/tracking.html`, which yours may replace.

    It shows nothing of other customers, no internal notes, and links only to http(s). Whether the visitor may see this
    order is for the shop's own page to say. After 200 parcels the others are only counted, in `more`.

    Args:
        order: the shop's order number (`po_number`), one of our `Order` rows, or the shop's own order: its attribute or
            method `stockhub_po_number` says its number, else its primary key is it. Nothing is found for None.
    """
    parcels = story.parcels(_asked_for(order))
    left_out = len(parcels) - SHOWN
    return {
        "parcels": parcels[:SHOWN],
        "more": _("and %(count)s more") % {"count": left_out} if left_out > 0 else "",
        "nothing": _("There is no parcel on its way yet."),
    }


def _asked_for(order: Any) -> Order | str:
    if isinstance(order, (Order, str)):
        return order
    number = getattr(order, "stockhub_po_number", getattr(order, "pk", None))
    number = number() if callable(number) else number
    return "" if number is None else str(number)
