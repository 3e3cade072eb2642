"""``{% load stockhub %}{% stockhub_tracking order %}``: where the parcels are, for the shop's customer. Public."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext as _

from stockhub_webhooks.models import Order
from stockhub_webhooks.office import story

register = template.Library()


@register.inclusion_tag("stockhub_webhooks/tracking.html")
def stockhub_tracking(order: Any) -> dict[str, Any]:
    """Return the parcels of an order for the template `stockhub_webhooks/tracking.html`, which yours may replace.

    It shows nothing of other customers, no internal notes, no invisible characters, and only safe links. Whether the
    visitor may see this order is for the shop's own page to say.

    Args:
        order: the shop's order number (`po_number`), one of our `Order` rows, or the shop's own order: its attribute or
            method `stockhub_po_number` says its number, else its primary key is it. Nothing is found for None.
    """
    return {"parcels": story.parcels(_asked_for(order)), "nothing": _("There is no parcel on its way yet.")}


def _asked_for(order: Any) -> Order | str:
    if isinstance(order, (Order, str)):
        return order
    number = getattr(order, "stockhub_po_number", getattr(order, "pk", None))
    number = number() if callable(number) else number
    return "" if number is None else str(number)
