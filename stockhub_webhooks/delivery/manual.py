"""Changes of receiver calls by a person: retry, give up, reassign to another receiver, call for past events."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import F, Q, TextField, Value
from django.db.models.functions import Concat

from stockhub_webhooks import signals
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, database_alias
from stockhub_webhooks.db.sequences import insert_missing
from stockhub_webhooks.delivery.ledger import new_calls
from stockhub_webhooks.models import Event, ReceiverCall
from stockhub_webhooks.models.ledger import ReceiverCallQuerySet
from stockhub_webhooks.serializers.fields import clean_text

REASSIGNED_AT_ONCE = 500


def backfill(events: list[Event], receivers: Collection[str]) -> list[ReceiverCall]:
    """Add calls of past events for receivers that have none for them, for instance since they were added later.

    A receiver that has a call for an event gets no second one: that is a retry. The calls are marked as `is_replay`,
    and keep the sequence of their events.

    Args:
        events: stored events.
        receivers: identities; each gets the events of the signals that it is connected to now.
    """
    wanted = [call for call in new_calls(events) if call.receiver in receivers]
    if not wanted:
        return []
    rows = ReceiverCall.objects.using(database_alias())
    existing = set(
        rows.filter(event__in=events, receiver__in=list(receivers)).values_list("event_id", "signal", "receiver")
    )
    calls = [call for call in wanted if (call.event_id, call.signal, call.receiver) not in existing]
    for call in calls:
        call.is_replay = True
    insert_missing(calls, database_alias())  # another process may have added the same calls
    return calls


def requeue(pks: list[int]) -> int:
    """Make calls due now that are given up or wait for their next attempt; return their number."""
    calls = ReceiverCall.objects.using(database_alias()).filter(pk__in=pks)
    waiting, given_up = (
        calls.filter(status=status) for status in (ReceiverCall.Status.PENDING, ReceiverCall.Status.GIVEN_UP)
    )
    return waiting.update(due_at=NOW, cause="") + given_up.update(
        status=ReceiverCall.Status.PENDING, attempts=0, due_at=NOW, cause="", is_suspect=False
    )


def requeue_events(events: list[Event]) -> list[ReceiverCall]:
    """Make failed and waiting calls of these events due now, except those that a person gave up; return them."""
    calls = list(retryable().filter(event__in=events).exclude(due_at__lte=NOW))
    requeue([call.pk for call in calls])
    return calls


def give_up_by_hand(pks: list[int], reason: str) -> int:
    """Give up waiting calls, and calls that were given up automatically; return their number.

    They count as settled, so they raise no alarm. `last_error` keeps the error below the reason.
    """
    waiting = ReceiverCall.objects.using(database_alias()).filter(
        pk__in=pks, status__in=(ReceiverCall.Status.PENDING, ReceiverCall.Status.GIVEN_UP)
    )
    stated = Value(f"{clean_text(reason)}\n\n", output_field=TextField())
    return waiting.update(
        status=ReceiverCall.Status.GIVEN_UP,
        due_at=None,
        cause=ReceiverCall.BY_HAND,
        last_error=Concat(stated, F("last_error")),
    )


def reassign(signal: str, former: str, receiver: str) -> int:
    """Hand the open and given-up calls of a receiver that no longer exists over to another one; return their number.

    A call stays as it is if the other receiver has one for the same event, or if a person gave it up.

    Args:
        signal: the name of the signal that both belong to.
        former: identity of the receiver that is no longer connected.
        receiver: identity of the other one.

    Raises:
        ValueError: the new receiver is not connected to that signal, or the former one still is.
    """
    connected = signals.BY_NAME[signal]
    if connected.find(receiver) is None or connected.find(former) is not None:
        raise ValueError(f"{receiver} is not connected to {signal}, or {former} still is")
    calls = ReceiverCall.objects.using(database_alias()).filter(is_reassignable(signal, former))
    moved = last = 0
    while True:  # the keys first, since MySQL cannot change a table that a subquery reads
        batch = list(calls.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:REASSIGNED_AT_ONCE])
        if not batch:
            return moved
        last = batch[-1]
        moved += len(reassign_calls(signal, receiver, batch))


def is_reassignable(signal: str, former: str) -> Q:
    """Return the condition of the calls of a receiver that may be handed over: not done, and not given up by hand."""
    lapsed = Q(status=ReceiverCall.Status.RUNNING, due_at__lte=NOW)
    unfinished = Q(status__in=(ReceiverCall.Status.PENDING, ReceiverCall.Status.GIVEN_UP)) | lapsed
    return unfinished & Q(signal=signal, receiver=former) & ~Q(cause=ReceiverCall.BY_HAND)


def reassign_calls(signal: str, receiver: str, pks: list[int]) -> list[int]:
    """Hand some calls of a signal over to a receiver that has none for the same event; return the keys of these calls.

    Raises:
        ValueError: the receiver is not connected to that signal.
    """
    if signal not in signals.BY_NAME or signals.BY_NAME[signal].find(receiver) is None:
        raise ValueError(f"{receiver} is not connected to {signal}")
    fresh: dict[str, Any] = {
        "status": ReceiverCall.Status.PENDING,
        "attempts": 0,
        "due_at": NOW,
        "cause": "",
        "is_replay": True,
    }
    fresh |= {"claim": None, "is_suspect": False}
    rows = ReceiverCall.objects.using(database_alias()).filter(signal=signal)
    events = dict(rows.filter(pk__in=pks).values_list("pk", "event_id"))
    existing = set(rows.filter(receiver=receiver, event__in=events.values()).values_list("event_id", flat=True))
    free = [pk for pk, event in events.items() if event not in existing]
    return [row.pk for row in leases.update_unlocked(rows.filter(pk__in=free), receiver=receiver, **fresh)]


def retryable(*, receiver: str = "", given_up: bool = False, since: datetime | None = None) -> ReceiverCallQuerySet:
    """Return the calls that `requeue` would make due: calls given up automatically, and waiting ones.

    Args:
        receiver: only calls of this receiver.
        given_up: only given-up calls.
        since: only calls whose message was received then or later.
    """
    wanted = [ReceiverCall.Status.GIVEN_UP] if given_up else [ReceiverCall.Status.GIVEN_UP, ReceiverCall.Status.PENDING]
    calls = ReceiverCall.objects.using(database_alias()).filter(status__in=wanted).exclude(cause=ReceiverCall.BY_HAND)
    calls = calls.order_by("pk")
    if receiver:
        calls = calls.filter(receiver=receiver)
    if since:
        without_message = Q(event__message=None, event__occurred_at__gte=since)
        calls = calls.filter(Q(event__message__received_at__gte=since) | without_message)
    return calls
