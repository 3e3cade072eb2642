"""Search for the due calls that may be made next, by receiver. Nothing is claimed here.

The first query finds the oldest due calls. If there may be more, further queries find calls of the receivers that have
none among them, so that the many calls of one receiver do not delay another receiver.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.models import Value
from django.db.models.functions import Concat

from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import NOW, database_alias
from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.db.low_water import BEGINNING, LowWaterMark
from stockhub_webhooks.db.selections import Selection
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.delivery import breaker
from stockhub_webhooks.delivery.hanging import HANGING
from stockhub_webhooks.models import Event, Message, ReceiverCall

BATCH = 50  # calls that one query finds

PENDING, RUNNING = ReceiverCall.Status.PENDING, ReceiverCall.Status.RUNNING
HANGING_KEY = "hanging"  # the key of the low-water mark of `HANGING`

Receivers = Mapping[str, Set[str]]  # identities by the name of the signal
DueCalls = dict[str, list[ReceiverCall]]

hidden_throttle = Throttle(1.0)
low_water = LowWaterMark()  # by status and receivers


def due_calls(known: Receivers, message: Message | None) -> DueCalls:
    """Return due calls by receiver, oldest first; only one of each order and receiver.

    The waiting calls of a receiver that is paused, away or hanging are left out. Calls whose lease is over are searched
    for in a query of their own, since most of them may be running in slow receivers.

    Args:
        known: the receivers that this process can call.
        message: look only for the waiting calls of this message's order.
    """
    if HANGING.is_due():
        low_water.rise(HANGING.refresh(low_water.floor(HANGING_KEY)), HANGING_KEY)
    not_hanging = _without(known, HANGING.identities)
    working = _without(not_hanging, breaker.blocked_receivers())
    if message is not None:
        return _by_receiver(_calls_of_order(working, message))
    calls = _search(working, PENDING)
    if len(calls) >= BATCH and hidden_throttle.is_due():
        hidden_throttle.start()
        calls += _hidden(working, calls)
    return _by_receiver(calls + _search(not_hanging, RUNNING))


def _calls_of_order(known: Receivers, message: Message) -> list[ReceiverCall]:
    calls = _rows(known, PENDING, "order", message.pk)
    if not calls and message.topic == topics.PAYMENT_REQUEST:  # it may name no order
        calls = _rows(known, PENDING, "message", message.pk)
    return calls


def _search(known: Receivers, status: str) -> list[ReceiverCall]:
    """Return the oldest due calls since the low-water mark, and raise the mark."""
    if not known:
        return []
    key = _key(known, status)
    calls = _rows(known, status, "since", low_water.floor(key))
    low_water.rise(calls[0].due_at if calls else None, key)
    return calls


def _hidden(known: Receivers, calls: list[ReceiverCall]) -> list[ReceiverCall]:
    """Return the oldest calls of the receivers that have none among `calls`."""
    since = low_water.mark(_key(known, PENDING))
    hidden: list[ReceiverCall] = []
    others = _without(known, {call.receiver for call in calls})
    while others:
        found = _rows(others, PENDING, "since", since)
        hidden += found
        if len(found) < BATCH:
            break
        others = _without(others, {call.receiver for call in found})
    return hidden


def _key(known: Receivers, status: str) -> str:
    return " ".join([status, *sorted(set().union(*known.values()))])


def _without(known: Receivers, left_out: Set[str]) -> Receivers:
    return {name: rest for name, identities in known.items() if (rest := identities - left_out)}


def _by_receiver(calls: list[ReceiverCall]) -> DueCalls:
    by_receiver: DueCalls = {}
    for call in calls:
        by_receiver.setdefault(call.receiver, []).append(call)
    return by_receiver


def _rows(known: Receivers, status: str, scope: str, parameter: Any) -> list[Any]:
    """Run a kept query.

    Args:
        known: only calls of these receivers.
        status: only calls with this status.
        scope: "order" or "message" for the calls of one message, "since" for those that are due since a time.
        parameter: the primary key of the message, or the time.
    """
    if not known:
        return []
    receivers = frozenset((name, frozenset(identities)) for name, identities in known.items())
    selection = _selection(receivers, database_alias(), status, scope, BATCH)
    if isinstance(parameter, datetime):
        parameter = connections[selection.using].ops.adapt_datetimefield_value(parameter)
    with query_timeout(selection.using):
        return selection.rows(parameter)


@lru_cache(maxsize=64)
def _selection(
    receivers: frozenset[tuple[str, frozenset[str]]], using: str, status: str, scope: str, limit: int
) -> Selection:
    known = dict(receivers)
    # One expression, so that no database takes the index by receiver: only the one by `due_at` has a low-water mark.
    identity = Concat("signal", Value(" "), "receiver", output_field=ExactCharField())
    pairs = [f"{signal} {identity}" for signal, identities in sorted(known.items()) for identity in sorted(identities)]
    due = (
        ReceiverCall.objects.using(using)
        .due(NOW)
        .filter(status=status)
        .alias(signal_and_receiver=identity)
        .filter(signal_and_receiver__in=pairs)
    )
    if status == PENDING:  # a call whose lease is over was first in line already
        due = due.first_in_line(known)
    if scope == "order":
        due = due.filter(order__in=Event.objects.using(using).filter(message=0).values("order"))
    elif scope == "message":
        due = due.filter(event__message=0)
    else:
        due = due.filter(due_at__gte=BEGINNING)
    return Selection(due[:limit], ["event", "event__message"], ["event__message__body"])
