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
    events = Event.objects.using(database_alias()).filter(_of(pks, "")).exclude(message=None)
    rows, last = events.defer("changes").order_by("pk"), 0
    while batch := list(rows.filter(pk__gt=last)[:BATCH]):
        manual.requeue_events(batch)
        manual.backfill(batch, receivers)
        last = batch[-1].pk
    return pks


def calls_of(pks: Any) -> QuerySet[ReceiverCall]:
    """Return all receiver calls of these orders.

    Args:
        pks: primary keys of the links of the orders, or a query for them.
    """
    calls: QuerySet[ReceiverCall] = ReceiverCall.objects.using(database_alias()).filter(_of(pks, "event__"))
    return calls


def _of(pks: Any, event: str) -> Q:
    """Return the condition that the event at that path is about a document of these links."""
    links = HostLink.objects.using(database_alias()).filter(pk__in=pks)
    requests = links.exclude(payment_request=None).values("payment_request")
    return Q(**{f"{event}order__in": links.exclude(order=None).values("order")}) | Q(
        **{f"{event}type": "payment_request.created", f"{event}subject_id__in": requests}
    )
