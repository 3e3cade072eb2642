"""Whether a message names an erased order: if it cannot be applied, its body is removed."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.models import Erasure, Message, Order
from stockhub_webhooks.processing.apply.document_types import BY_TOPIC
from stockhub_webhooks.serializers.identity import PURCHASE, Identity, identities


def concerns_erased_order(message: Message, why: Unreadable | None = None) -> bool:
    """Return True if the message names an erased order, or a document of one, as far as it can be read."""
    with query_timeout(database_alias()):
        if not any_erased():
            return False
        named = identities(bytes(message.body), message.url_topic, message.headers)
        if why and why.increment_id:
            named.add(Identity(why.topic, why.increment_id))
        return bool(erased_among(named, message.account))


def any_erased() -> bool:
    """Return True if an order or a payment request was ever erased."""
    return Erasure.objects.using(database_alias()).exists()


def erased_among(named: Iterable[Identity], account: str | None = None) -> set[Identity]:
    """Return those of the documents that belong to an erased order.

    Args:
        named: topics and numbers.
        account: the account of the documents; None for any, since a refused message has none.
    """
    by_topic: dict[str, set[str]] = {}
    for topic, number in named:
        by_topic.setdefault(topic, set()).add(number)
    found = {Identity(PURCHASE, number) for number in _erased_purchases(by_topic.get(PURCHASE, set()), account)}
    for topic, document_type in BY_TOPIC.items():
        if topic not in by_topic:
            continue
        rows = document_type.model.objects.using(database_alias()).filter(increment_id__in=by_topic[topic])
        if account is not None:
            rows = rows.filter(account=account)
        found |= {
            Identity(topic, number) for number in rows.filter(erased(topic)).values_list("increment_id", flat=True)
        }
    return found


def _erased_purchases(numbers: set[str], account: str | None) -> set[str]:
    """Return those of the shop's own numbers whose orders were all erased."""
    if not numbers:
        return set()
    rows = Order.objects.using(database_alias()).filter(po_number__in=numbers)
    if account is not None:
        rows = rows.filter(account=account)
    states = list(rows.values_list("po_number", "erased_at"))
    kept = {number for number, at in states if not at}
    return {number for number, at in states if number and at} - kept


def erased(topic: str) -> Q:
    """Return a condition on documents of a topic: their order was erased."""
    if topic == topics.ORDER:
        return Q(erased_at__isnull=False)
    condition = Q(order__erased_at__isnull=False)
    return condition | Q(erased_at__isnull=False) if topic == topics.PAYMENT_REQUEST else condition
