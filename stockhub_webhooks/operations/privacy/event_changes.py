"""Removal of the personal values from events."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.models import Event, ReceiverCall
from stockhub_webhooks.models.personal import RETENTION
from stockhub_webhooks.operations.privacy.subjects import Subjects

BATCH = 500


def clean_events(one: Subjects) -> tuple[int, list[int]]:
    """Take the personal values out of the events; return how many had any, and the keys of all receiver calls."""
    using = database_alias()
    orders, requests = [order.pk for order in one.orders], [request.pk for request in one.requests]
    is_hers = Q(order__in=orders) | Q(type__startswith="payment_request.", subject_id__in=requests)
    cleaned, last = 0, 0
    while batch := list(Event.objects.using(using).filter(is_hers, pk__gt=last).order_by("pk")[:BATCH]):
        last = batch[-1].pk
        changed = [event for event in batch if forget_changes(event)]
        Event.objects.using(using).bulk_update(changed, ["changes"])
        cleaned += len(changed)
    events = Event.objects.using(using).filter(is_hers).values("pk")
    calls = ReceiverCall.objects.using(using).filter(Q(event__in=events) | Q(order__in=orders))
    return cleaned, list(calls.values_list("pk", flat=True))


def forget_changes(event: Event) -> bool:
    """Remove the personal changes of an event, without saving it; return False if there are none."""
    subject = subject_of(event)
    kept: dict[str, Any] = {}
    for name, values in event.changes.items():
        if not subject.is_personal(name) and not name.endswith(".tracking_url"):
            kept[name] = [_without_links(value) for value in values] if isinstance(values, list) else values
    is_changed = kept != event.changes
    event.changes = kept
    return is_changed


def _without_links(value: Any) -> Any:
    """Return a line or a parcel without the values that erasing empties."""
    if isinstance(value, dict):
        return {name: each for name, each in value.items() if name not in RETENTION["Track"].personal}
    return value
