"""Work that the shop's server does after its answer to Stock Hub."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections
from django.test import TestCase

from stockhub_webhooks import signals
from stockhub_webhooks.db.connections import NOW, database_alias
from stockhub_webhooks.delivery import breaker, calls, claimed_calls, due_calls, manual
from stockhub_webhooks.delivery.hanging import HANGING
from stockhub_webhooks.exceptions import PermanentFailure, must_pass
from stockhub_webhooks.models import Event, Message, ReceiverCall, ReceiverState, WorklistProgress, WorklistRow
from stockhub_webhooks.models.receiver_state import IS_OPEN
from stockhub_webhooks.office.worklists import sweep
from stockhub_webhooks.office.worklists.rows import open_rows
from stockhub_webhooks.office.worklists.rules import VERSION
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import claiming, transitions
from stockhub_webhooks.testing.environment import test_settings
from stockhub_webhooks.testing.recording import connected


def run_pending(*, ignore_backoff: bool = True, raise_errors: bool = True) -> list[ReceiverCall]:
    """Do one pass of the worker: apply waiting messages, and make each pending receiver call once.

    Hooks that a receiver registers with `transaction.on_commit` run after its call, in a `TestCase` too.

    Args:
        ignore_backoff: True to include messages and calls that wait for their next attempt, also after `RetryLater`.
        raise_errors: True to raise the first error of a receiver, after all calls were made. `RetryLater` is no error.

    Returns:
        The calls that were made, with their `status`, `attempts` and `last_error` of now.

    Raises:
        Exception: the error of the first receiver that failed; `PermanentFailure` if its call was given up.
    """
    made: dict[int, ReceiverCall] = {}
    _forget_former_tests()
    with test_settings(), _failures() as failures:
        if ignore_backoff:
            _make_all_due()
        while _work(made, failures):
            pass
    if failures and raise_errors:
        raise _error_with_notes(failures)
    return list(ReceiverCall.objects.using(database_alias()).filter(pk__in=made).order_by("pk"))


def pass_deadlines() -> list[WorklistRow]:
    """Look at all documents, as the worker does, and record `deadline.passed` for those that do not proceed.

    `run_pending` calls the receivers. What began more than 30 days ago is sent too, unlike after an installation.

    Returns:
        The rows that are on the worklists now, the oldest first.
    """
    with test_settings():
        progress = WorklistProgress.objects.using(database_alias())
        names = [name for name, _model in sweep.DOCUMENTS]
        progress.bulk_create([WorklistProgress(name=name) for name in names], ignore_conflicts=True)
        progress.filter(name__in=names).update(finished_at=None, position=0, version=VERSION)
        while sweep.update_due(ignore_pauses=True):
            pass
    return list(open_rows().order_by("since", "pk"))


def replay(*receivers: Callable[..., Any] | str) -> None:
    """Add calls of these receivers for all past events, with `event.is_replay`, as if the receivers were new.

    `run_pending` makes the calls. `stockhub_replay --receiver` does the same for a receiver that was added later.

    Args:
        receivers: functions or identities (`dispatch_uid`, else `module.qualname`).

    Raises:
        LookupError: one of `receivers` is not connected to any signal.
    """
    identities = connected(*receivers)
    ReceiverCall.objects.using(database_alias()).filter(receiver__in=identities).delete()
    manual.backfill(list(Event.objects.using(database_alias()).order_by("pk")), identities)


def _forget_former_tests() -> None:
    """Forget what this process remembers of rows: a test may set times of the past, and its end removes its rows."""
    due_calls.low_water.reset()
    claiming.low_water.reset()
    breaker.clear_cache()
    HANGING.reset()


def _make_all_due() -> None:
    """Make all that waits due, also the next call of a receiver whose service is away."""
    waiting = Message.objects.using(database_alias()).filter(status=Message.Status.RECEIVED, due_at__isnull=False)
    transitions.requeue(list(waiting.values_list("pk", flat=True)))
    pending = ReceiverCall.objects.using(database_alias()).filter(status=ReceiverCall.Status.PENDING)
    manual.requeue(list(pending.values_list("pk", flat=True)))
    ReceiverState.objects.using(database_alias()).filter(IS_OPEN).update(probe_at=NOW)


Failures = list[tuple[ReceiverCall, BaseException]]


def _work(made: dict[int, ReceiverCall], failures: Failures) -> bool:
    """Do one round of due work; return False if nothing new was done, so that endless retries end."""
    before = len(made)
    messages = [pipeline.process(message) for claim in claiming.claim_due() for message in claim]
    for call in claimed_calls.claim_due():
        made[call.pk] = call
        try:
            with _hooks():
                calls.call_receiver(call)
        except BaseException as error:  # raised by an on_commit hook; the call itself never raises
            if must_pass(error):
                raise
            failures.append((call, error))
    return bool(messages) or len(made) > before


@contextmanager
def _hooks() -> Iterator[None]:
    """Run the `on_commit` hooks that are registered inside the block; a `TestCase` never commits."""
    with ExitStack() as stack:
        for using in connections:
            stack.enter_context(TestCase.captureOnCommitCallbacks(using=using, execute=True))
        yield


@contextmanager
def _failures() -> Iterator[Failures]:
    """Collect the calls that fail inside the block, each with its error."""
    failures: Failures = []

    def failed(sender: object, *, call: ReceiverCall, error: BaseException, **kwargs: Any) -> None:
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


def _error_with_notes(failures: Failures) -> Exception:
    """Return the first error, with notes on its receiver and on the other errors.

    An error that would end the test run, such as `SystemExit`, is the cause of a `RuntimeError`.
    """
    call, first = failures[0]
    error = first if isinstance(first, Exception) else RuntimeError(f"{call.receiver} raised {type(first).__name__}")
    if error is not first:
        error.__cause__ = first
    if sys.version_info >= (3, 11):
        for call, failure in failures:
            error.add_note(f"{call.receiver} at {call.event}: {type(failure).__name__}")
    return error
