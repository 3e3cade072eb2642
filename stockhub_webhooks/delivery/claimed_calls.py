"""Claims on due receiver calls (`db/leases.py`): which call a process makes next."""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from django.db import Error as DatabaseFault
from django.db import OperationalError
from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Coalesce

from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, database_alias, with_retries, write_transaction
from stockhub_webhooks.db.leases import Claim
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.delivery import breaker, ledger
from stockhub_webhooks.delivery.call_slots import CallSlots, UnlimitedSlots
from stockhub_webhooks.delivery.due_calls import BATCH, DueCalls, Receivers, due_calls
from stockhub_webhooks.delivery.prefetched_documents import DOCUMENTS
from stockhub_webhooks.delivery.shares import SHARES
from stockhub_webhooks.exceptions import CALLER_DIED, DIED, error_location
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Message, ReceiverCall

logger = logger_of(__name__)

FRESH_SECONDS = 0.1  # then due calls are searched for again


def claim_due(*, message: Message | None = None, slots: CallSlots | None = None) -> Generator[ReceiverCall, None, None]:
    """Claim and yield due calls that this process can make; close the generator to release those that were not begun.

    The receiver that has recently used the least time comes first. New calls of a fast receiver are claimed together. A
    call that was begun before is claimed alone: if it kills its process, only its own attempt is counted. A call whose
    receiver is unknown here is left alone: another process may know it. Of a receiver that is away, one call at a time
    is claimed as a probe.

    Args:
        message: claim only waiting calls of this message's order.
        slots: the slots of this thread; None for no limit.
    """
    known = ledger.known_receivers()
    if not known:
        return
    slots = slots or UnlimitedSlots()
    leases.release_lost()
    due = due_calls(known, message)
    probes = set(breaker.due_probes()) if message is None else set()
    until = time.monotonic() + FRESH_SECONDS
    was_given_up = False
    while (due or probes) and time.monotonic() < until:
        receiver = SHARES.least_used([*due, *probes])
        if not slots.acquire(receiver, message):
            due.pop(receiver, None)
            probes.discard(receiver)
            continue
        try:
            if receiver in probes:
                probes.discard(receiver)
                yield from _released(_claim_probe(receiver, known))
                continue
            together = _take_together(due, receiver)
            if _has_killed_its_process(together[0]):
                was_given_up |= _fail_dead(together[0])
            elif receiver in breaker.blocked_receivers():
                _release_lapsed(together[0])
            else:
                yield from _released(_claim(together))
        finally:
            slots.release(receiver)
    if was_given_up:  # there may be more calls behind them
        yield from claim_due(message=message, slots=slots)


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
    return call.claim is not None and call.is_suspect


def _fail_dead(call: ReceiverCall) -> bool:
    """Record a failed attempt of a call that killed its process; return False if another process has the call."""
    with about(message_id=call.event.message_id, event_id=call.event_id, receiver=call.receiver):
        return any(ledger.fail(claimed, CALLER_DIED, DIED) for claimed in _claim([call]))


def _claim_probe(receiver: str, known: Receivers) -> Claim:
    """Claim the first due call of a receiver that is away, if a probe is due and no call of it runs."""
    only = {signal: {receiver} for signal, identities in known.items() if receiver in identities}
    calls = ReceiverCall.objects.using(database_alias()).of(only)
    try:
        with query_timeout(database_alias()), write_transaction(database_alias()):
            state = breaker.lock_probe(receiver, calls)
            if state is None:
                return _claim([])
            due = calls.due(NOW).real().filter(status=ReceiverCall.Status.PENDING).first_in_line(only)
            call = due.select_related("event__message").defer("event__message__body").first()
            claim = _claim([call] if call else [], attempt=1)
            if claim.rows:
                breaker.postpone_probe(state)
            return claim
    except OperationalError as error:  # another process makes the probe, or the database is away
        logger.debug("no probe of receiver %s (%s); it is tried again", receiver, error_location(error))
        return _claim([])


def _release_lapsed(call: ReceiverCall) -> None:
    """Release a call whose claim lapsed while its receiver is paused or away; no attempt is counted."""
    if call.status == ReceiverCall.Status.RUNNING:
        rows = ReceiverCall.objects.using(database_alias()).filter(**ledger.as_claimed(call), due_at__lte=NOW)
        free: dict[str, Any] = {"status": ReceiverCall.Status.PENDING, "claim": None, "is_suspect": True}
        with suppress(OperationalError):  # the row is locked: the receiver still runs
            leases.update_unlocked(rows, attempts=F("attempts") - 1, **free)


def _released(claim: Claim) -> Iterator[ReceiverCall]:
    """Yield the calls of a claim until the receiver becomes slow, paused or away; release those that were not begun."""
    try:
        DOCUMENTS.load(claim.rows, database_alias())
        for call in claim:
            began = time.monotonic()
            try:
                yield call
            finally:
                SHARES.add(call.receiver, time.monotonic() - began)
            if SHARES.is_slow(call.receiver) or call.receiver in breaker.blocked_receivers():
                break
    finally:
        claim.release()


def _claim(calls: list[ReceiverCall], *, attempt: int | None = None) -> Claim:
    """Claim new calls together, or one call that was begun before.

    Args:
        calls: several new calls, one call, or none.
        attempt: the number of attempts to count. By default an attempt is counted unless a claim of the call lapsed:
            it was counted with that claim.
    """
    token = uuid.uuid4()
    if not calls:
        return Claim(token, [], partial(release, token))
    first = calls[0]
    attempt = int(first.claim is None) if attempt is None else attempt
    same = {"pk__in": [call.pk for call in calls], "claim": None, "attempts": 0, "status": first.status}
    # MariaDB would take the index by `due_at` for the comparison, and wait there for the rows of running receivers
    due_at = Coalesce("due_at", Value(None, DateTimeField()))
    rows = ReceiverCall.objects.using(database_alias()).alias(since=due_at).filter(since__lte=NOW)
    rows = rows.filter(**ledger.as_claimed(first)) if len(calls) == 1 else rows.filter(**same)
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
    with suppress(DatabaseFault):  # their lease lapses
        with_retries(partial(rows.filter(status=ReceiverCall.Status.RUNNING).update, **released))
