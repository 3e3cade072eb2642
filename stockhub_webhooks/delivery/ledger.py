"""Events, and the receiver calls still pending for them: one for each event, signal and receiver.

A call is *open* while `due_at` is set. A process claims it with a token (`db/leases.py`); every change of its state is
conditional on the token, so a process that has lost its claim changes nothing.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from django.db import Error as DatabaseFault
from django.db.models import F
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, database_alias, from_now, with_retries
from stockhub_webhooks.db.faults import is_deadlock
from stockhub_webhooks.db.leases import Claim
from stockhub_webhooks.db.writes import insert, update
from stockhub_webhooks.delivery import attempts
from stockhub_webhooks.delivery.documents import DOCUMENTS
from stockhub_webhooks.delivery.due_calls import BATCH, DueCalls, due_calls
from stockhub_webhooks.delivery.places import Unlimited
from stockhub_webhooks.delivery.shares import SHARES
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.exceptions import (
    CALLER_DIED,
    CONNECTION_LOST,
    DEADLOCK,
    DIED,
    IDLE_IN_TRANSACTION,
    error_fingerprint,
    error_location,
    format_error,
)
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Attempt, Event, Message, ReceiverCall
from stockhub_webhooks.serializers.fields import clean_text

logger = logger_of(__name__)

ERROR_LIMIT = 8000
MAX_LOST = 3  # lost connections in a row that are no failed attempt
MAX_TIMEOUTS = 3  # transactions in a row that took longer than the database allows
LONGEST_WAIT_SECONDS = 30 * 24 * 3600.0
FRESH_SECONDS = 0.1  # calls that were found due earlier are looked for again


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


def claim_due(
    *, message: Message | None = None, places: Unlimited | None = None
) -> Generator[ReceiverCall, None, None]:
    """Claim due calls that this process can make; those that the caller has not begun are released when it closes this.

    Next is the receiver that has used the least time of late. New calls of a fast receiver are claimed together. A call
    that was begun before is claimed alone: if it kills its process, only its own attempt is counted. A call whose
    receiver is not known here stays as it is: another process may know it.

    Args:
        message: claim only the calls of this message's order that no process has claimed yet.
        places: the places of this thread; None without a limit.
    """
    known = known_receivers()
    if not known:
        return
    places = places or Unlimited()
    leases.give_back_lost()
    due = due_calls(known, message)
    until = time.monotonic() + FRESH_SECONDS
    was_given_up = False
    while due and time.monotonic() < until:
        receiver = SHARES.least_used(due)
        if not places.take(receiver, message):
            del due[receiver]
            continue
        try:
            together = _take_together(due, receiver)
            if _has_killed_its_process(together[0]):
                was_given_up |= _fail_dead(together[0])
            else:
                yield from _released(_claim(together))
        finally:
            places.give_up(receiver)
    if was_given_up:  # there may be more calls behind them
        yield from claim_due(message=message, places=places)


def _take_together(due: DueCalls, receiver: str) -> list[ReceiverCall]:
    """Take calls that may be claimed together out of `due`: new ones, or one that was begun before."""
    calls = due[receiver]
    together = calls[:1]
    if _is_new(calls[0]):
        together = list(filter(_is_new, calls))[: SHARES.batch_size(receiver, BATCH)]
    due[receiver] = [call for call in calls if call not in together]
    if not due[receiver]:
        del due[receiver]
    return together


def _is_new(call: ReceiverCall) -> bool:
    return call.attempts == 0 and call.claim is None and not call.is_suspect


def _has_killed_its_process(call: ReceiverCall) -> bool:
    return call.attempts >= conf.MAX_ATTEMPTS if call.claim is None else call.is_suspect


def _fail_dead(call: ReceiverCall) -> bool:
    with about(message_id=call.event.message_id, event_id=call.event_id, receiver=call.receiver):
        return any(_fail(claimed, CALLER_DIED, DIED) for claimed in _claim([call], attempt=0))


def _released(claim: Claim) -> Iterator[ReceiverCall]:
    """Yield the calls of a claim until the receiver becomes slow, and release those that were not begun."""
    try:
        DOCUMENTS.load(claim.rows, database_alias())
        for call in claim:
            began = time.monotonic()
            try:
                yield call
            finally:
                SHARES.add(call.receiver, time.monotonic() - began)
            if SHARES.is_slow(call.receiver):
                break
    finally:
        claim.release()


def _claim(calls: list[ReceiverCall], *, attempt: int | None = None) -> Claim:
    """Claim new calls together, or one call that was begun before.

    Args:
        calls: several new calls, or one call.
        attempt: 0 to count none, which is the default if it was counted by the process whose claim lapsed.
    """
    first = calls[0]
    attempt = int(first.claim is None) if attempt is None else attempt
    token = uuid.uuid4()
    same = {"pk__in": [call.pk for call in calls], "claim": None, "attempts": 0, "status": first.status}
    rows = ReceiverCall.objects.using(database_alias()).filter(due_at__lte=NOW)
    rows = rows.filter(**_as_claimed(first)) if len(calls) == 1 else rows.filter(**same)
    values: dict[str, Any] = {"status": ReceiverCall.Status.RUNNING}
    if attempt:
        values["attempts"] = F("attempts") + attempt
    if first.status == ReceiverCall.Status.RUNNING:  # if its receiver still runs, the row is locked
        number = len(leases.claim_unlocked(rows, token, is_suspect=True, **values))
    else:
        number = leases.claim_waiting(rows, token, **values)
    if 0 < number < len(calls):
        mine = set(ReceiverCall.objects.using(database_alias()).filter(claim=token).values_list("pk", flat=True))
        calls = [call for call in calls if call.pk in mine]
    claimed = calls if number else []
    for call in claimed:
        call.status, call.claim = ReceiverCall.Status.RUNNING, token
        call.attempts += attempt
    return Claim(token, claimed, partial(release, token))


def release(token: uuid.UUID, calls: list[ReceiverCall]) -> None:
    """Release claimed calls that were not begun: they are due again, and no attempt is counted."""
    rows = ReceiverCall.objects.using(database_alias()).filter(pk__in=[call.pk for call in calls], claim=token)
    released = {"status": ReceiverCall.Status.PENDING, "attempts": F("attempts") - 1, "due_at": NOW, "claim": None}
    with suppress(DatabaseFault):  # else the lease lapses
        with_retries(partial(rows.filter(status=ReceiverCall.Status.RUNNING).update, **released))


# ---------------------------------------------------------------- finishing


def mark_done(call: ReceiverCall) -> bool:
    """Mark the call as done; return False if another process has claimed it.

    It is the first statement of the transaction that the receiver runs in, so that what it writes to this
    database and the mark are committed together, once.
    """
    return _change(call, status=ReceiverCall.Status.DONE, due_at=None, done_at=timezone.now(), last_error="", cause="")


def is_done(call: ReceiverCall) -> bool:
    """Return True if this process marked the call as done, as the present transaction sees it."""
    return bool(_done(call).exists())


def _done(call: ReceiverCall) -> Any:
    return ReceiverCall.objects.using(database_alias()).filter(
        pk=call.pk, status=ReceiverCall.Status.DONE, claim=call.claim
    )


def retry(call: ReceiverCall, error: BaseException, seconds: float | None = None) -> bool:
    """Make a call due again after a pause since its receiver failed, or give it up after `MAX_ATTEMPTS`.

    A lost connection does not count as an attempt, `MAX_LOST` times in a row at most. A receiver that takes longer
    than the database lets a transaction take would take as long again: it is given up after `MAX_TIMEOUTS` in a row.

    Returns:
        False if the call is not claimed by this process any more.
    """
    text, cause = format_error(error), DEADLOCK if is_deadlock(error) else error_fingerprint(error)
    if cause == CONNECTION_LOST and attempts.in_a_row(call, cause, MAX_LOST) < MAX_LOST:
        return retry_later(call, 1, str(error), attempts.of(call, text, cause, seconds))
    has_timed_out = cause == IDLE_IN_TRANSACTION and attempts.in_a_row(call, cause, MAX_TIMEOUTS) + 1 >= MAX_TIMEOUTS
    if has_timed_out or call.attempts >= conf.MAX_ATTEMPTS:
        return give_up(call, text, cause, seconds)
    is_changed = _fail(call, text, cause, seconds)
    if is_changed:
        signals.receiver_failed.send_robust(ReceiverCall, call=call, error=error)
    return is_changed


def note_failed_hook(call: ReceiverCall, error: BaseException) -> None:
    """Note the error of a hook after the commit on a call that is done."""
    text = format_error(error)
    if with_retries(partial(_done(call).update, last_error=clean_text(text)[:ERROR_LIMIT])):
        call.status = ReceiverCall.Status.DONE
        logger.error(
            "receiver call %s (%s) is done, but a hook after its commit failed with %s",
            call.pk, call.receiver, error_location(error),
        )  # fmt: skip


def _fail(call: ReceiverCall, text: str, cause: str, seconds: float | None = None) -> bool:
    """Count a failed attempt: postpone the call, or give it up; return False if another process has the call."""
    if call.attempts >= conf.MAX_ATTEMPTS:
        return give_up(call, text, cause, seconds)
    pause = conf.pause_after(call.attempts)
    failed = {"last_error": text, "cause": cause, "failed_at": timezone.now()}
    attempt = attempts.of(call, text, cause, seconds)
    is_changed = _change(call, attempt, status=ReceiverCall.Status.PENDING, due_at=from_now(pause), **failed)
    if is_changed:
        logger.warning(
            "receiver call %s (%s) failed (%s), attempt %s; the next attempt is in %.0f seconds",
            call.pk, call.receiver, cause, call.attempts, pause,
        )  # fmt: skip
    return is_changed


def retry_later(call: ReceiverCall, seconds: float, reason: str, attempt: Attempt | None = None) -> bool:
    """Postpone the call as the receiver asked, for a month at most; the attempt does not count.

    Args:
        call: a claimed call.
        seconds: the pause.
        reason: the reason, for people.
        attempt: the attempt to keep, if it failed for a reason that is not the receiver's.
    """
    seconds = min(max(seconds, 0.0), LONGEST_WAIT_SECONDS) if math.isfinite(seconds) else LONGEST_WAIT_SECONDS
    is_changed = _change(
        call,
        attempt,
        status=ReceiverCall.Status.PENDING,
        due_at=from_now(seconds),
        attempts=call.attempts - 1,
        last_error=reason,
        cause="",
    )
    if is_changed:
        call.attempts -= 1
    return is_changed


def give_up(call: ReceiverCall, reason: str, why: str, seconds: float | None = None) -> bool:
    """Give a call up. Only a manual retry makes it due again; later calls of the order proceed.

    Args:
        call: a claimed call.
        reason: the reason, for people.
        why: the fingerprint of the error, or another cause.
        seconds: how long the last attempt took; None if it is not known.
    """
    failed = {"last_error": reason, "cause": why, "failed_at": timezone.now()}
    attempt = attempts.of(call, reason, why, seconds)
    is_changed = _change(call, attempt, status=ReceiverCall.Status.GIVEN_UP, due_at=None, **failed)
    if is_changed:
        logger.error("receiver call %s (%s) is given up after %s attempts", call.pk, call.receiver, call.attempts)
        signals.receiver_gave_up.send_robust(ReceiverCall, call=call, reason=reason)
    return is_changed


def _as_claimed(call: ReceiverCall) -> dict[str, Any]:
    claimed = {"id": call.pk, "status": call.status, "attempts": call.attempts}
    return claimed if call.claim is None else {**claimed, "claim": call.claim}


def _change(call: ReceiverCall, attempt: Attempt | None = None, **values: Any) -> bool:
    """UPDATE the claimed call; a failed attempt is kept in the same transaction."""
    if "last_error" in values:
        values["last_error"] = clean_text(values["last_error"])[:ERROR_LIMIT]
    if values["status"] != ReceiverCall.Status.DONE:
        values |= {"claim": None, "done_at": None}
    step = partial(update, ReceiverCall, database_alias(), _as_claimed(call), values)
    changed = bool(attempts.keep_with(step, attempt) if attempt else with_retries(step))
    if changed:
        call.status, call.cause = values["status"], values["cause"]
        call.claim = values.get("claim", call.claim)
    return changed
