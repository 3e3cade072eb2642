"""Events, and the receiver calls still pending for them: one for each event, signal and receiver.

A call is *open* while `due_at` is set. A process claims it with a token (`db/leases.py`); every change of its state is
conditional on the token, so a process that has lost its claim changes nothing.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

from django.db import connections
from django.db.models import F
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, database_alias, from_now, with_retries
from stockhub_webhooks.db.low_water import BEGINNING, LowWaterMark
from stockhub_webhooks.db.selections import Selection
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.db.writes import insert, update
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.exceptions import CALLER_DIED, DIED, error_fingerprint, error_location, format_error
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Event, ReceiverCall
from stockhub_webhooks.serializers.fields import clean_text

logger = logger_of(__name__)

ERROR_LIMIT = 8000
LONGEST_WAIT_SECONDS = 30 * 24 * 3600.0
BATCH = 20

low_water = LowWaterMark()  # by status


# ---------------------------------------------------------------- recording


def record(events: list[Event]) -> list[ReceiverCall]:
    """Insert the events and a pending call for each connected receiver, in the transaction of their message.

    An event of a test message creates calls only for receivers that accept tests.
    """
    insert(events, database_alias())
    calls = list(new_calls(events))
    insert(calls, database_alias())
    return calls


def new_calls(events: list[Event]) -> Iterator[ReceiverCall]:
    """Return a call, not saved yet, for each event and each receiver that is connected to one of its signals."""
    for event in events:
        for signal, sender in signals_for(event):
            for receiver in signal.connected(sender, is_test=event.is_test):
                yield ReceiverCall(
                    event=event,
                    signal=signal.name,
                    receiver=receiver.identity,
                    order_id=event.order_id,
                    due_at=NOW,
                )


def signals_for(event: Event) -> Iterator[tuple[signals.EventSignal, type | None]]:
    """Return the signals that are sent for an event, each with its sender."""
    yield signals.BY_EVENT_TYPE[event.type], subject_of(event).model
    yield signals.event_recorded, Event


def known_receivers() -> dict[str, set[str]]:
    """Return the receivers that this process can call, by the name of the signal."""
    return {name: set(known) for name, signal in signals.BY_NAME.items() if (known := signal.identities())}


# ---------------------------------------------------------------- claiming


def claim_due(*, message_id: int | None = None) -> Iterator[ReceiverCall]:
    """Claim due calls that this process can make, one after the other.

    A call whose receiver is not known here stays as it is: another process may know it. Calls whose lease is over are
    a batch of their own, since most of them may be under way in receivers that take long.

    Args:
        message_id: claim only the calls that this message caused and that no process has claimed yet.
    """
    known = known_receivers()
    if not known:
        return
    leases.give_back_lost()
    receivers = frozenset((name, frozenset(identities)) for name, identities in known.items())
    of_message = () if message_id is None else (message_id,)
    statuses = [ReceiverCall.Status.PENDING]
    if not of_message:
        statuses.append(ReceiverCall.Status.RUNNING)
    was_given_up = False
    for status in statuses:
        due = _due(receivers, database_alias(), status, bool(of_message))
        last = of_message or (connections[due.using].ops.adapt_datetimefield_value(low_water.floor(status)),)
        with query_timeout(due.using):
            calls = due.rows(*last)
        if calls and not of_message:
            low_water.rise(calls[0].due_at, status)
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
def _due(receivers: frozenset[tuple[str, frozenset[str]]], using: str, status: str, of_message: bool) -> Selection:
    known = dict(receivers)
    due = ReceiverCall.objects.using(using).due(NOW).filter(status=status).of(known)
    if status == ReceiverCall.Status.PENDING:  # a call whose lease is over was first in line already
        due = due.first_in_line(known)
    due = due.filter(event__message_id=0) if of_message else due.filter(due_at__gte=BEGINNING)
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
    """Make a call due again after a pause since its receiver failed, or give it up after `MAX_ATTEMPTS`."""
    text = format_error(error)
    if call.attempts >= conf.MAX_ATTEMPTS:
        give_up(call, text, error_fingerprint(error))
        return
    if _fail(call, text, error_fingerprint(error)):
        signals.receiver_failed.send_robust(ReceiverCall, call=call, error=error)
        return
    # the transaction was committed, and only a hook after the commit failed: the work is done
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
    """Count a failed attempt: postpone the call, or give it up; return False if another process has the call."""
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
    """Give a call up. Only a manual retry makes it due again; later calls of the order proceed.

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
        if values["due_at"] is None:  # later calls of the order may have been due for long
            low_water.fall_below(call.event.message.received_at)
        call.status, call.cause = values["status"], values["cause"]
        call.claim = values.get("claim", call.claim)
    return changed
