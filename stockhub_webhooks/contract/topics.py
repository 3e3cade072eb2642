"""The six things that Stock Hub speaks of, and how to tell from a body which one it is.

Source: the contract's "kind by shape". The URL decides, unless the body carries another topic's marker
and none of its own: the sender's credit memo page prints the invoice URL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

ORDER = "order"
SHIPMENT = "shipment"
INVOICE = "invoice"
RMA = "rma"
CREDIT_MEMO = "creditmemo"
PAYMENT_REQUEST = "order-payment-request"

ALL = (ORDER, SHIPMENT, INVOICE, RMA, CREDIT_MEMO, PAYMENT_REQUEST)

Body = Mapping[str, Any]


def _any(body: Body, *names: str) -> bool:
    return any(body.get(name) is not None for name in names)


def _any_item(body: Body, *names: str) -> bool:
    items = body.get("items")
    return isinstance(items, list) and any(isinstance(item, dict) and _any(item, *names) for item in items)


def _is_order(body: Body) -> bool:
    return _any_item(body, "qty_ordered") or (
        _any(body, "shipping_address")
        and _any(body, "billing_address")
        and not _any(body, "order_increment_id", "payment")
    )


# In the order in which they are asked; the first that says yes wins.
MARKERS: dict[str, Callable[[Body], bool]] = {
    RMA: lambda body: _any(body, "date_requested"),
    PAYMENT_REQUEST: lambda body: _any(body, "purchase_order_increment_id", "pay_by_link", "payment"),
    ORDER: _is_order,
    SHIPMENT: lambda body: _any(body, "origin_address", "collected_at", "delivered_at"),
    CREDIT_MEMO: lambda body: (
        _any(body, "adjustment", "fee_amount", "return_fee_amount") or _any_item(body, "reversal")
    ),
}

# Weaker signs: they speak for the URL's own topic and at the shared URL, but never overrule another's.
OWN_SIGNS: dict[str, Callable[[Body], bool]] = {
    RMA: lambda body: (
        _any(body, "date_received", "date_processed")
        or _any_item(body, "qty_requested", "qty_returned", "resolution", "item_return_fee")
    ),
    PAYMENT_REQUEST: lambda body: _any(body, "tax_amount", "discount_amount"),
    CREDIT_MEMO: lambda body: _any_item(body, "return_item_fee"),
}


def by_shape(body: Body) -> str:
    """The topic that the body's own fields speak of, "" where they speak of none."""
    for topic, marks in MARKERS.items():
        if marks(body):
            return topic
    if _any(body, "track"):
        return SHIPMENT
    for topic, signs in OWN_SIGNS.items():
        if signs(body):
            return topic
    if _any(body, "order_increment_id") and _any(body, "billing_address") and _any(body, "grand_total", "subtotal"):
        return INVOICE
    return ""


def recognise(body: Body, url_topic: str) -> str:
    """The topic of a body that came in at the URL of `url_topic` ("" for the shared URL); "" where none fits.

    A parcel's `track` is shared by shipments and returns, so at the return URL it proves nothing.
    """
    if not url_topic:
        return by_shape(body)
    own = MARKERS.get(url_topic)
    signs = OWN_SIGNS.get(url_topic)
    if (own and own(body)) or (signs and signs(body)):
        return url_topic
    for topic, marks in MARKERS.items():
        if marks(body):
            return topic
    if _any(body, "track") and url_topic not in (SHIPMENT, RMA):
        return SHIPMENT
    return url_topic
