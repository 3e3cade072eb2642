"""The six topics of Stock Hub's messages, and rules to recognise the topic of a body.

The URL decides, unless the body has a marker of another topic and none of the URL's topic: Winkelstraat's own page on
credit memos prints the invoice URL.
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


def _has_any(body: Body, *names: str) -> bool:
    return any(body.get(name) is not None for name in names)


def _item_has_any(body: Body, *names: str) -> bool:
    items = body.get("items")
    return isinstance(items, list) and any(isinstance(item, dict) and _has_any(item, *names) for item in items)


def _is_order(body: Body) -> bool:
    return _item_has_any(body, "qty_ordered") or (
        _has_any(body, "shipping_address")
        and _has_any(body, "billing_address")
        and not _has_any(body, "order_increment_id", "payment")
    )


# A field that only one topic has. The first match wins.
MARKERS: dict[str, Callable[[Body], bool]] = {
    RMA: lambda body: _has_any(body, "date_requested"),
    PAYMENT_REQUEST: lambda body: _has_any(body, "purchase_order_increment_id", "pay_by_link", "payment"),
    ORDER: _is_order,
    SHIPMENT: lambda body: _has_any(body, "origin_address", "collected_at", "delivered_at"),
    CREDIT_MEMO: lambda body: (
        _has_any(body, "adjustment", "fee_amount", "return_fee_amount") or _item_has_any(body, "reversal")
    ),
}

# Fields that confirm the URL's topic and decide at the shared URL, but never overrule another URL.
WEAK_MARKERS: dict[str, Callable[[Body], bool]] = {
    RMA: lambda body: (
        _has_any(body, "date_received", "date_processed")
        or _item_has_any(body, "qty_requested", "qty_returned", "resolution", "item_return_fee")
    ),
    PAYMENT_REQUEST: lambda body: _has_any(body, "tax_amount", "discount_amount"),
    CREDIT_MEMO: lambda body: _item_has_any(body, "return_item_fee"),
}


def by_shape(body: Body) -> str:
    """Return the topic that the fields of a body belong to, or "" if they fit no topic."""
    for topic, has_marker in MARKERS.items():
        if has_marker(body):
            return topic
    if _has_any(body, "track"):
        return SHIPMENT
    for topic, has_marker in WEAK_MARKERS.items():
        if has_marker(body):
            return topic
    if (
        _has_any(body, "order_increment_id")
        and _has_any(body, "billing_address")
        and _has_any(body, "grand_total", "subtotal")
    ):
        return INVOICE
    return ""


def recognise(body: Body, url_topic: str) -> str:
    """Return the topic of a body received at the URL of `url_topic` ("" for the shared URL), or "" if no topic fits.

    Shipments and returns both have a `track`, so a track at the return URL does not make a shipment.
    """
    if not url_topic:
        return by_shape(body)
    own_rules = (MARKERS.get(url_topic), WEAK_MARKERS.get(url_topic))
    if any(rule(body) for rule in own_rules if rule):
        return url_topic
    for topic, has_marker in MARKERS.items():
        if has_marker(body):
            return topic
    if _has_any(body, "track") and url_topic not in (SHIPMENT, RMA):
        return SHIPMENT
    return url_topic
