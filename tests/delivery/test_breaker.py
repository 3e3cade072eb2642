"""A service that is away: its calls wait without attempts, one is a probe, and all is caught up in order."""

import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from django.db import OperationalError, connection, connections
from django.utils.timezone import now

from stockhub_webhooks import signals
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.delivery import breaker, calls, claimed_calls
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater
from stockhub_webhooks.models import Event, Order, ReceiverCall, ReceiverState
from stockhub_webhooks.testing.factories import EventFactory, MessageFactory, OrderFactory, ReceiverCallFactory

pytestmark = pytest.mark.django_db
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
UID = "test.erp"


@pytest.fixture
def erp(hear):
    """A receiver whose service can be away: set `error`."""

    class Erp:
        error = None
        is_counted = True

        def __init__(self):
            self.events = []
            self.attempts = []
            hear(signals.order_created, self.call, uid=UID, test=True)

        def call(self, event, **arguments):
            self.attempts.append(event.id)
            if self.error:
                raise self.error
            self.events.append(event.id)

        def owe(self, count=1, **values):
            return [ReceiverCallFactory(receiver=UID, due_at=PAST, **values) for _ in range(count)]

        def break_it(self):
            self.error = ConnectionError("away")
            owed = self.owe(5)
            deliver()
            assert is_open()
            return owed

    return Erp()


def deliver():
    return calls.deliver_due(until=time.monotonic() + 600)


def claim_all():
    """Claim until nothing is due, as a worker does: a look is good for a tenth of a second."""
    has_more = True
    while has_more:
        has_more = False
        for call in claimed_calls.claim_due():
            has_more = True
            yield call


def make_due():
    ReceiverCall.objects.filter(status="pending").update(due_at=PAST)


def make_probe_due():
    ReceiverState.objects.update(probe_at=PAST)
    make_due()


def is_open():
    return ReceiverState.objects.filter(opened_at__isnull=False).exists()


# ---------------------------------------------------------------- opening


def test_five_failing_events_open_the_breaker_and_the_rest_waits_without_attempts(erp):
    erp.error = ConnectionError("away")
    erp.owe(50)
    deliver()
    assert is_open()
    assert len(erp.attempts) == 5
    assert ReceiverCall.objects.filter(attempts=0).count() == 46


def test_five_attempts_of_one_event_do_not_open_it(erp):
    erp.error = ConnectionError("away")
    (call,) = erp.owe()
    for _ in range(6):
        make_due()
        deliver()
    call.refresh_from_db()
    assert (call.attempts, is_open()) == (6, False)


def test_different_causes_do_not_open_it(erp):
    erp.owe(12)
    kinds = [ValueError, KeyError, TypeError, OSError]
    for number, call in enumerate(claim_all()):
        erp.error = kinds[number % 4]("each time something else")
        calls.call_receiver(call)
    assert len(erp.attempts) == 12
    assert not is_open()


def test_causes_that_take_turns_open_it_since_nothing_succeeds(erp):
    erp.owe(12)
    for number, call in enumerate(claim_all()):
        erp.error = [TimeoutError, ConnectionError][number % 2]("away")
        calls.call_receiver(call)
    assert is_open()
    assert len(erp.attempts) == 9


def test_a_success_in_between_begins_anew(erp):
    erp.owe(9)
    for number, call in enumerate(claim_all()):
        erp.error = None if number == 4 else ConnectionError("away")
        calls.call_receiver(call)
    assert not is_open()
    assert ReceiverState.objects.get().failures != {}


@pytest.mark.parametrize("error", [RetryLater(60), PermanentFailure("no such article")])
def test_what_a_receiver_asks_for_is_no_failure(erp, error):
    erp.error = error
    erp.owe(10)
    deliver()
    assert len(erp.attempts) == 10
    assert not ReceiverState.objects.exists()


def called_off(*args, sqlstate=None):
    error = OperationalError(*args)
    if sqlstate:
        error.__cause__ = type("DriverError", (Exception,), {"sqlstate": sqlstate})()
    return error


DEADLOCKS = [called_off("deadlock detected", sqlstate="40P01"), called_off(1213, "Deadlock found")]


@pytest.mark.parametrize("error", [*DEADLOCKS, called_off("database is locked"), called_off(1205, "Lock wait")])
def test_a_lock_of_the_database_is_no_failure_of_the_receiver(erp, error):
    erp.error = error
    erp.owe(6)
    deliver()
    assert set(erp.attempts) == set(Event.objects.values_list("pk", flat=True))
    assert not ReceiverState.objects.exists()


@pytest.mark.parametrize("error", DEADLOCKS)
def test_a_deadlock_is_tried_once_more_at_once(erp, error):
    erp.owe()
    real, raised = erp.call, []

    def once(**arguments):
        erp.error = None if raised else error
        raised.append(True)

    signal = signals.order_created
    uid = "test.deadlock"

    def receiver(sender, event, **arguments):
        once()
        real(event)

    signal.connect(receiver, dispatch_uid=uid)
    try:
        call = ReceiverCallFactory(receiver=uid, due_at=PAST)
        deliver()
    finally:
        signal.disconnect(dispatch_uid=uid)
    call.refresh_from_db()
    assert (call.status, call.attempts, erp.attempts.count(call.event_id)) == ("done", 1, 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
@pytest.mark.mariadb
def test_a_lost_connection_is_no_failure_of_the_receiver(erp, hear):
    def lose(**arguments):
        of_server = "pg_terminate_backend(pg_backend_pid())" if connection.vendor == "postgresql" else ""
        with suppress(OperationalError), connection.cursor() as cursor:
            cursor.execute(f"SELECT {of_server}" if of_server else "KILL CONNECTION_ID()")
        Order.objects.count()

    hear(signals.order_created, lose, uid="test.lost")
    for _ in range(6):
        ReceiverCallFactory(receiver="test.lost", due_at=PAST)
    deliver()
    assert not ReceiverState.objects.exists()
    assert ReceiverCall.objects.exclude(last_error="").count() == 6


def test_tests_never_open_it_and_never_close_it(erp):
    def owe_tests():
        for _ in range(6):
            order = OrderFactory(account="test")
            erp.owe(event=EventFactory(order=order, message=MessageFactory(account="test")))

    erp.error = ConnectionError("away")
    owe_tests()
    deliver()
    assert not ReceiverState.objects.exists()
    erp.owe(5)
    deliver()
    assert is_open()
    erp.error = None
    ReceiverCall.objects.exclude(event__account="test").update(status="given_up", due_at=None)
    make_probe_due()
    deliver()
    assert is_open()


def test_receivers_of_other_services_are_called_all_the_same(erp, hear):
    heard = hear(signals.order_created, uid="test.other")
    erp.break_it()
    ReceiverCallFactory(receiver="test.other", due_at=PAST)
    deliver()
    assert len(heard) == 1


# ---------------------------------------------------------------- probes


def test_one_probe_at_a_time_and_its_failure_counts_no_attempt(erp):
    erp.break_it()
    erp.owe(10)
    before = sorted(ReceiverCall.objects.values_list("pk", "attempts"))
    for number in range(30):
        make_probe_due()
        deliver()
        assert len(erp.attempts) == 6 + number
    assert sorted(ReceiverCall.objects.values_list("pk", "attempts")) == before


def test_probes_are_tried_with_all_that_waits_in_turn_so_that_one_bad_event_does_not_hold_the_rest(erp, hear):
    bad = [call.event_id for call in erp.break_it()]

    erp.error = None
    real = erp.call

    def poison(event, **arguments):
        erp.error = ConnectionError("away") if event.id in bad else None
        real(event)

    def receiver(sender, **arguments):
        poison(**arguments)

    signals.order_created.disconnect(dispatch_uid=UID)
    signals.order_created.connect(receiver, dispatch_uid=UID)
    erp.owe(3)
    for _ in range(8):
        ReceiverState.objects.update(probe_at=PAST)
        soon = now() + timedelta(seconds=3 * breaker.FIRST_PROBE_SECONDS)
        ReceiverCall.objects.filter(due_at__lte=soon).update(due_at=now())
        deliver()
    assert ReceiverCall.objects.filter(status="done").count() == 3


def test_pause_of_the_probes_grows_to_five_seconds_and_after_ten_minutes_to_five_minutes(erp):
    erp.break_it()
    second = breaker.FIRST_PROBE_SECONDS  # longer than in use

    def pause_after_probe():
        make_probe_due()
        deliver()
        return ReceiverState.objects.get().probe_seconds / second

    assert ReceiverState.objects.get().probe_seconds == second
    assert [pause_after_probe() for _ in range(4)] == [2, 4, 5, 5]
    ReceiverState.objects.update(opened_at=now() - timedelta(minutes=11))
    assert [pause_after_probe() for _ in range(7)] == [10, 20, 40, 80, 160, 300, 300]


def test_no_probe_before_its_time_and_none_while_a_call_runs(erp):
    erp.break_it()
    make_due()
    deliver()
    assert len(erp.attempts) == 5
    make_probe_due()
    (probe,) = claimed_calls.claim_due()
    make_probe_due()
    assert not list(claimed_calls.claim_due())
    calls.call_receiver(probe)
    make_probe_due()
    assert len(list(claimed_calls.claim_due())) == 1


def test_success_of_a_probe_closes_it_and_makes_the_failed_calls_due(erp):
    owed = erp.break_it()
    erp.error = None
    ReceiverState.objects.update(probe_at=PAST)
    ReceiverCall.objects.filter(pk=owed[2].pk).update(due_at=PAST)  # the others wait for their next attempt
    deliver()
    assert set(ReceiverCall.objects.values_list("status", flat=True)) == {"done"}
    state = ReceiverState.objects.get()
    assert (state.opened_at, state.cause, state.failures, state.probe_at) == (None, "", {}, None)


def test_sequence_of_an_order_is_kept(erp):
    erp.break_it()
    first, second = OrderFactory(), OrderFactory()
    order_of = {}
    for number in range(20):
        event = EventFactory(order=[first, second][number % 2])
        order_of[event.pk] = event.order_id
        erp.owe(event=event)
    for _ in range(3):
        make_probe_due()
        deliver()
    erp.error = None
    make_probe_due()
    deliver()
    for order in (first.pk, second.pk):
        heard = [event for event in erp.events if order_of.get(event) == order]
        assert heard == sorted(heard)
        assert len(heard) == 10


def test_it_is_the_same_in_a_new_process(erp):
    erp.break_it()
    for throttle in Throttle.instances:
        throttle.reset()
    breaker._cache.clear()
    erp.owe(3)
    deliver()
    assert len(erp.attempts) == 5


def test_a_failing_receiver_that_is_away_for_a_day_gives_nothing_up(erp, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"MAX_ATTEMPTS": 2}
    erp.break_it()
    for _ in range(30):
        make_probe_due()
        deliver()
    assert not ReceiverCall.objects.filter(status="given_up").exists()


def test_a_call_whose_process_died_goes_back_in_line_and_is_the_next_probe(erp):
    erp.break_it()
    make_probe_due()
    (probe,) = claimed_calls.claim_due()
    ReceiverCall.objects.filter(pk=probe.pk).update(due_at=PAST)  # the lease is over
    deliver()
    probe.refresh_from_db()
    assert (probe.status, probe.claim, probe.attempts) == ("pending", None, 1 if probe.last_error else 0)
    erp.error = None
    make_probe_due()
    deliver()
    assert not ReceiverCall.objects.exclude(status="done").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
@pytest.mark.mariadb
def test_two_processes_make_one_probe(erp):
    erp.break_it()
    erp.owe(10)
    started = threading.Barrier(6)
    made = []
    erp.error = None
    ReceiverState.objects.update(probe_at=PAST)

    def probe():
        try:
            started.wait(10)
            made.extend(list(claimed_calls.claim_due()))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=probe) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(made) == 1


@pytest.mark.slow
@pytest.mark.sqlite
def test_ten_thousand_waiting_calls_are_caught_up_in_order(erp):
    erp.break_it()
    events = []
    message = MessageFactory()
    orders = [OrderFactory() for _ in range(500)]
    for _ in range(20):
        events += [EventFactory.build(order=order, message=message, subject_id=order.pk) for order in orders]
    Event.objects.bulk_create(events)
    rows = [
        ReceiverCall(event=event, order=event.order, receiver=UID, signal="order_created", due_at=PAST)
        for event in events
    ]
    ReceiverCall.objects.bulk_create(rows)
    order_of = dict(Event.objects.values_list("pk", "order_id"))
    deliver()
    assert len(erp.attempts) == 5
    erp.error = None
    make_probe_due()
    deliver()
    assert len(erp.events) == 10_005
    assert not ReceiverCall.objects.exclude(status="done").exists()
    heard = {}
    for event in erp.events:
        heard.setdefault(order_of[event], []).append(event)
    assert all(of_order == sorted(of_order) for of_order in heard.values())


# ---------------------------------------------------------------- paused by a person


def test_a_paused_receiver_is_not_called_and_has_no_probes(erp):
    erp.owe(7)
    breaker.pause(UID, by="office", reason="moves to another server")
    deliver()
    assert not erp.attempts
    assert set(ReceiverCall.objects.values_list("attempts", flat=True)) == {0}
    assert breaker.resume(UID)
    deliver()
    assert len(erp.events) == 7


def test_a_pause_ends_by_itself_if_it_has_an_end(erp):
    erp.owe()
    breaker.pause(UID, until=now() + timedelta(hours=1))
    deliver()
    assert not erp.attempts
    ReceiverState.objects.update(paused_until=PAST)
    breaker.clear_cache()
    deliver()
    assert len(erp.events) == 1


def test_a_pause_stops_the_probes_of_one_that_is_away(erp):
    erp.break_it()
    breaker.pause(UID)
    make_probe_due()
    deliver()
    assert len(erp.attempts) == 5


def test_resume_closes_the_breaker_and_makes_failed_calls_due(erp):
    erp.break_it()
    breaker.pause(UID)
    assert breaker.resume(UID)
    assert not breaker.resume(UID)
    erp.error = None
    deliver()
    assert len(erp.events) == 5
