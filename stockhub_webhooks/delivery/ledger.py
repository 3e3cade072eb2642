"""Events, and the receiver calls still pending for them: one for each event, signal and receiver.

A call is *open* while `due_at` is set. A process claims it with a token (`db/leases.py`); every change of its state is
conditional on the token, so a process that has lost its claim changes nothing.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Collection, Iterator
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from django.db.models import F, Q, TextField, Value
from django.db.models.functions import Concat
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, database_alias, from_now, with_retries
from stockhub_webhooks.db.selections import Selection
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.db.writes import insert, update
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.exceptions import CALLER_DIED, DIED, error_fingerprint, error_location, format_error
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Event, ReceiverCall
from stockhub_webhooks.models.ledger import ReceiverCallQuerySet
from stockhub_webhooks.serializers.fields import clean_text

logger = logger_of(__name__)

ERROR_LIMIT = 8000
LONGEST_WAIT_SECONDS = 30 * 24 * 3600.0
BATCH = 20
REASSIGNED_AT_ONCE = 500


# ---------------------------------------------------------------- recording


def record(events: list[Event]) -> list[ReceiverCall]:
    """Insert the events and a pending call for each connected receiver, in the transaction of their message.

    An event of a test message creates calls only for receivers that accept tests.
    """
    insert(events, database_alias())
    calls = list(_calls(events))
    insert(calls, database_alias())
    return calls


def backfill(events: list[Event], receivers: Collection[str]) -> list[ReceiverCall]:
    """Add calls of past events for receivers that have none for them, for instance since they were added later.

    A receiver that has a call for an event gets no second one: that is a retry. The calls are marked as `is_replay`,
    and keep the sequence of their events.

    Args:
        events: stored events.
        receivers: identities; each gets the events of the signals that it is connected to now.
    """
    wanted = [call for call in _calls(events) if call.receiver in receivers]
    if not wanted:
        return []
    rows = ReceiverCall.objects.using(database_alias())
    told = set(
        rows.filter(event__in=events, receiver__in=list(receivers)).values_list("event_id", "signal", "receiver")
    )
    calls = [call for call in wanted if (call.event_id, call.signal, call.receiver) not in told]
    for call in calls:
        call.is_replay = True
    rows.bulk_create(calls, ignore_conflicts=True)  # another offer may have been as quick
    return calls


def _calls(events: list[Event]) -> Iterator[ReceiverCall]:
    for event in events:
        for signal, sender in heard_by(event):
            for receiver in signal.connected(sender, is_test=event.is_test):
                yield ReceiverCall(
                    event=event,
                    signal=signal.name,
                    receiver=receiver.identity,
                    order_id=event.order_id,
                    due_at=NOW,
                )


def heard_by(event: Event) -> Iterator[tuple[signals.EventSignal, type | None]]:
    """Return the signals that tell of an event, each with its sender."""
    yield signals.BY_EVENT_TYPE[event.type], subject_of(event).model
    yield signals.event_recorded, Event


def known_receivers() -> dict[str, set[str]]:
    """Return the receivers that this process can call, by the name of the signal."""
    return {name: set(known) for name, signal in signals.BY_NAME.items() if (known := signal.identities())}


# ---------------------------------------------------------------- taking


def claim_due(*, message_id: int | None = None) -> Iterator[ReceiverCall]:
    """Take due calls that this process can make, one after the other, each with a lease.

    A call whose receiver is not known here stays as it is: another process may know it.

    Args:
        message_id: only the calls that this message caused.
    """
    known = known_receivers()
    if not known:
        return
    leases.give_back_lost()
    was_given_up = False
    of_message = () if message_id is None else (message_id,)
    due = _due(frozenset((name, frozenset(found)) for name, found in known.items()), database_alias(), bool(of_message))
    with query_timeout(database_alias()):
        calls = due.rows(*of_message)
    for call in calls:
        killed_its_process = call.attempts >= conf.MAX_ATTEMPTS if call.claim is None else call.is_suspect
        if killed_its_process:
            with about(message_id=call.event.message_id, event_id=call.event_id, receiver=call.receiver):
                if _claim(call, attempt=0):
                    _fail(call, CALLER_DIED, DIED)
                    was_given_up = True
        elif _claim(call, attempt=int(call.claim is None)):
            yield call
    if was_given_up:  # there may be more calls behind them
        yield from claim_due(message_id=message_id)


@lru_cache(maxsize=16)
def _due(known: frozenset[tuple[str, frozenset[str]]], using: str, of_message: bool) -> Selection:
    receivers = dict(known)
    due = ReceiverCall.objects.using(using).due(NOW).of(receivers).first_in_line(receivers)
    if of_message:
        due = due.filter(event__message_id=0)
    return Selection(due[:BATCH], ["event", "event__message"], without=["event__message__body"])


def _claim(call: ReceiverCall, *, attempt: int) -> bool:
    """Claim a call, waiting or lapsed; `attempt` is 0 if it was counted by the process whose claim lapsed."""
    token = uuid.uuid4()
    rows = ReceiverCall.objects.using(database_alias()).filter(**_as_claimed(call), due_at__lte=NOW)
    values: dict[str, Any] = {"status": ReceiverCall.Status.RUNNING}
    if attempt:
        values["attempts"] = F("attempts") + attempt
    if call.status == ReceiverCall.Status.RUNNING:  # if its receiver still runs, the row is locked
        is_claimed = bool(leases.claim_unlocked(rows, token, is_suspect=True, **values))
    else:
        is_claimed = leases.claim_waiting(rows, token, **values)
    if is_claimed:
        call.status, call.claim = ReceiverCall.Status.RUNNING, token
        call.attempts += attempt
    return is_claimed


# ---------------------------------------------------------------- finishing


def mark_done(call: ReceiverCall) -> bool:
    """Mark the call as done; return False if another process has claimed it.

    It is the first statement of the transaction that the receiver runs in, so that what it writes to this
    database and the mark are committed together, once.
    """
    return _change(call, status=ReceiverCall.Status.DONE, due_at=None, done_at=timezone.now(), last_error="", cause="")


def retry(call: ReceiverCall, error: Exception) -> None:
    """Put a call off whose receiver failed, or give it up after `MAX_ATTEMPTS`."""
    text = format_error(error)
    if call.attempts >= conf.MAX_ATTEMPTS:
        give_up(call, text, error_fingerprint(error))
        return
    if _fail(call, text, error_fingerprint(error)):
        signals.receiver_failed.send_robust(ReceiverCall, call=call, error=error)
        return
    # The transaction was committed and only a hook after it failed: the work is done, so it is not asked again.
    done = ReceiverCall.objects.using(database_alias()).filter(
        pk=call.pk, status=ReceiverCall.Status.DONE, claim=call.claim
    )
    if with_retries(partial(done.update, last_error=clean_text(text)[:ERROR_LIMIT])):
        call.status = ReceiverCall.Status.DONE
        logger.error(
            "receiver call %s (%s) is done, but a hook after its commit failed with %s",
            call.pk, call.receiver, error_location(error),
        )  # fmt: skip


def _fail(call: ReceiverCall, text: str, cause: str) -> bool:
    """Count a failed attempt: put the call off, or give it up; return False if another process has the call."""
    if call.attempts >= conf.MAX_ATTEMPTS:
        return give_up(call, text, cause)
    pause = conf.pause_after(call.attempts)
    failed = {"last_error": text, "cause": cause, "failed_at": timezone.now()}
    is_changed = _change(call, status=ReceiverCall.Status.PENDING, due_at=from_now(pause), **failed)
    if is_changed:
        logger.warning(
            "receiver call %s (%s) failed (%s), attempt %s; the next attempt is in %.0f seconds",
            call.pk, call.receiver, cause, call.attempts, pause,
        )  # fmt: skip
    return is_changed


def retry_later(call: ReceiverCall, seconds: float, reason: str) -> None:
    """Postpone the call as the receiver asked, for a month at most; the attempt does not count."""
    seconds = min(max(seconds, 0.0), LONGEST_WAIT_SECONDS) if math.isfinite(seconds) else LONGEST_WAIT_SECONDS
    if _change(
        call,
        status=ReceiverCall.Status.PENDING,
        due_at=from_now(seconds),
        attempts=call.attempts - 1,
        last_error=reason,
        cause="",
    ):
        call.attempts -= 1


def give_up(call: ReceiverCall, reason: str, why: str) -> bool:
    """Give a call up. Only a manual retry revives it; later calls of the order proceed.

    Args:
        call: a claimed call.
        reason: the reason, for people.
        why: the fingerprint of the error, or another cause.
    """
    failed = {"last_error": reason, "cause": why, "failed_at": timezone.now()}
    is_changed = _change(call, status=ReceiverCall.Status.GIVEN_UP, due_at=None, **failed)
    if is_changed:
        logger.error("receiver call %s (%s) is given up after %s attempts", call.pk, call.receiver, call.attempts)
        signals.receiver_gave_up.send_robust(ReceiverCall, call=call, reason=reason)
    return is_changed


def requeue(pks: list[int]) -> int:
    """Make calls due now that are given up or wait for their next attempt; how many."""
    calls = ReceiverCall.objects.using(database_alias()).filter(pk__in=pks)
    waiting, given_up = (
        calls.filter(status=status) for status in (ReceiverCall.Status.PENDING, ReceiverCall.Status.GIVEN_UP)
    )
    return waiting.update(due_at=NOW, cause="") + given_up.update(
        status=ReceiverCall.Status.PENDING, attempts=0, due_at=NOW, cause="", is_suspect=False
    )


def requeue_events(events: list[Event]) -> list[ReceiverCall]:
    """Make due now what of these events was given up, but by hand, or waits for its next attempt; the calls."""
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
    """Give what a receiver that is gone is still owed, or has given up, to another one of the same signal; how many.

    An event that the other one knows of already stays where it is, and so does what was given up by hand.

    Raises:
        ValueError: the new receiver is not connected to that signal, or the former one still is.
    """
    heard = signals.BY_NAME[signal]
    if heard.find(receiver) is None or heard.find(former) is not None:
        raise ValueError(f"{receiver} is not connected to {signal}, or {former} still is")
    rows = ReceiverCall.objects.using(database_alias()).filter(signal=signal)
    lapsed = Q(status=ReceiverCall.Status.RUNNING, due_at__lte=NOW)
    left = Q(status__in=(ReceiverCall.Status.PENDING, ReceiverCall.Status.GIVEN_UP)) | lapsed
    calls = rows.filter(left, receiver=former).exclude(cause=ReceiverCall.BY_HAND)
    fresh: dict[str, Any] = {
        "status": ReceiverCall.Status.PENDING,
        "attempts": 0,
        "due_at": NOW,
        "cause": "",
        "is_replay": True,
    }
    fresh |= {"claim": None, "is_suspect": False}
    moved = last = 0
    while True:  # keys first, for MySQL reads no table in a subquery that it changes
        batch = list(calls.filter(pk__gt=last).order_by("pk").values_list("pk", "event_id")[:REASSIGNED_AT_ONCE])
        if not batch:
            return moved
        last = batch[-1][0]
        events = [event for _, event in batch]
        told = set(rows.filter(receiver=receiver, event__in=events).values_list("event_id", flat=True))
        pks = [pk for pk, event in batch if event not in told]
        moved += len(leases.update_unlocked(calls.filter(pk__in=pks), receiver=receiver, **fresh))


def retryable(*, receiver: str = "", given_up: bool = False, since: datetime | None = None) -> ReceiverCallQuerySet:
    """Return the calls that `requeue` would make due: calls given up automatically, and waiting ones.

    Args:
        receiver: only this one's.
        given_up: only those given up.
        since: only those whose message came in then or later.
    """
    wanted = [ReceiverCall.Status.GIVEN_UP] if given_up else [ReceiverCall.Status.GIVEN_UP, ReceiverCall.Status.PENDING]
    calls = ReceiverCall.objects.using(database_alias()).filter(status__in=wanted).exclude(cause=ReceiverCall.BY_HAND)
    calls = calls.order_by("pk")
    if receiver:
        calls = calls.filter(receiver=receiver)
    if since:
        calls = calls.filter(event__message__received_at__gte=since)
    return calls


def _as_claimed(call: ReceiverCall) -> dict[str, Any]:
    claimed = {"id": call.pk, "status": call.status, "attempts": call.attempts}
    return claimed if call.claim is None else {**claimed, "claim": call.claim}


def _change(call: ReceiverCall, **values: Any) -> bool:
    if "last_error" in values:
        values["last_error"] = clean_text(values["last_error"])[:ERROR_LIMIT]
    if values["status"] != ReceiverCall.Status.DONE:
        values["claim"] = None
    changed = bool(with_retries(partial(update, ReceiverCall, database_alias(), _as_claimed(call), values)))
    if changed:
        call.status, call.cause = values["status"], values["cause"]
        call.claim = values.get("claim", call.claim)
    return changed
