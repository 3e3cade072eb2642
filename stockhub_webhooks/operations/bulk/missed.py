"""What our shop missed: the past changes of orders that it did not have at first, delivered to its receivers now."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import ledger, manual
from stockhub_webhooks.models import Event, HostLink, ReceiverCall

BATCH = 500


def tell(pks: list[int]) -> list[int]:
    """Add the calls that receivers have not got of these orders, and requeue those that failed; return `pks`.

    Args:
        pks: primary keys of the links of the orders.
    """
    receivers = set().union(*ledger.known_receivers().values())
    links = list(HostLink.objects.using(database_alias()).filter(pk__in=pks).values_list("order", "payment_request"))
    orders, requests = [order for order, _ in links if order], [request for _, request in links if request]
    events = Event.objects.using(database_alias()).filter(_of(orders, requests or None)).exclude(message=None)
    rows, last = events.defer("changes").order_by("pk"), 0
    while batch := list(rows.filter(pk__gt=last)[:BATCH]):
        manual.requeue_events(batch)
        manual.backfill(batch, receivers)
        last = batch[-1].pk
    return pks


def calls_of(pks: QuerySet[Any]) -> QuerySet[ReceiverCall]:
    """Return all receiver calls of these orders.

    Args:
        pks: a query for the primary keys of the links of the orders.
    """
    links = HostLink.objects.using(database_alias()).filter(pk__in=pks)
    orders, requests = (links.exclude(**{name: None}).values(name) for name in ("order", "payment_request"))
    condition = _of(orders, requests if requests.exists() else None, "event__")
    calls: QuerySet[ReceiverCall] = ReceiverCall.objects.using(database_alias()).filter(condition)
    return calls


def _of(orders: Any, requests: Any, event: str = "") -> Q:
    """Return the condition that a row is about one of these documents; `event` is the path to its event."""
    if requests is None:
        return Q(order__in=orders)  # an OR would make the database read the whole table
    return Q(order__in=orders) | Q(**{f"{event}type": "payment_request.created", f"{event}subject_id__in": requests})
