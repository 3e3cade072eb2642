"""Recognise the topic of a body by its URL and its fields.

The URL decides unless the body contradicts it: the sender's credit memo page prints the invoice URL, and a reseller
may have one URL for all topics. One foreign field never decides. Source: the contract, "The kind of a document".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stockhub_webhooks.contract import topics

Body = Mapping[str, Any]

# fields at the top of a body that only this topic has; each is worth one point
MARKERS: dict[str, tuple[str, ...]] = {
    topics.ORDER: (),
    topics.SHIPMENT: ("origin_address", "collected_at", "delivered_at"),
    topics.INVOICE: (),
    topics.RMA: ("date_requested", "date_received", "date_processed"),
    topics.CREDIT_MEMO: ("adjustment", "fee_amount", "return_fee_amount"),
    topics.PAYMENT_REQUEST: ("purchase_order_increment_id", "pay_by_link", "tax_amount", "discount_amount"),
}

# fields of items that only this topic has; each is worth two points if every item has it
ITEM_MARKERS: dict[str, tuple[str, ...]] = {
    topics.ORDER: ("qty_ordered",),
    topics.SHIPMENT: (),
    topics.INVOICE: (),
    topics.RMA: ("qty_requested",),
    topics.CREDIT_MEMO: ("reversal", "return_item_fee"),
    topics.PAYMENT_REQUEST: ("external_reference",),
}

# An order, an invoice, a credit memo and a payment request have these; a shipment and a return have none.
BILLING_FIELDS = ("billing_address", "grand_total", "subtotal")

DECISIVE_POINTS = 2

# the markers of all other topics
FOREIGN = {
    topic: frozenset().union(*(MARKERS[other] for other in topics.ALL if other != topic)) for topic in topics.ALL
}
FOREIGN_IN_ITEMS = {
    topic: frozenset().union(*(ITEM_MARKERS[other] for other in topics.ALL if other != topic)) for topic in topics.ALL
}


def recognise(body: Body, url_topic: str) -> str:
    """Return the topic of a body that was sent to the URL of `url_topic`; "" if it is ambiguous or has no shape.

    Args:
        body: the JSON object.
        url_topic: the topic of the URL, "" for the shared URL.
    """
    if url_topic and _is_undisputed(body, url_topic):
        return url_topic
    points = {topic: _points(body, topic) for topic in topics.ALL}
    has_billing = sum(name in body for name in BILLING_FIELDS) >= 2
    identified = [topic for topic in topics.ALL if _has_identity(body, topic)]
    possible = [topic for topic in identified if not (has_billing and _contradicts_billing(topic, points[topic]))]
    if url_topic in possible:
        lead = max((points[topic] for topic in possible if topic != url_topic), default=0) - points[url_topic]
        if lead <= 0 or (lead == 1 and points[url_topic] == 0):
            return url_topic
        if lead == 1:
            return ""
    decisive = [topic for topic in identified if points[topic] >= DECISIVE_POINTS]
    if decisive:
        return _only([topic for topic in decisive if points[topic] == max(points[other] for other in decisive)])
    if any(points[topic] >= DECISIVE_POINTS for topic in topics.ALL):
        return ""  # the shape of a topic whose number is missing
    if has_billing:
        return _by_billing(body, may_be_credit_memo=points[topics.CREDIT_MEMO] > 0, url_topic=url_topic)
    if any(name in body for name in BILLING_FIELDS):
        return ""
    return _only([topic for topic in identified if points[topic]])


def _is_undisputed(body: Body, topic: str) -> bool:
    """Return True if the topic of the URL is possible and no other one has a point, as for nearly all bodies."""
    items = body.get("items")
    if not isinstance(items, list) or not FOREIGN[topic].isdisjoint(body) or not _has_identity(body, topic):
        return False
    if not all(isinstance(item, dict) and FOREIGN_IN_ITEMS[topic].isdisjoint(item) for item in items):
        return False
    if topic not in (topics.SHIPMENT, topics.RMA, topics.CREDIT_MEMO):
        return True  # billing fields exclude none of the others
    has_billing = sum(name in body for name in BILLING_FIELDS) >= 2
    return not (has_billing and _contradicts_billing(topic, _points(body, topic)))


def _points(body: Body, topic: str) -> int:
    """Count the markers of a topic; a null counts as present."""
    at_the_top = sum(name in body for name in MARKERS[topic])
    return at_the_top + sum(DECISIVE_POINTS for name in ITEM_MARKERS[topic] if _in_every_item(body, name))


def _in_every_item(body: Body, name: str) -> bool:
    items = body.get("items")
    return isinstance(items, list) and bool(items) and all(isinstance(item, dict) and name in item for item in items)


def _has_identity(body: Body, topic: str) -> bool:
    """Return True if the body has the numbers of the topic: an order has no `order_increment_id`, for example."""
    if topic == topics.ORDER and _is_given(body, "order_increment_id"):
        return False
    return _is_given(body, "increment_id") is not (topic == topics.PAYMENT_REQUEST)


def _is_given(body: Body, name: str) -> bool:
    value = body.get(name)
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _contradicts_billing(topic: str, points: int) -> bool:
    """Billing fields exclude a shipment and a return without decisive markers, and a credit memo without any."""
    if topic in (topics.SHIPMENT, topics.RMA):
        return points < DECISIVE_POINTS
    return topic == topics.CREDIT_MEMO and points == 0


def _by_billing(body: Body, *, may_be_credit_memo: bool, url_topic: str) -> str:
    """Tell apart the topics that have billing fields, if none has decisive markers."""
    if not _is_given(body, "increment_id"):
        return ""
    if may_be_credit_memo:
        return topics.CREDIT_MEMO if url_topic == topics.CREDIT_MEMO else ""
    if _is_given(body, "order_increment_id"):
        return topics.INVOICE
    return topics.ORDER if "billing_address" in body else ""


def _only(candidates: list[str]) -> str:
    return candidates[0] if len(candidates) == 1 else ""
