"""Bulk requests: what the user confirmed is done, no more, once, in batches, by one process at a time."""

import tracemalloc

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.exceptions import WORKER_DIED
from stockhub_webhooks.models import BulkEntry, BulkRequest, Message, ReceiverCall, RefusedBody
from stockhub_webhooks.operations import bulk, work_requests, worker
from stockhub_webhooks.operations.bulk import run
from stockhub_webhooks.operations.bulk.results import rows_of
from stockhub_webhooks.receiving.body_removal import removed_body
from stockhub_webhooks.testing.factories import (
    EventFactory,
    MessageFactory,
    OrderFactory,
    ReceiverCallFactory,
    RefusedBodyFactory,
)
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__")

PAST = "2020-01-01T00:00:00Z"
FUTURE = "2100-01-01T00:00:00Z"


@pytest.fixture
def given_up():
    """Make five tasks that were given up."""
    return ReceiverCallFactory.create_batch(5, status="given_up", due_at=None, attempts=22, cause="ValueError")


def asked(action="try_again", rows=None, **options):
    """Confirm a request for all tasks, or for some rows."""
    proposed = bulk.propose(action, ReceiverCall.objects.all() if rows is None else rows, who="office", **options)
    return bulk.confirm(proposed.pk, reason="to see")


def state(request):
    request.refresh_from_db()
    return request.status, request.acted, request.left_alone


def waiting():
    return ReceiverCall.objects.filter(status="pending").count()


# ---------------------------------------------------------------- what is chosen


def test_nothing_is_done_before_it_is_confirmed(given_up):
    proposed = bulk.propose("try_again", ReceiverCall.objects.all(), who="office")
    assert (proposed.total, proposed.status, bulk.continue_due(), waiting()) == (5, "proposed", 0, 0)
    assert bulk.confirm(proposed.pk)
    assert bulk.continue_due() == 5
    assert (state(proposed), waiting()) == (("done", 5, 0), 5)


def test_request_is_begun_once_however_often_it_is_confirmed(given_up):
    proposed = bulk.propose("try_again", ReceiverCall.objects.all(), who="office")
    assert bulk.confirm(proposed.pk)
    bulk.continue_due()
    assert bulk.confirm(proposed.pk) is None
    assert bulk.continue_due() == 0


def test_messages_without_a_body_are_not_chosen_to_be_processed_again():
    message, removed = MessageFactory.create_batch(2)
    Message.objects.filter(pk=removed.pk).update(**removed_body())
    request = asked("process_again", Message.objects.all())
    bulk.continue_due()
    assert (request.total, state(request)) == (1, ("done", 1, 0))
    assert Message.objects.get(status=Message.Status.RECEIVED).pk == message.pk


def test_rows_that_match_later_are_left_alone(given_up):
    proposed = bulk.propose("try_again", ReceiverCall.objects.filter(status="given_up"), who="office")
    later = ReceiverCallFactory(status="given_up", due_at=None)
    bulk.confirm(proposed.pk)
    bulk.continue_due()
    later.refresh_from_db()
    assert later.status == "given_up"
    assert state(proposed) == ("done", 5, 0)


def test_rows_that_changed_since_are_left_alone(given_up):
    proposed = bulk.propose("try_again", ReceiverCall.objects.all(), who="office")
    ReceiverCall.objects.filter(pk=given_up[0].pk).update(status="done")
    given_up[1].delete()
    bulk.confirm(proposed.pk)
    bulk.continue_due()
    assert state(proposed) == ("done", 3, 2)
    assert ReceiverCall.objects.get(pk=given_up[0].pk).status == "done"


def test_rows_on_which_the_action_is_impossible_are_not_chosen(given_up):
    ReceiverCallFactory(status="done", due_at=None)
    assert bulk.propose("try_again", ReceiverCall.objects.all(), who="office").total == 5
    assert bulk.propose("try_again", ReceiverCall.objects.none(), who="office").total == 0


def test_choosing_many_rows_reads_none_of_them(given_up):
    with CaptureQueriesContext(connection) as few:
        bulk.propose("give_up", ReceiverCall.objects.all(), who="office")
    ReceiverCallFactory.create_batch(30, status="given_up", due_at=None)
    with CaptureQueriesContext(connection) as many:
        assert bulk.propose("give_up", ReceiverCall.objects.all(), who="office").total == 35
    assert len(many) == len(few)


def test_unconfirmed_requests_are_deleted_after_a_day(given_up):
    old = bulk.propose("try_again", ReceiverCall.objects.all(), who="office")
    done = asked()
    bulk.continue_due()
    BulkRequest.objects.update(created_at=PAST)
    bulk.propose("try_again", ReceiverCall.objects.all(), who="office")
    assert not BulkRequest.objects.filter(pk=old.pk).exists()
    assert not BulkEntry.objects.filter(request_id=old.pk).exists()
    assert BulkRequest.objects.filter(pk=done.pk).exists()


# ---------------------------------------------------------------- tasks that wait for an earlier one


def line(count, receiver="shop.follow_order"):
    """Make tasks of one order and receiver, of which each waits for the one before."""
    order = OrderFactory()
    return [ReceiverCallFactory(event=EventFactory(order=order), receiver=receiver) for _ in range(count)]


@pytest.fixture
def connected(hear):
    """Connect the receiver of the factory."""
    return hear(signals.order_created, uid="shop.follow_order")


def test_task_names_the_earlier_one_that_it_waits_for(connected):
    first, second, third = line(3)
    known = {"order_created": {"shop.follow_order"}}
    rows = dict(ReceiverCall.objects.with_blocking_call(known).values_list("pk", "blocking_call"))
    assert rows == {first.pk: None, second.pk: first.pk, third.pk: first.pk}
    ReceiverCall.objects.filter(pk=first.pk).update(status="given_up", due_at=None)
    assert ReceiverCall.objects.with_blocking_call(known).get(pk=third.pk).blocking_call == second.pk


def test_retry_of_a_task_that_waits_for_an_earlier_one_retries_that_one_first(connected):
    first, second, third = line(3)
    other = line(2)
    ReceiverCall.objects.filter(pk__in=[first.pk, other[0].pk]).update(due_at=FUTURE, attempts=3, cause="ValueError")
    proposed = bulk.propose("try_again", ReceiverCall.objects.filter(pk=third.pk), who="office")
    assert (proposed.total, proposed.parameters["earlier"]) == (2, 1)
    bulk.confirm(proposed.pk)
    worker.drain()
    assert {call.pk for call in (first, second, third)} <= set(
        ReceiverCall.objects.filter(status="done").values_list("pk", flat=True)
    )
    other[0].refresh_from_db()
    assert (other[0].status, other[0].cause) == ("pending", "ValueError")


# ---------------------------------------------------------------- the run


def test_request_is_done_in_batches_with_other_work_between(given_up, monkeypatch):
    monkeypatch.setattr(run, "BATCH", 2)
    monkeypatch.setattr(run, "TURN_SECONDS", 0.0)
    request = asked()
    assert [bulk.continue_due() for _ in range(4)] == [2, 2, 1, 1]
    assert state(request) == ("done", 5, 0)


def test_worker_carries_it_out_and_makes_the_calls(given_up, hear):
    hear(signals.order_created, uid="shop.follow_order")
    request = asked()
    worker.drain()
    assert state(request) == ("done", 5, 0)
    assert bulk.results(request).counts == {"succeeded": 5, "failed": 0, "waiting": 0, "settled": 0}


def test_second_worker_takes_over_when_the_lease_lapses_and_repeats_nothing(given_up, monkeypatch):
    monkeypatch.setattr(run, "BATCH", 2)
    request = asked()
    first = work_requests.claim_due(BulkRequest)
    going = run.batches(first)
    next(going)
    assert bulk.continue_due() == 0
    BulkRequest.objects.update(due_at=PAST)  # the first one was killed
    assert bulk.continue_due() == 3
    with pytest.raises(work_requests.ClaimLost):
        next(going)
    assert state(request) == ("done", 5, 0)


def test_batch_and_its_progress_are_committed_together(given_up, monkeypatch):
    request = asked()
    update = work_requests.update

    def fails_at_the_end(row, **values):
        if "reached" in values:
            raise SystemExit  # the process is killed
        update(row, **values)

    monkeypatch.setattr(run.work_requests, "update", fails_at_the_end)
    with pytest.raises(SystemExit):
        bulk.continue_due()
    assert waiting() == 0
    assert not BulkEntry.objects.filter(request=request, is_acted__isnull=False).exists()
    monkeypatch.undo()
    BulkRequest.objects.update(due_at=PAST)
    bulk.continue_due()
    assert (state(request), waiting()) == (("done", 5, 0), 5)


def test_request_waits_while_the_database_calls_it_off(given_up, monkeypatch):
    request = asked()

    def called_off(*arguments):
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(run, "_act_on", called_off)
    assert bulk.continue_due() == 1
    assert state(request) == ("open", 0, 0)
    monkeypatch.undo()
    BulkRequest.objects.update(due_at=PAST)
    bulk.continue_due()
    assert state(request) == ("done", 5, 0)


def test_request_whose_processes_die_is_broken_off(given_up, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"MAX_ATTEMPTS": 2}
    request = asked()
    for _ in range(3):
        work_requests.claim_due(BulkRequest)
        BulkRequest.objects.filter(due_at__isnull=False).update(due_at=PAST)
    assert state(request) == ("failed", 0, 0)
    assert request.last_error == WORKER_DIED


def test_stopped_request_keeps_what_is_done(given_up, monkeypatch):
    monkeypatch.setattr(run, "BATCH", 2)
    request = asked()
    going = run.batches(work_requests.claim_due(BulkRequest))
    next(going)
    assert bulk.halt(request.pk, "a colleague")
    with pytest.raises(work_requests.ClaimLost):
        next(going)
    assert state(request) == ("stopped", 2, 0)
    assert (waiting(), bulk.continue_due(), bulk.halt(request.pk, "a colleague")) == (2, 0, False)


# ---------------------------------------------------------------- the actions


def test_tasks_are_given_up_with_the_reason(given_up):
    request = asked("give_up")
    bulk.continue_due()
    assert set(ReceiverCall.objects.values_list("cause", flat=True)) == {"by_hand"}
    assert all(text.startswith("to see") for text in ReceiverCall.objects.values_list("last_error", flat=True))
    assert bulk.results(request).counts["settled"] == 5


def test_tasks_are_handed_over_unless_the_other_receiver_has_them(given_up, hear):
    hear(signals.order_created, uid="shop.new")
    ReceiverCallFactory(event=given_up[0].event, receiver="shop.new", status="done", due_at=None)
    parameters = {"signal": "order_created", "former": "shop.follow_order", "receiver": "shop.new"}
    request = asked("reassign", parameters=parameters)
    bulk.continue_due()
    assert state(request) == ("done", 4, 1)
    assert ReceiverCall.objects.filter(receiver="shop.new", is_replay=True, status="pending").count() == 4


def test_hand_over_to_a_receiver_that_was_removed_meanwhile_is_broken_off(given_up):
    parameters = {"signal": "order_created", "former": "shop.follow_order", "receiver": "shop.new"}
    request = asked("reassign", parameters=parameters)
    bulk.continue_due()
    assert state(request) == ("failed", 0, 0)
    assert "shop.new" in request.last_error
    assert ReceiverCall.objects.filter(receiver="shop.follow_order", status="given_up").count() == 5


def test_refused_messages_are_let_in_and_their_messages_are_the_result():
    RefusedBodyFactory.create_batch(3)
    request = asked("release", RefusedBody.objects.all(), parameters={"account": "default"})
    bulk.continue_due()
    assert RefusedBody.objects.filter(message=None).count() == 0
    assert set(Message.objects.values_list("source", "entered_by")) == {("released", "office")}
    assert bulk.results(request).counts["waiting"] == 3
    worker.drain()
    assert bulk.results(request).counts["succeeded"] == 3
    assert set(rows_of(request, "succeeded")) == set(Message.objects.all())


def test_messages_are_processed_again(post):
    post("order", sample("order", increment_id="1"))
    post("order", b"{")
    request = asked("process_again", Message.objects.all())
    worker.drain()
    assert bulk.results(request).counts == {"succeeded": 1, "failed": 1, "waiting": 0, "settled": 0}
    assert Message.objects.filter(is_replay=True).count() == 1


# ---------------------------------------------------------------- the results


def test_results_are_counted_by_receiver_and_leave_no_row_out(given_up):
    request = asked()
    bulk.continue_due()
    done, again, running, by_hand, waits = given_up
    for call, values in (
        (done, {"status": "done"}),
        (again, {"cause": "ValueError", "receiver": "shop.other"}),
        (running, {"status": "running"}),
        (by_hand, {"status": "given_up", "cause": "by_hand"}),
    ):
        ReceiverCall.objects.filter(pk=call.pk).update(**values)
    result = bulk.results(request)
    assert result.counts == {"succeeded": 1, "failed": 1, "waiting": 2, "settled": 1}
    assert list(result.by_receiver) == ["shop.other", "shop.follow_order"]
    assert set(rows_of(request, "waiting")) == {running, waits}
    assert not result.is_final


# ---------------------------------------------------------------- many rows


def test_100_000_refused_messages_are_chosen_and_acted_on_without_being_loaded(monkeypatch):
    count, most = 100_000, 8_000_000
    now = timezone.now()
    for start in range(0, count, 10_000):
        rows = (
            RefusedBody(topic="order", increment_id=str(number), body=b"{}", reason="wrong_key", refused_at=now)
            for number in range(start, start + 10_000)
        )
        RefusedBody.objects.bulk_create(rows, batch_size=1_000)
    acted = []
    monkeypatch.setattr("stockhub_webhooks.receiving.refusals.release", lambda pks, **options: acted.extend(pks) or 1)
    tracemalloc.start()
    try:
        proposed = bulk.propose("release", RefusedBody.objects.all(), who="office")
        chosen, peak = proposed.total, tracemalloc.get_traced_memory()[1]
        bulk.confirm(proposed.pk, reason="settled")
        bulk.continue_due(until=0)
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
    assert (chosen, len(acted)) == (count, run.BATCH)
    assert peak < most
