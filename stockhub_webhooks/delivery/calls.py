"""Calls of the shop's receivers.

Each call runs in a transaction whose first statement marks it as done: a receiver that writes only to this database
takes effect exactly once, any other receiver at least once. A failing receiver does not affect other receivers.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial

from django.db import Error as DatabaseFault
from django.db import IntegrityError, connections, transaction
from django.utils import timezone, translation

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import close_connection, database_alias, is_lost
from stockhub_webhooks.db.faults import as_lost_connection, connection_died, is_deadlock, is_of_session, lost_connection
from stockhub_webhooks.db.sequences import advance_after_conflict
from stockhub_webhooks.db.throttle import is_over
from stockhub_webhooks.db.timeouts import should_retry
from stockhub_webhooks.db.transaction_guard import TransactionGuard
from stockhub_webhooks.delivery import breaker, claimed_calls, host_orders, ledger
from stockhub_webhooks.delivery.call_slots import WebSlots
from stockhub_webhooks.delivery.prefetched_documents import DOCUMENTS
from stockhub_webhooks.delivery.receiver_event import event_for_receiver
from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.exceptions import (
    ConnectionLost,
    PermanentFailure,
    ReceiverRefused,
    RetryLater,
    TransactionEnded,
    TransactionLost,
    error_fingerprint,
    error_location,
    must_pass,
)
from stockhub_webhooks.logs import about, logger_of
from stockhub_webhooks.models import Event, Message, ReceiverCall
from stockhub_webhooks.models.ledger import DEADLINE
from stockhub_webhooks.models.worklists import NUMBER

logger = logger_of(__name__)


def deliver_due(
    *,
    until: float,
    stop: threading.Event | None = None,
    message: Message | None = None,
    in_web: bool = False,
    begin: Callable[[ReceiverCall], None] | None = None,
) -> int:
    """Make due calls until there are none left, the time is over or `stop` is set; return their number.

    Args:
        until: when to stop, on the clock of `time.monotonic`.
        stop: checked between two calls.
        message: make only the calls of this message's order; if it has none, of this message.
        in_web: True in a thread that serves requests: few calls run at a time there, see `delivery/call_slots.py`.
            The thread also makes the calls that other threads have handed over to it.
        begin: called before each call.
    """
    slots = WebSlots() if in_web else None
    made, made_before = 0, -1
    while not is_over(until, stop):
        if made == made_before:  # no call is left, or none of this message
            if slots is None or not slots.handed_over:
                break
            message = slots.handed_over.popleft()
        made_before = made
        with closing(claimed_calls.claim_due(message=message, slots=slots)) as claimed:
            for call in claimed:
                if begin:
                    begin(call)
                call_receiver(call)
                made += 1
                if is_over(until, stop):
                    break
    return made


def call_receiver(call: ReceiverCall) -> None:
    """Make a claimed call and record its result. Never raises for a failure of the receiver.

    If the database ended the transaction in favour of another one (a deadlock, a serialization failure), or if the mark
    failed, the call is made once more at once; the second deadlock is a failed attempt. If the database ended the
    connection, the call is due again in a second without a counted attempt, three times in a row at most. If the
    receiver changed the session of this thread's connection, the connection is closed.
    """
    began = time.monotonic()
    with about(message_id=call.event.message_id, event_id=call.event_id, receiver=call.receiver):
        run = _CallTransaction(call)
        run.run()
        if run.should_repeat and should_retry(1, began):
            again = _CallTransaction(call)
            again.run()
            # if it was not called again, the first transaction was committed, and only a hook failed
            run = again if again.was_called or again.error else run
        if run.error is not None:
            _record(run, run.error, time.monotonic() - began)
        elif run.was_called:
            breaker.note_success(call)
        signals.receiver_called.send_robust(ReceiverCall, call=call, seconds=time.monotonic() - began)


class _CallTransaction:
    """One transaction of a call.

    Attributes:
        was_called: True if the call was marked as done and the receiver was begun.
        has_returned: True if the receiver returned, so that only the commit or a hook after it can have failed.
        error: the error of the receiver, of the database, or of a hook after the commit.
    """

    def __init__(self, call: ReceiverCall) -> None:
        self.call = call
        self.using = database_alias()
        self.was_called = False
        self.has_returned = False
        self.error: BaseException | None = None
        self._guard: TransactionGuard | None = None

    def run(self) -> None:
        """Mark the call, call the receiver, and commit; keep the error."""
        try:
            with transaction.atomic(using=self.using):
                if ledger.mark_done(self.call):
                    self.was_called = True
                    self._call_guarded()
                    self.has_returned = True
        except BaseException as error:  # `sys.exit` in a library is a failure of the receiver, too
            if must_pass(error):
                raise
            self.call.status = ReceiverCall.Status.RUNNING  # the mark was rolled back
            self.error = (as_lost_connection(error) if self.has_returned else None) or error
        if self.has_returned:  # also if the answer to the commit was lost, or a hook after it failed
            ledger.look_for_later_calls(self.call)
        self._leave_session()

    @property
    def should_repeat(self) -> bool:
        """True if the database is to blame, and a second run at once will probably succeed."""
        if self.error is None:
            return False
        if isinstance(self.error, IntegrityError) and advance_after_conflict(self.using, self.error):
            return True
        return is_deadlock(self.error) or (not self.was_called and isinstance(self.error, DatabaseFault))

    def _call_guarded(self) -> None:
        """Call the receiver, and check that our transaction can still be committed."""
        try:
            self._guard = TransactionGuard(self.using)
            _invoke_receiver(self.call)
            if is_lost(self.using):
                raise TransactionLost
            if not self._guard.is_intact():
                if not ledger.is_done(self.call):
                    raise TransactionEnded
                logger.warning(
                    "receiver call %s (%s) is done, but the receiver committed its transaction by hand; if it fails "
                    "after that, its work is done again: remove the COMMIT, or the statement that commits by itself",
                    self.call.pk, self.call.receiver,
                )  # fmt: skip
        except BaseException as error:
            # the state of the connection is known only in here: `atomic` replaces a broken connection
            if connection_died(self.using, error) and not must_pass(error):
                raise lost_connection(error) from error
            raise

    def _leave_session(self) -> None:
        """Close the connection if the receiver may have changed its session, so that other work is not affected."""
        connection = connections[self.using]
        if connection.in_atomic_block:
            return
        is_off = connection.connection is not None and not connection.autocommit
        has_changed = is_off or (self._guard is not None and self._guard.session_changed)
        if has_changed:
            logger.warning(
                "receiver %s changed the session of the database connection (such as its schema, role or autocommit); "
                "the connection is closed, so that the next work has a new one",
                self.call.receiver,
            )
        if is_off:  # a database in memory stays open
            with suppress(DatabaseFault):
                connection.rollback()
                connection.set_autocommit(True)
        if has_changed or (self.error and is_of_session(self.error)):
            close_connection(self.using)


def _record(run: _CallTransaction, error: BaseException, seconds: float) -> None:
    """Record the error of a run: postpone the call or give it up."""
    call = run.call
    record: Callable[[], bool]
    if isinstance(error, RetryLater):
        record = partial(ledger.retry_later, call, error.seconds, str(error))
        if error.lookup_fault and not call.is_test:
            _record_failed_lookup(call, error.lookup_fault)
    elif isinstance(error, PermanentFailure):
        record = partial(ledger.give_up, call, error.reason, error_fingerprint(error), seconds)
    elif isinstance(error, DatabaseFault) and not run.was_called:  # no failure of the receiver
        record = partial(ledger.retry_later, call, ledger.DATABASE_PAUSE_SECONDS, str(error))
    else:
        record = partial(ledger.retry, call, error, seconds)
    if record() or not run.was_called:
        return
    # the call does not run any more: its transaction was committed, or another process has claimed it
    if run.has_returned and isinstance(error, ConnectionLost):  # the answer to the commit was lost
        if ledger.is_done(call):
            call.status = ReceiverCall.Status.DONE
        return
    if run.has_returned:
        ledger.note_failed_hook(call, error)
        return
    call.status = ReceiverCall.Status.DONE
    if not record():  # another process has claimed the call
        call.status = ReceiverCall.Status.RUNNING
        return
    logger.error(
        "receiver call %s (%s) failed after the receiver had committed its transaction by hand; its work is done "
        "again: remove the COMMIT", call.pk, call.receiver,
    )  # fmt: skip
    if not connections[run.using].in_atomic_block:
        close_connection(run.using)


def _record_failed_lookup(call: ReceiverCall, fault: str) -> None:
    """Save that `HOST_ORDER_RESOLVER` raised, for the alarm; if that fails, it is logged only."""
    try:
        breaker.note_failed_lookup(call)
        if call.event.order is not None:
            host_orders.save_fault(call.event.order, fault)
    except DatabaseFault as error:
        logger.warning("a failed look-up could not be noted (%s); the next one is", error_location(error))


def _invoke_receiver(call: ReceiverCall) -> None:
    """Call the receiver with its arguments.

    Raises:
        RetryLater: the receiver asked for it, or this process does not know the receiver.
        PermanentFailure: the receiver asked for it, or its document is gone.
        BaseException: whatever the receiver raised.
    """
    signal = signals.BY_NAME[call.signal]
    receiver = signal.find(call.receiver)
    if receiver is None:
        raise RetryLater()
    event: Event = call.event
    if event.is_test and not receiver.test:
        raise PermanentFailure(f"{call.receiver} does not accept tests any more")
    subject = subject_of(event)
    row = DOCUMENTS.document_of(event, database_alias())
    if row is None:
        raise PermanentFailure(f"the row that {event.type} is about was deleted")
    arguments = subject.arguments(row)
    if event.type.endswith(".status_changed"):
        arguments["old_status"], arguments["new_status"] = event.changes["status"]
    if event.type == DEADLINE:
        if arguments["document"] is None and row.kind != NUMBER:
            raise PermanentFailure("the document whose deadline passed was deleted")
        arguments["since"] = event.received_at
    received = event_for_receiver(call, arguments["order"], row)
    # not in the language and time zone of the request that happens to do this work
    with translation.override(conf.language()), timezone.override(None), DOCUMENTS.watching(database_alias()):
        if "purchase" in arguments:
            arguments["purchase"] = received.purchase
        try:
            result = receiver.function(
                signal=signal,
                sender=Event if signal is signals.event_recorded else subject.model,
                event=received,
                **arguments,
            )
        except RetryLater as error:
            error.lookup_fault = received.lookup_fault
            raise
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise ReceiverRefused(f"{call.receiver} returned an awaitable, so its work is not done: make it plain")
