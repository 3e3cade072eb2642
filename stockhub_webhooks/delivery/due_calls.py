"""The due calls that may be made next, by receiver. Nothing is claimed here.

A look finds the oldest due calls. If there are more, the receivers that are hidden behind them are looked for, too: the
calls of one receiver do not delay another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import lru_cache
from typing import Any

from django.db.models import Exists

from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import NOW, database_alias
from stockhub_webhooks.db.selections import Selection
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.delivery import breaker
from stockhub_webhooks.delivery.hanging import HANGING, LONG_SECONDS, claimed_for
from stockhub_webhooks.models import Event, Message, ReceiverCall

BATCH = 50

Receivers = Mapping[str, Set[str]]  # identities by the name of the signal
DueCalls = dict[str, list[ReceiverCall]]

hidden_throttle = Throttle(1.0)


def due_calls(known: Receivers, message: Message | None) -> DueCalls:
    """Return due calls by receiver, the oldest first; only one of each order and receiver.

    Calls whose lease is over are looked for by themselves, since most of them may be under way in receivers that take
    long. The waiting calls of a receiver that is paused or away are left out.

    Args:
        known: the receivers that this process can call.
        message: look only for the waiting calls of this message's order.
    """
    working = _without(known, breaker.blocked_receivers())
    if message is not None:
        return _by_receiver(_calls_of_order(working, message))
    calls = _allowed(working, "")
    if len(calls) >= BATCH and hidden_throttle.is_due():
        hidden_throttle.start()
        calls += _hidden(working, calls)
    lapsed = _rows(_without(known, HANGING.identities), ReceiverCall.Status.RUNNING)
    return _by_receiver(calls + lapsed)


def _calls_of_order(known: Receivers, message: Message) -> list[ReceiverCall]:
    calls = _allowed(known, "order", message.pk)
    if not calls and message.topic == topics.PAYMENT_REQUEST:  # it may name no order
        calls = _allowed(known, "message", message.pk)
    return calls


def _allowed(known: Receivers, scope: str, *parameters: Any) -> list[ReceiverCall]:
    """Return the waiting calls of receivers that may be called; find out now and then which ones hang."""
    if HANGING.throttle.is_due():
        calls = _rows(known, ReceiverCall.Status.PENDING, scope, *parameters, with_long=True)
        if calls:
            HANGING.probe(has_long_calls=calls[0].has_long_calls)
        if not any(call.receiver in HANGING.identities for call in calls):
            return calls
    return _rows(_without(known, HANGING.identities), ReceiverCall.Status.PENDING, scope, *parameters)


def _hidden(known: Receivers, calls: list[ReceiverCall]) -> list[ReceiverCall]:
    """Return the oldest calls of the receivers that have none among `calls`."""
    hidden: list[ReceiverCall] = []
    others = _without(known, HANGING.identities | {call.receiver for call in calls})
    while others:
        found = _rows(others, ReceiverCall.Status.PENDING)
        hidden += found
        if len(found) < BATCH:
            break
        others = _without(others, {call.receiver for call in found})
    return hidden


def _without(known: Receivers, left_out: Set[str]) -> Receivers:
    return {name: rest for name, identities in known.items() if (rest := identities - left_out)}


def _by_receiver(calls: list[ReceiverCall]) -> DueCalls:
    by_receiver: DueCalls = {}
    for call in calls:
        by_receiver.setdefault(call.receiver, []).append(call)
    return by_receiver


def _rows(known: Receivers, status: str, scope: str = "", *parameters: Any, with_long: bool = False) -> list[Any]:
    if not known:
        return []
    receivers = frozenset((name, frozenset(identities)) for name, identities in known.items())
    selection = _selection(receivers, database_alias(), (status, scope, with_long), BATCH)
    with query_timeout(database_alias()):
        return selection.rows(*parameters)


@lru_cache(maxsize=64)
def _selection(
    receivers: frozenset[tuple[str, frozenset[str]]], using: str, which: tuple[str, str, bool], limit: int
) -> Selection:
    status, scope, with_long = which
    known = dict(receivers)
    due = ReceiverCall.objects.using(using).due(NOW).filter(status=status).of(known)
    if with_long:  # not correlated, so it is executed once
        due = due.annotate(has_long_calls=Exists(claimed_for(LONG_SECONDS, using)))
    if status == ReceiverCall.Status.PENDING:  # a call whose lease is over was first in line already
        due = due.first_in_line(known)
    if scope == "order":
        due = due.filter(order__in=Event.objects.using(using).filter(message=0).values("order"))
    elif scope == "message":
        due = due.filter(event__message=0)
    annotations = ["has_long_calls"] if with_long else []
    return Selection(due[:limit], ["event", "event__message"], ["event__message__body"], annotations)
