"""The work that the shop's server does after its answer to Stock Hub."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections
from django.test import TestCase

from stockhub_webhooks import signals
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import calls, ledger
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import Event, Message, ReceiverCall
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import journal
from stockhub_webhooks.testing.environment import test_settings
from stockhub_webhooks.testing.recording import connected


def run_pending(*, ignore_backoff: bool = True, raise_errors: bool = True) -> list[ReceiverCall]:
    """Do what a worker does: apply what waits, and call each receiver that is still owed something, once.

    Hooks that a receiver leaves with `transaction.on_commit` run after its call, in a `TestCase` too.

    Args:
        ignore_backoff: do also what waits for its next attempt, or asked by `RetryLater` to be called later.
        raise_errors: raise what a receiver raised, once all the others have done their work too. Nothing is raised
            for a receiver that asked to be called later.

    Returns:
        The calls that were made, as they are now: see their `status`, `attempts` and `last_error`.

    Raises:
        Exception: the first receiver's own error; `PermanentFailure` where a call was given up.
    """
    made: dict[int, ReceiverCall] = {}
    with test_settings(), _failures() as failures:
        if ignore_backoff:
            _make_all_due()
        while _work(made, failures):
            pass
    if failures and raise_errors:
        raise _noted(failures)
    return list(ReceiverCall.objects.using(database_alias()).filter(pk__in=made).order_by("pk"))


def replay(*receivers: Callable[..., Any] | str) -> None:
    """Owe these receivers all that happened so far, as the past: with `event.is_replay`, as though they were new.

    So does `stockhub_replay --receiver` with a receiver that was not there at the time. `run_pending` calls them.

    Args:
        receivers: functions or their identities (`dispatch_uid`, else `module.qualname`).

    Raises:
        LookupError: one of them is not connected to any signal.
    """
    identities = connected(*receivers)
    ReceiverCall.objects.using(database_alias()).filter(receiver__in=identities).delete()
    ledger.backfill(list(Event.objects.using(database_alias()).order_by("pk")), identities)


def _make_all_due() -> None:
    waiting = Message.objects.using(database_alias()).filter(status=Message.Status.RECEIVED, due_at__isnull=False)
    journal.requeue(list(waiting.values_list("pk", flat=True)))
    owed = ReceiverCall.objects.using(database_alias()).filter(status=ReceiverCall.Status.PENDING)
    ledger.requeue(list(owed.values_list("pk", flat=True)))


Failures = list[tuple[ReceiverCall, Exception]]


def _work(made: dict[int, ReceiverCall], failures: Failures) -> bool:
    """Do one round of due work; return False if nothing new was done, so that endless retries end."""
    before = len(made)
    messages = [pipeline.process(message) for claim in journal.claim_due() for message in claim]
    for call in ledger.claim_due():
        made[call.pk] = call
        try:
            with _hooks():
                calls.call_receiver(call)
        except Exception as error:  # of a hook: the call itself never raises
            failures.append((call, error))
    return bool(messages) or len(made) > before


@contextmanager
def _hooks() -> Iterator[None]:
    """Run the `on_commit` hooks of what is done inside: a `TestCase` never commits."""
    with ExitStack() as stack:
        for using in connections:
            stack.enter_context(TestCase.captureOnCommitCallbacks(using=using, execute=True))
        yield


@contextmanager
def _failures() -> Iterator[Failures]:
    """Return the calls that fail meanwhile, each with its error."""
    failures: Failures = []

    def failed(sender: object, *, call: ReceiverCall, error: Exception, **kwargs: Any) -> None:
        failures.append((call, error))

    def gave_up(sender: object, *, call: ReceiverCall, reason: str, **kwargs: Any) -> None:
        failures.append((call, PermanentFailure(reason)))

    signals.receiver_failed.connect(failed)
    signals.receiver_gave_up.connect(gave_up)
    try:
        yield failures
    finally:
        signals.receiver_failed.disconnect(failed)
        signals.receiver_gave_up.disconnect(gave_up)


def _noted(failures: Failures) -> Exception:
    """Return the first error, with notes on its receiver and on the other errors."""
    error = failures[0][1]
    if sys.version_info >= (3, 11):
        for call, failure in failures:
            error.add_note(f"{call.receiver} at {call.event}: {type(failure).__name__}")
    return error
