"""Pause and circuit breaker of each receiver: while a receiver is paused or away, its calls wait and count no attempt.

A person pauses a receiver. The breaker opens by itself after `BREAKER_EVENTS` different events have failed with one
cause and no call has succeeded in between: the service behind the receiver is away. While it is open, one call at a
time is made as a probe; the first success closes it and makes all waiting calls due. The state is a row of
`ReceiverState`, the same for all processes. Each process caches it for a second, so that a working receiver costs no
query.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import BooleanField, ExpressionWrapper, F, Q
from django.db.models.functions import Coalesce

from stockhub_webhooks import signals
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import (
    NOW,
    database_alias,
    database_key,
    from_now,
    with_retries,
    write_transaction,
)
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import ReceiverCall, ReceiverState
from stockhub_webhooks.models.ledger import ReceiverCallQuerySet
from stockhub_webhooks.models.receiver_state import IS_OPEN, IS_PAUSED

logger = logger_of(__name__)

BREAKER_EVENTS = 5
MAX_CAUSES = 20  # whose events are remembered
FIRST_PROBE_SECONDS = 1
SHORT_OUTAGE_SECONDS = 600.0
MAX_PROBE_SECONDS, MAX_PROBE_SECONDS_LATER = 5, 300  # in an outage that is short so far, and in a longer one
NO_FAILURES: dict[str, Any] = {"failures": {}, "failing_since": None, "failed_in_a_row": 0}


class BreakerState(NamedTuple):
    """The cached state of a receiver."""

    is_paused: bool
    is_open: bool
    has_failures: bool


cache_throttle = Throttle(1.0)
_cache: dict[str, dict[str, BreakerState]] = {}


# ---------------------------------------------------------------- reading


def states() -> Mapping[str, BreakerState]:
    """Return the states by receiver, at most a second old. A receiver that never failed nor was paused has none."""
    key = database_key()
    if cache_throttle.is_due(key) or key not in _cache:
        rows = _rows().annotate(
            is_paused=ExpressionWrapper(IS_PAUSED, BooleanField()), is_open=ExpressionWrapper(IS_OPEN, BooleanField())
        )
        _cache[key] = {
            receiver: BreakerState(is_paused, is_open, bool(failures) or failing_since is not None)
            for receiver, is_paused, is_open, failures, failing_since in rows.values_list(
                "receiver", "is_paused", "is_open", "failures", "failing_since"
            )
        }
        cache_throttle.start(key)
    return _cache[key]


def blocked_receivers() -> frozenset[str]:
    """Return the receivers that are paused or away: no call of them is made, except probes."""
    return frozenset(receiver for receiver, state in states().items() if state.is_paused or state.is_open)


def known_names() -> list[str]:
    """Return the receivers that are connected in this process or have calls that are not settled."""
    connected = {identity for signal in signals.BY_NAME.values() for identity in signal.identities()}
    waiting = ReceiverCall.objects.using(database_alias()).open().order_by().values_list("receiver", flat=True)
    return sorted(connected.union(waiting.distinct()))


# ---------------------------------------------------------------- pause, by a person


def pause(receiver: str, *, until: datetime | None = None, by: str = "", reason: str = "") -> None:
    """Pause a receiver: its calls wait, without attempts and without probes, until `until` or `resume`."""
    _write(receiver, paused_at=NOW, paused_until=until, paused_by=by[:150], pause_reason=reason)
    logger.warning("receiver %s is paused; its calls wait until it is resumed", receiver)


def resume(receiver: str) -> bool:
    """End the pause of a receiver, close its breaker and make its failed calls due; return False if it had neither."""
    is_ended = _end(receiver, IS_PAUSED | IS_OPEN)
    if is_ended:
        logger.info("receiver %s is resumed; its waiting calls are due", receiver)
    return is_ended


# ---------------------------------------------------------------- breaker


def note_failure(call: ReceiverCall, cause: str, *, counts: bool) -> int | None:
    """Count a failure of a claimed call.

    Args:
        call: the call.
        cause: the fingerprint of the error.
        counts: False if the database is to blame: a lost connection, or locks of others.

    Returns:
        The pause in seconds before the next probe if the breaker is open: the attempt does not count then.
    """
    if call.is_test:
        return None
    if not counts and call.receiver not in blocked_receivers():
        return None
    pause = with_retries(partial(_note_failure, call, cause, counts), is_transaction=True)
    clear_cache()
    return pause


def note_failed_lookup(call: ReceiverCall) -> None:
    """Count an attempt in which `HOST_ORDER_RESOLVER` raised; the breaker stays as it is."""
    if not call.is_test:
        _write(call.receiver, **_failure_counters())


def _failure_counters() -> dict[str, Any]:
    return {"failing_since": Coalesce(F("failing_since"), NOW), "failed_in_a_row": F("failed_in_a_row") + 1}


def _note_failure(call: ReceiverCall, cause: str, counts: bool) -> int | None:
    using = database_alias()
    with write_transaction(using):
        is_long = ExpressionWrapper(Q(opened_at__lte=from_now(-SHORT_OUTAGE_SECONDS)), BooleanField())
        no_key = connections[using].features.has_select_for_no_key_update
        state: Any = _rows(call.receiver).select_for_update(no_key=no_key).annotate(is_long=is_long).first()
        # if only a hook after the commit failed, the call is done
        mine = {"pk": call.pk, "status": ReceiverCall.Status.RUNNING, "claim": call.claim}
        if not ReceiverCall.objects.using(using).filter(**mine).exists():
            return None
        if state is None:
            first = {"failures": {cause: [call.event_id]}, "failing_since": NOW, "failed_in_a_row": 1}
            ReceiverState(receiver=call.receiver, **first).save(using=using, force_insert=True)
            return None
        counters = _failure_counters() if counts else {}
        if state.opened_at is not None:
            longest = MAX_PROBE_SECONDS_LATER if state.is_long else MAX_PROBE_SECONDS
            seconds: int = min(2 * state.probe_seconds, longest)
            _rows(call.receiver).update(probe_seconds=seconds, probe_at=from_now(seconds), **counters)
            return seconds
        failures = _with_failure(state.failures, cause, call.event_id) if counts else state.failures
        if len(failures.get(cause, ())) < BREAKER_EVENTS:
            _rows(call.receiver).update(failures=failures, **counters)
            return None
        seconds = FIRST_PROBE_SECONDS
        opened = {"opened_at": NOW, "cause": cause, "probe_at": from_now(seconds), "probe_seconds": seconds}
        _rows(call.receiver).update(failures={}, **opened, **counters)
    logger.error(
        "receiver %s failed for %s different events (%s): its calls wait, one at a time is tried until it works again",
        call.receiver, BREAKER_EVENTS, cause,
    )  # fmt: skip
    return seconds


def _with_failure(failures: dict[str, list[int]], cause: str, event: int) -> dict[str, list[int]]:
    """Return the failures with one more; beyond `MAX_CAUSES` causes, drop the one with the fewest events."""
    events = failures.get(cause, [])
    others = {name: numbers for name, numbers in failures.items() if name != cause}
    if len(others) >= MAX_CAUSES:
        others.pop(min(others, key=lambda name: len(others[name])))
    return others | {cause: events if event in events else [*events, event]}


def note_success(call: ReceiverCall) -> None:
    """Forget the failures of a receiver and close its breaker; ignore calls of the account "test"."""
    state = states().get(call.receiver)
    if state is None or not (state.is_open or state.has_failures) or call.is_test:
        return
    if not state.is_open:
        with_retries(partial(_rows(call.receiver).filter(~IS_OPEN).update, **NO_FAILURES))
    elif _end(call.receiver, IS_OPEN, ends_pause=False):
        logger.warning("receiver %s works again; its waiting calls are due", call.receiver)
    clear_cache()


def _end(receiver: str, condition: Q, *, ends_pause: bool = True) -> bool:
    """Close the breaker and make the failed calls due, in one transaction; return False if another process did."""
    values = {**NO_FAILURES, "opened_at": None, "cause": "", "probe_at": None, "probe_seconds": 0}
    if ends_pause:
        values |= {"paused_at": None, "paused_until": None, "paused_by": "", "pause_reason": ""}
    failed = ReceiverCall.objects.using(database_alias()).filter(
        receiver=receiver, status=ReceiverCall.Status.PENDING, due_at__gt=NOW
    )

    def step() -> bool:
        with write_transaction(database_alias()):
            is_ended = bool(_rows(receiver).filter(condition).update(**values))
            if is_ended:
                failed.exclude(cause="").update(due_at=NOW)
            return is_ended

    is_ended = with_retries(step, is_transaction=True)
    clear_cache()
    return is_ended


# ---------------------------------------------------------------- probes


def due_probes() -> list[str]:
    """Return the receivers whose breaker is open and whose next probe is due; no query if no breaker is open."""
    if not any(state.is_open and not state.is_paused for state in states().values()):
        return []
    return list(_rows().filter(IS_OPEN, ~IS_PAUSED, probe_at__lte=NOW).values_list("receiver", flat=True))


def lock_probe(receiver: str, calls: ReceiverCallQuerySet) -> ReceiverState | None:
    """Lock the state of a receiver for a probe, in the caller's transaction; return None if no probe may be made.

    A probe may be made if it is due and no call of the receiver runs.

    Args:
        receiver: its identity.
        calls: all its calls.
    """
    rows = leases.skip_locked(_rows(receiver).filter(IS_OPEN, ~IS_PAUSED, probe_at__lte=NOW))
    return rows[0] if rows and not calls.filter(status=ReceiverCall.Status.RUNNING).exists() else None


def postpone_probe(state: ReceiverState) -> None:
    """Postpone the next probe, in the transaction that claims a call for the current one."""
    _rows(state.receiver).update(probe_at=from_now(state.probe_seconds))


def clear_cache() -> None:
    """Let this process read the states anew."""
    cache_throttle.reset()


def _write(receiver: str, **values: Any) -> None:
    """UPDATE the state of a receiver; insert it at first."""
    if not _rows(receiver).update(**values):
        new = ReceiverState(receiver=receiver)
        ReceiverState.objects.using(database_alias()).bulk_create([new], ignore_conflicts=True)
        _rows(receiver).update(**values)
    clear_cache()


def _rows(receiver: str | None = None) -> Any:
    rows = ReceiverState.objects.using(database_alias())
    return rows if receiver is None else rows.filter(receiver=receiver)
