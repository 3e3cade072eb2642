"""Left-over work in the web processes: one thread at a time, in slices with pauses."""

import threading
import time

import pytest
from django.db import connections, transaction
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.db.connections import from_now
from stockhub_webhooks.models import BacklogTurn, Message, ReceiverCall, WorklistRow
from stockhub_webhooks.office.worklists import sweep
from stockhub_webhooks.runners import inline, slices
from stockhub_webhooks.runners.inline import InlineRunner
from tests.conftest import KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _as_in_a_shop(monkeypatch):
    monkeypatch.setattr(slices, "LONGEST_PAUSE_SECONDS", 60)


def is_free():
    with slices.one_slice() as one:
        return one is not None


def lapse():
    BacklogTurn.objects.update(free_at=from_now(-1))


def applied():
    return Message.objects.filter(status="applied").count()


def made():
    return ReceiverCall.objects.filter(status="done").count()


def a_message():
    message = Message(url_topic="order", account="default", body=b"{}", due_at=timezone.now())
    message.save()
    return message


def test_one_thread_has_the_right_at_a_time():
    with slices.one_slice() as one:
        assert one
        assert not is_free()


def test_pause_is_as_long_as_the_slice():
    with slices.one_slice() as one:
        one.began -= 20
    assert not is_free()
    lapse()
    assert is_free()
    assert is_free()  # a slice without work needs no pause


def test_thread_that_died_gives_way():
    assert slices._claim()
    assert not is_free()
    lapse()
    assert is_free()


def test_time_that_a_wrong_clock_wrote_blocks_no_process():
    assert is_free()
    BacklogTurn.objects.update(free_at=from_now(3600))
    assert is_free()


def test_slice_is_over_if_the_claim_was_lost():
    with slices.one_slice() as one:
        one.begin(a_message())
        assert not one.is_set()
        lapse()
        with slices.one_slice() as other:
            assert other
            one.begin(a_message())
            assert one.is_set()


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_work_whose_transaction_lives_brings_no_second_thread_in():
    message, locked, end = a_message(), threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Message.objects.select_for_update().get(pk=message.pk)
            locked.set()
            end.wait(30)
        connections.close_all()

    one = slices._claim()
    one.begin(message)
    lapse()
    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert locked.wait(30)
        assert not is_free()
    finally:
        end.set()
        thread.join()
    assert is_free()


@pytest.mark.sqlite
def test_another_writer_does_not_hold_a_page_up(shop):
    """A receiver of another process writes, which on SQLite keeps all others out."""
    shop.environment["SHOP_DATABASE_OPTIONS"] = '{"timeout": 3600}'
    code = "__import__('stockhub_webhooks.runners.slices').runners.slices._claim() is None"
    assert shop.query(code) is False
    assert shop.query("BacklogTurn.objects.update(free_at='2020-01-01T00:00Z')") == 1
    other = shop.start(
        "-c",
        "import django; django.setup()\n"
        "from django.db import transaction\n"
        "from stockhub_webhooks.models import BacklogTurn\n"
        "with transaction.atomic():\n  BacklogTurn.objects.update(message=None)\n  print(1, flush=True)\n  input()",
    )
    assert other.stdout.readline()
    assert shop.query(code) is True
    other.communicate("\n")


def test_receiver_calls_do_not_wait_for_all_messages(post, hear, settings, monkeypatch):
    hear(signals.order_created)
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "RUNNER": "worker"}
    for number in range(10):
        post("order", sample("order", increment_id=f"{number:09d}"))
    monkeypatch.setattr(slices.Slice, "is_set", lambda one: applied() > before or made() > 0)
    for _ in range(4):
        before = applied()
        lapse()
        InlineRunner().wake()
    assert applied() < 10
    assert made()


def test_no_message_is_begun_when_the_slice_is_over(post, settings, monkeypatch):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "RUNNER": "worker"}
    for _ in range(50):
        post("order")
    for number in (1, 2):
        monkeypatch.setattr(slices.Slice, "is_set", lambda one, number=number: applied() >= number)
        lapse()
        InlineRunner().wake()
        assert applied() == number
    assert not Message.objects.exclude(claim=None).filter(status="received").exists()


def test_backlog_shrinks_with_the_traffic_of_the_shop(post, settings, monkeypatch):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "RUNNER": "worker"}
    for _ in range(50):
        post("order")
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.01)
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY}
    until = time.monotonic() + 60
    while Message.objects.filter(status="received").exists():
        post("shipment")
        assert time.monotonic() < until


def listed():
    return set(WorklistRow.objects.values_list("number", flat=True))


@pytest.mark.parametrize("is_searching", [True, False])
def test_worklists_are_brought_up_to_date_in_a_slice(post, monkeypatch, is_searching):
    monkeypatch.setattr(sweep.look_throttle, "seconds", 0)
    sweep.look_throttle.reset()
    monkeypatch.setattr(inline.idle_throttle, "seconds", 0 if is_searching else 3600)
    inline.idle_throttle.start()
    late = {"status": "complete", "created_at": "2026-01-01T10:00:00+00:00"}
    with slices.one_slice():  # of another thread
        post("order", sample("order", increment_id="000000001", **late))
    assert not listed()
    lapse()
    post("order", sample("order", increment_id="000000002", **late))
    assert listed() == {"000000001", "000000002"}


def test_web_process_looks_at_the_worklists_for_a_small_part_of_its_time(post, monkeypatch):
    monkeypatch.setattr(sweep.look_throttle, "seconds", 60)
    monkeypatch.setattr(sweep, "WEB_SLICE_SECONDS", 60)  # a busy machine may need long for one purchase
    for number, in_web in enumerate((True, False), 1):
        post("order", sample("order", increment_id=f"00000000{number}"))
        sweep.look_throttle.reset()
        assert sweep.update_due(in_web=in_web)
        assert sweep.look_throttle.is_due() is not in_web
