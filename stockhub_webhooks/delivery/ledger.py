"""Record events with their receiver calls, one for each event, signal and receiver, and finish these calls.

A call is *open* while `due_at` is set. A process claims it with a token (`db/leases.py`); every change of its state is
conditional on the token, so a process that has lost its claim changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW, database_alias, from_now, with_retries
from stockhub_webhooks.db.faults import is_called_off, is_deadlock
from stockhub_webhooks.db.writes import insert, update
from stockhub_webhooks.delivery import attempts, breaker
from stockhub_webhooks.delivery.due_calls import low_water
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.exceptions import (
    CONNECTION_LOST,
    DEADLOCK,
    IDLE_IN_TRANSACTION,
    error_fingerprint,
    error_location,
    format_error,
)
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Attempt, Event, ReceiverCall

logger = logger_of(__name__)

DATABASE_PAUSE_SECONDS = 1.0  # after a call that failed because of the database
MAX_LOST = 3  # lost connections in a row that count no attempt
OF_DATABASE = frozenset({CONNECTION_LOST, DEADLOCK, IDLE_IN_TRANSACTION})  # causes that do not open the breaker
MAX_TIMEOUTS = 3  # transactions in a row that took longer than the database allows
SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 30 * 24 * 3600.0  # of a receiver that asks for later


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
    """Yield a call, not saved yet, for each event and each receiver that is connected to one of its signals."""
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
    """Yield the signals that are sent for an event, each with its sender."""
    yield signals.BY_EVENT_TYPE[event.type], subject_of(event).model
    yield signals.event_recorded, Event


def known_receivers() -> dict[str, set[str]]:
    """Return the receivers that this process can call, by the name of the signal."""
    return {name: set(known) for name, signal in signals.BY_NAME.items() if (known := signal.identities())}


# ---------------------------------------------------------------- finishing


def mark_done(call: ReceiverCall) -> bool:
    """Mark the call as done; return False if another process has claimed it.

    Must be the first statement of the transaction that the receiver runs in, so that the mark and what the receiver
    writes to this database are committed together, once. After the commit, the caller calls `look_for_later_calls`.
    """
    return _change(call, status=ReceiverCall.Status.DONE, due_at=None, done_at=timezone.now(), last_error="", cause="")


def is_done(call: ReceiverCall) -> bool:
    """Return True if the mark of this process is on the call, as the current transaction sees it."""
    return bool(_done(call).exists())


def _done(call: ReceiverCall) -> Any:
    return ReceiverCall.objects.using(database_alias()).filter(
        pk=call.pk, status=ReceiverCall.Status.DONE, claim=call.claim
    )


def retry(call: ReceiverCall, error: BaseException, seconds: float | None = None) -> bool:
    """Make a call whose receiver failed due again after a pause, or give it up after `MAX_ATTEMPTS`.

    A lost connection does not count as an attempt, `MAX_LOST` times in a row at most. A receiver that takes longer
    than the database lets a transaction take would take as long again: it is given up after `MAX_TIMEOUTS` in a row.

    Returns:
        False if the call is not claimed by this process any more.
    """
    text, cause = format_error(error), DEADLOCK if is_deadlock(error) else error_fingerprint(error)
    if cause == CONNECTION_LOST and attempts.count_latest(call, cause, MAX_LOST) < MAX_LOST:
        lost = attempts.failed_attempt(call, text, cause, seconds)
        return retry_later(call, DATABASE_PAUSE_SECONDS, str(error), lost)
    probe_pause = breaker.note_failure(call, cause, counts=not (cause in OF_DATABASE or is_called_off(error)))
    is_timeout = cause == IDLE_IN_TRANSACTION and probe_pause is None
    if is_timeout and attempts.count_latest(call, cause, MAX_TIMEOUTS) + 1 >= MAX_TIMEOUTS:
        return give_up(call, text, cause, seconds)
    is_changed = fail(call, text, cause, seconds, probe_pause)
    if is_changed and call.status != ReceiverCall.Status.GIVEN_UP:
        signals.receiver_failed.send_robust(ReceiverCall, call=call, error=error)
    return is_changed


def note_failed_hook(call: ReceiverCall, error: BaseException) -> None:
    """Save the error of an `on_commit` hook on a call that is done, and log it."""
    text = format_error(error)
    if with_retries(partial(_done(call).update, last_error=attempts.shortened(text))):
        call.status = ReceiverCall.Status.DONE
        logger.error(
            "receiver call %s (%s) is done, but a hook after its commit failed with %s",
            call.pk, call.receiver, error_location(error),
        )  # fmt: skip


def fail(
    call: ReceiverCall, text: str, cause: str, seconds: float | None = None, probe_pause: int | None = None
) -> bool:
    """Postpone a failed call, or give it up; return False if another process has the call.

    Args:
        call: a claimed call.
        text: the error, for people.
        cause: its fingerprint.
        seconds: how long the attempt took; None if it is not known.
        probe_pause: the pause in seconds if the breaker of the receiver is open; the attempt does not count then.
    """
    failed: dict[str, Any] = {"last_error": text, "cause": cause, "failed_at": timezone.now()}
    if probe_pause is not None:
        pause: float = probe_pause
        failed["attempts"] = call.attempts - 1
    elif call.attempts >= conf.MAX_ATTEMPTS:
        return give_up(call, text, cause, seconds)
    else:
        pause = conf.pause_after(call.attempts)
    attempt = attempts.failed_attempt(call, text, cause, seconds)
    is_changed = _change(call, attempt, status=ReceiverCall.Status.PENDING, due_at=from_now(pause), **failed)
    if is_changed:
        logger.warning(
            "receiver call %s (%s) failed (%s), attempt %s; the next attempt is in %.0f seconds",
            call.pk, call.receiver, cause, call.attempts, pause,
        )  # fmt: skip
        call.attempts = failed.get("attempts", call.attempts)
    return is_changed


def retry_later(call: ReceiverCall, seconds: float, reason: str, attempt: Attempt | None = None) -> bool:
    """Postpone the call as the receiver asked, for a second to a month; the attempt does not count.

    Args:
        call: a claimed call.
        seconds: the pause.
        reason: the reason, for people.
        attempt: the attempt to keep, if it failed for a reason that is not the receiver's.
    """
    seconds = max(seconds, SHORTEST_WAIT_SECONDS) if math.isfinite(seconds) else LONGEST_WAIT_SECONDS
    is_changed = _change(
        call,
        attempt,
        status=ReceiverCall.Status.PENDING,
        due_at=from_now(min(seconds, LONGEST_WAIT_SECONDS)),
        attempts=call.attempts - 1,
        last_error=reason,
        cause="",
    )
    if is_changed:
        call.attempts -= 1
    return is_changed


def give_up(call: ReceiverCall, reason: str, cause: str, seconds: float | None = None) -> bool:
    """Give a call up. Only a manual retry makes it due again; later calls of the order proceed.

    Args:
        call: a claimed call.
        reason: the reason, for people.
        cause: the fingerprint of the error, or another cause.
        seconds: how long the last attempt took; None if it is not known.
    """
    failed = {"last_error": reason, "cause": cause, "failed_at": timezone.now()}
    attempt = attempts.failed_attempt(call, reason, cause, seconds)
    is_changed = _change(call, attempt, status=ReceiverCall.Status.GIVEN_UP, due_at=None, **failed)
    if is_changed:
        logger.error(
            "receiver call %s (%s) is given up (%s), attempts: %s", call.pk, call.receiver, cause, call.attempts
        )
        signals.receiver_gave_up.send_robust(ReceiverCall, call=call, reason=reason)
    return is_changed


def as_claimed(call: ReceiverCall) -> dict[str, Any]:
    """Return the fields and values that the row has as long as no other process has changed or claimed the call."""
    claimed = {"id": call.pk, "status": call.status, "attempts": call.attempts}
    return claimed if call.claim is None else {**claimed, "claim": call.claim}


def _change(call: ReceiverCall, attempt: Attempt | None = None, **values: Any) -> bool:
    """UPDATE the claimed call; save its failed attempt and its finished steps in the same transaction."""
    if "last_error" in values:
        values["last_error"] = attempts.shortened(values["last_error"])
    if values["status"] != ReceiverCall.Status.DONE:
        values |= {"claim": None, "done_at": None}
    step = partial(update, ReceiverCall, database_alias(), as_claimed(call), values)
    needs_transaction = attempt is not None or (values["status"] != ReceiverCall.Status.DONE and call.steps_run)
    is_changed = bool(attempts.save_with(step, call, attempt) if needs_transaction else with_retries(step))
    if is_changed:
        if values["status"] == ReceiverCall.Status.GIVEN_UP:
            look_for_later_calls(call)
        call.status, call.cause = values["status"], values["cause"]
        call.claim = values.get("claim", call.claim)
    return is_changed


def look_for_later_calls(call: ReceiverCall) -> None:
    """Lower the low-water mark: calls that waited for this one may be due since their message was applied.

    Call it after the commit: a search of another thread before it finds nothing and raises the mark again.
    """
    message = call.event.message
    applied_at = message.applied_at if message else call.event.received_at
    if applied_at is not None:
        low_water.fall_below(applied_at)
