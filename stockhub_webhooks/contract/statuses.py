"""Labels of the known codes, for the office. The sets are open: an unknown code is kept and shown as it is.

The codes are those of the contract; the codes of orders are Magento's. Only parcels are "delivered".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Labels: TypeAlias = "Mapping[str, str | _StrPromise]"

ORDER: Labels = {
    "pending": pgettext_lazy("order status", "pending"),
    "pending_payment": _("waiting for payment"),
    "processing": _("being processed"),
    "fraud": _("suspected fraud"),
    "payment_review": _("payment under review"),
    "holded": _("on hold"),
    "complete": pgettext_lazy("order status", "complete"),
    "closed": pgettext_lazy("order status", "closed"),
    "canceled": pgettext_lazy("order status", "cancelled"),
}

SHIPMENT: Labels = {
    "UNKNOWN": _("unknown"),
    "READY_FOR_PICKUP": _("ready for the carrier"),  # not for the customer, who would go to the shop
    "IN_TRANSIT": _("in transit"),
    "DELIVERED": _("delivered"),
    "EXCEPTION": _("problem on the way"),
}

RMA: Labels = {
    "pending": pgettext_lazy("return status", "pending"),
    "authorized": _("authorised"),
    "partially_authorized": _("partly authorised"),
    "received": _("received"),
    "received_on_item": _("received, in part"),
    "approved": _("approved"),
    "approved_on_item": _("approved, in part"),
    "rejected": _("rejected"),
    "rejected_on_item": _("rejected, in part"),
    "denied": _("denied"),
    "closed": pgettext_lazy("return status", "closed"),
    "processed_closed": _("processed and closed"),
}

REVERSAL: Labels = {
    "NONE": _("none"),
    "DEFICIENT": _("deficient"),
    "CANCELLED": pgettext_lazy("reversal", "cancelled"),
    "canceled": pgettext_lazy("reversal", "cancelled"),
    "FUNDED_BY_PLATFORM": _("funded by the platform"),
}

RETURN_REASON: Labels = {"no_reason": _("no reason given")}

RESOLUTION: Labels = {"refund": pgettext_lazy("resolution", "refund"), "exchange": _("exchange")}

PAYMENT_METHOD: Labels = {"purchaseorder": _("on account")}

# The names that the app itself gives to accounts; a shop names further ones.
ACCOUNT: Labels = {"default": _("main account"), "test": _("test")}


def label(labels: Labels, code: str | None) -> str:
    """Return the label of a code, the code itself if it is unknown, or "" if there is none."""
    return str(labels.get(code, code)) if code else ""
