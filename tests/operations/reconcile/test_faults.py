"""Pages instead of JSON, endless pauses, and clocks that jump: a run ends or waits, and the next night asks again."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from stockhub_webhooks.db.connections import NOW
from stockhub_webhooks.exceptions import WORKER_DIED
from stockhub_webhooks.models import RMA, AskedNumber, Message, Order, OrderAnswer, Pull
from stockhub_webhooks.operations import worker
from stockhub_webhooks.operations.reconcile import asking, nightly, run, steps
from stockhub_webhooks.operations.reconcile.asking import PullChoice
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.testing import life
from stockhub_webhooks.testing.magento import Fault
from tests.claims import lose_answer
from tests.operations.reconcile.conftest import RECENT

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = Fault(200, headers={"Content-Type": "text/html"}, body=b"<!doctype html><title>Be right back</title>")
AGES = timedelta(days=400)


@pytest.fixture
def work(monkeypatch):
    """Return a function that does what the worker does with runs."""
    monkeypatch.setattr(nightly.PULL_THREAD, "start", nightly.PULL_THREAD.call)
    return lambda: nightly.start_due(threading.Event())


def test_one_page_instead_of_an_answer_is_no_matter(magento, reconcile):
    story = life("happy", seed=1)
    magento.play(story)
    magento.fail(PAGE)
    reconcile("--po", story.po_number)
    assert Order.objects.get().po_number == story.po_number


def test_a_run_waits_while_pages_are_answered_and_goes_on_then(magento, work):
    stories = [life("happy", seed=seed) for seed in range(5)]
    for story in stories:
        magento.play(story)
    RECENT[:] = [story.po_number for story in stories]
    magento.fail(PAGE, times=100)
    work()
    pull = Pull.objects.get()
    assert (pull.status, pull.attempts) == ("open", 1)
    assert "REST_BASE_URL" in pull.last_error
    assert len(magento.requests) < 20, "the other calls would fail, too"
    assert not Message.objects.exists()
    magento.faults.clear()
    Pull.objects.update(due_at=NOW)
    work()
    assert Pull.objects.get().status == "done"
    assert Order.objects.count() == len(stories)
    assert not AskedNumber.objects.exists()


@pytest.mark.parametrize("pause", ["999999999", "Fri, 31 Dec 2099 23:59:59 GMT"])
def test_a_pause_of_years_blocks_no_later_night(magento, work, pause):
    magento.fail(Fault(503, headers={"Retry-After": pause}))
    work()
    assert Pull.objects.get().due_at <= timezone.now() + timedelta(days=1)


def test_a_clock_that_was_far_ahead_stops_neither_the_nights_nor_the_questions(magento, work):
    story = life("happy", seed=1)
    magento.play(story)
    RECENT[:] = [story.po_number, "UNKNOWN-1"]
    work()
    assert Pull.objects.get().status == "done"
    later = timezone.now() + AGES
    Pull.objects.update(created_at=later)
    OrderAnswer.objects.update(asked_at=later)
    AskedNumber.objects.update(asked_at=later, first_asked_at=later)
    Order.objects.update(status="processing", created_at=timezone.now(), received_at=timezone.now())
    magento.requests.clear()
    work()
    assert Pull.objects.count() == 2
    asked = {path.rpartition("/")[2] for path in magento.requests}
    assert {story.increment_id, "UNKNOWN-1"} <= asked
    magento.requests.clear()
    assert not asking.orders_to_ask("default", None, Pull.objects.last().created_at), "they were asked for since"


@pytest.mark.parametrize("number", [".", "..", "", "/", "?x=1", "#", "%2e%2e", "é\u202e", "9" * 300])
def test_a_number_that_is_none_is_unknown_and_stops_no_other(magento, reconcile, number):
    story = life("happy", seed=1)
    magento.play(story)
    reconcile("--order", number, "--order", story.increment_id, "--po", number)
    assert Order.objects.get().increment_id == story.increment_id
    assert Pull.objects.get().status == "done"
    kept = [] if number in ("", "9" * 300) else [number.strip("\u202e")]
    assert list(AskedNumber.objects.values_list("po_number", flat=True)) == kept


@pytest.mark.parametrize("skew", [timedelta(hours=-3), timedelta(minutes=-6), timedelta(minutes=6), timedelta(hours=3)])
def test_a_clock_that_differs_from_stock_hubs_stores_nothing_twice(magento, reconcile, skew):
    story = life("returned", seed=3, start=timezone.now() + skew)
    magento.play(story)
    RECENT[:] = [story.po_number]
    reconcile()
    known = Message.objects.count()
    assert known == 2
    reconcile()
    reconcile("--po", story.po_number)
    assert Message.objects.count() == known


@pytest.mark.parametrize("topic", ["order", "rma"])
def test_an_answer_that_cannot_be_applied_stops_no_other(magento, reconcile, monkeypatch, topic):
    stories = [life("returned", seed=seed) for seed in range(3)]
    for story in stories:
        magento.play(story)
    RECENT[:] = [story.po_number for story in stories]
    real = pipeline.apply

    def apply(parsed, message):
        if parsed.topic == topic and stories[0].increment_id in (parsed.increment_id, parsed.order_increment_id):
            raise ValueError("a fault of ours, about somebody")
        return real(parsed, message)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "apply", apply)
        out = reconcile(fails="calls failed")
    assert "ValueError" in out
    assert "somebody" not in out
    assert Pull.objects.get().status == "done"
    model = {"order": Order, "rma": RMA}[topic]
    assert model.objects.exclude(received_at=None).count() == len(stories) - 1
    reconcile()
    assert model.objects.exclude(received_at=None).count() == len(stories)


def test_a_run_ends_at_once_if_the_database_is_away(magento, reconcile, monkeypatch):
    story = life("happy", seed=1)
    magento.play(story)
    monkeypatch.setattr(pipeline, "apply", lambda parsed, message: 1 / 0)
    monkeypatch.setattr(steps, "is_reachable", lambda using: False)
    with pytest.raises(ZeroDivisionError):
        reconcile("--order", story.increment_id)


def test_a_run_that_fails_for_a_reason_of_ours_waits_and_ends(magento, work, monkeypatch, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"MAX_ATTEMPTS": 2}
    monkeypatch.setattr(nightly.run.gaps, "unknown_numbers", lambda account: 1 / 0)
    work()
    pull = Pull.objects.get()
    assert (pull.status, pull.attempts) == ("open", 1)
    assert pull.due_at > timezone.now()
    Pull.objects.update(due_at=NOW)
    work()
    assert Pull.objects.get().status == "failed"
    assert "ZeroDivisionError" in Pull.objects.get().last_error


@pytest.mark.parametrize("times", [1, 3])  # after the third, it is not known whether the run is claimed
def test_a_run_that_was_claimed_without_an_answer_is_done_at_once(magento, work, monkeypatch, times):
    run.begin("default", PullChoice(), who="somebody")
    with monkeypatch.context() as patch:
        lost = lose_answer(patch, Pull, lambda values: values.get("claim"), times)
        work()
        assert len(lost) == times
    worker.drain()
    work()
    assert Pull.objects.get(requested_by="somebody").status == "done"


def test_a_run_that_kills_its_process_each_time_ends(magento, settings):
    settings.STOCKHUB_WEBHOOKS |= {"MAX_ATTEMPTS": 3}
    run.begin("default", PullChoice(), who="somebody")
    for _ in range(3):
        Pull.objects.update(claim=uuid.uuid4(), due_at=NOW)  # of a process that died
        assert run._claim() is not None
        assert Pull.objects.get().status == "open"
    Pull.objects.update(due_at=NOW)
    assert run._claim() is None
    pull = Pull.objects.get()
    assert (pull.status, pull.due_at, pull.last_error) == ("failed", None, WORKER_DIED)


def test_a_step_whose_answer_was_lost_is_counted_once(magento, work, monkeypatch):
    RECENT[:] = ["UNKNOWN-1", "UNKNOWN-2"]
    lost = lose_answer(monkeypatch, Pull, lambda values: "unknown" in values)
    work()
    pull = Pull.objects.get()
    assert (len(lost), pull.status, pull.unknown, pull.done) == (1, "done", 2, 2)


def test_the_end_of_a_run_is_the_end_although_its_answer_was_lost(magento, reconcile, monkeypatch):
    lost = lose_answer(monkeypatch, Pull, lambda values: values.get("status") == "done")
    reconcile()
    assert (len(lost), Pull.objects.get().status) == (1, "done")
