"""An order whose row another transaction holds: the others go on, its messages are applied after the release."""

import logging
import threading
import time
from contextlib import contextmanager

import pytest
from django.db import connection, connections, transaction
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.db import connections as connections_module
from stockhub_webhooks.db import row_locks
from stockhub_webhooks.exceptions import ORDER_LOCKED
from stockhub_webhooks.models import Event, Message, Order, ReceiverCall, Replay, Shipment
from stockhub_webhooks.operations import worker
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.operations.replay import run
from stockhub_webhooks.operations.replay.choice import MessageChoice
from stockhub_webhooks.processing import due_deliveries
from tests.conftest import KEY
from tests.samples import sample

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.mariadb]
BY_WORKER = {"API_KEYS": KEY, "RUNNER": "worker"}
LOCKED_NUMBER = "000000777"


@pytest.fixture(autouse=True)
def _no_locks_are_remembered(monkeypatch):
    monkeypatch.setattr(row_locks, "LOCKED", locked := row_locks.LockedRows())
    monkeypatch.setattr(run, "LOCKED", locked)
    monkeypatch.setattr(row_locks, "MIN_PAUSE_SECONDS", 0.0)


@contextmanager
def in_other_transaction(work):
    """Do some work on another connection, in a transaction that stays open for as long as the block."""
    is_held, release = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic():
                work()
                is_held.set()
                release.wait(60)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert is_held.wait(10)
        yield
    finally:
        release.set()
        thread.join(20)


def lock_order(number=LOCKED_NUMBER):
    return in_other_transaction(lambda: Order.objects.select_for_update().get(increment_id=number))


def order(number, **changes):
    return sample("order", increment_id=number, entity_id=int(number), **changes)


def lock_all_orders():
    return in_other_transaction(lambda: list(Order.objects.select_for_update()))


def make_due():
    Message.objects.filter(due_at__isnull=False).update(due_at="2020-01-01T00:00:00Z")


def test_locked_order_does_not_stop_the_others(post, hear, caplog, monkeypatch):
    monkeypatch.setattr(row_locks, "MIN_PAUSE_SECONDS", 30.0)
    heard = hear(signals.order_created)
    with override_settings(STOCKHUB_WEBHOOKS=BY_WORKER):
        post("order", order(LOCKED_NUMBER))
        worker.drain()
        heard.clear()
        of_the_order = []
        for number in range(1, 101):
            post("order", order(f"{number:09d}"))
            if number % 20 == 0:
                later = f"2030-01-01 10:00:{number % 60:02d}"
                answer = post("order", order(LOCKED_NUMBER, status=f"status {number}", updated_at=later))
                of_the_order.append(answer.json()["message"])
        with lock_order(), caplog.at_level(logging.WARNING):
            worker.drain()
            assert len(heard) == 100
            waiting = Message.objects.filter(status="received")
            assert list(waiting.values_list("attempts", "cause", "claim")) == [(0, ORDER_LOCKED, None)] * 5
            assert sorted(waiting.values_list("pk", flat=True)) == of_the_order
            reports = [record.getMessage() for record in caplog.records if LOCKED_NUMBER in record.getMessage()]
            assert reports
            if connection.vendor == "postgresql":
                assert all("pid " in report for report in reports)
                assert "pid " in waiting.first().error
        make_due()
        worker.drain()
    assert set(Message.objects.values_list("status", "cause", "attempts")) == {("applied", "", 1)}
    assert not ReceiverCall.objects.exclude(status="done").exists()
    assert row_locks.LOCKED.paused(Order, "account") == []


def test_messages_of_one_claim_are_put_off_together(post, monkeypatch):
    monkeypatch.setattr(row_locks, "MIN_PAUSE_SECONDS", 30.0)
    with override_settings(STOCKHUB_WEBHOOKS=BY_WORKER):
        post("order", order(LOCKED_NUMBER))
        worker.drain()
        for minute in range(5):
            post("order", order(LOCKED_NUMBER, status=f"new {minute}"))
        with lock_order():
            worker.drain()
            times = set(Message.objects.filter(status="received").values_list("due_at", flat=True))
    assert len(times) == 1


def test_only_a_few_locked_orders_are_waited_for(post, monkeypatch):
    waits = []
    short_wait = row_locks._short_wait
    monkeypatch.setattr(row_locks, "_short_wait", lambda connection: waits.append(1) or short_wait(connection))
    monkeypatch.setattr(row_locks, "MIN_PAUSE_SECONDS", 30.0)
    with override_settings(STOCKHUB_WEBHOOKS=BY_WORKER):
        for _ in range(2):
            for number in range(1, 31):
                post("order", order(f"{number:09d}"))
            with lock_all_orders() if Order.objects.exists() else in_other_transaction(list):
                worker.drain()
    assert Message.objects.filter(status="received", cause=ORDER_LOCKED).count() == 30
    assert 0 < len(waits) <= row_locks.MAX_WAITED_FOR


def test_request_for_a_locked_order_is_answered_and_applied_later(post):
    post("order", order(LOCKED_NUMBER))
    with lock_order():
        for status in ("first", "second"):
            answer = post("order", order(LOCKED_NUMBER, status=status, updated_at="2030-01-01 10:00:00"))
            assert answer.status_code == 202
        assert list(Message.objects.filter(status="received").values_list("attempts", "cause")) == [
            (0, ORDER_LOCKED),
            (0, ORDER_LOCKED),
        ]
        Message.objects.filter(status="received").update(received_at="2024-01-01T00:00:00Z")
        found = {problem.code: problem.text for problem in find_problems(collect_report())}["order_locked"]
        assert f"Order {LOCKED_NUMBER}" in found
        assert ("pid " in found) == (connection.vendor == "postgresql")
    make_due()
    worker.drain()
    assert not Message.objects.exclude(status="applied").exists()


def test_lock_of_a_moment_is_waited_for(post, monkeypatch):
    """Two processes that apply messages of one order at once must not put them off."""
    post("order", order(LOCKED_NUMBER))
    holding = lock_order()
    holding.__enter__()
    short_wait = row_locks._short_wait

    def release_first(connection):
        holding.__exit__(None, None, None)
        return short_wait(connection)

    monkeypatch.setattr(row_locks, "_short_wait", release_first)
    assert post("order", order(LOCKED_NUMBER, status="new", updated_at="2030-01-01 10:00:00")).status_code == 200


def test_deadlock_of_two_orders_is_no_failed_attempt(post, monkeypatch):
    """A document that two messages name under different orders: each holds its own order and waits for the other."""
    for number in (LOCKED_NUMBER, "000000778"):
        post("order", order(number))
    post("shipment", sample("shipment", order_increment_id=LOCKED_NUMBER, updated_at="2024-06-01 10:00:00"))
    monkeypatch.setattr(connections_module, "should_retry", lambda attempt, _began: attempt < 2)
    monkeypatch.setattr(row_locks, "WAIT_SECONDS", 5.0)  # more than PostgreSQL's deadlock_timeout
    holds, waits, short_wait = threading.Event(), threading.Event(), row_locks._short_wait

    def lock_both():
        with transaction.atomic():
            # MariaDB ends the transaction that has changed fewer rows
            Order.objects.bulk_create(Order(account="other", increment_id=str(number)) for number in range(50))
            Order.objects.filter(increment_id=LOCKED_NUMBER).update(status="held")
            holds.set()
            waits.wait(20)
            time.sleep(0.3)  # PostgreSQL ends the one that has waited longest
            Order.objects.filter(increment_id="000000778").update(status="held")
        connections.close_all()

    def note_wait(connection):
        waits.set()
        return short_wait(connection)

    monkeypatch.setattr(row_locks, "_short_wait", note_wait)
    other = threading.Thread(target=lock_both)
    other.start()
    assert holds.wait(20)
    answer = post("shipment", sample("shipment", order_increment_id="000000778", updated_at="2024-06-01 11:00:00"))
    other.join(20)
    assert answer.status_code == 200
    assert set(Message.objects.values_list("status", "attempts")) == {("applied", 1)}
    assert set(Order.objects.exclude(account="other").values_list("status", flat=True)) == {"held"}
    assert Shipment.objects.get().order.increment_id == "000000778"


def test_row_with_a_foreign_key_to_the_order_delays_no_message_on_postgresql(post):
    post("order", order(LOCKED_NUMBER))
    stored = Order.objects.get()

    def insert_child():
        Shipment.objects.create(account="default", increment_id="1", order=stored)

    with in_other_transaction(insert_child):
        answer = post("order", order(LOCKED_NUMBER, status="new", updated_at="2030-01-01 10:00:00"))
        assert answer.status_code == (200 if connection.vendor == "postgresql" else 202)
    make_due()
    worker.drain()
    assert not Message.objects.exclude(status="applied").exists()


def test_stub_is_filled_while_a_row_refers_to_it(post):
    post("shipment", sample("shipment", order_increment_id=LOCKED_NUMBER))
    stub = Order.objects.get()
    with in_other_transaction(lambda: Shipment.objects.create(account="default", increment_id="1", order=stub)):
        answer = post("order", order(LOCKED_NUMBER))
        assert answer.status_code == (200 if connection.vendor == "postgresql" else 202)
    make_due()
    worker.drain()
    assert not Order.objects.get().is_stub


def test_delivery_of_a_locked_order_does_not_hide_others(post, monkeypatch):
    monkeypatch.setattr(due_deliveries, "BATCH", 1)
    monkeypatch.setattr(row_locks, "MIN_PAUSE_SECONDS", 30.0)
    for number in (LOCKED_NUMBER, "000000778"):
        post("order", order(number))
        ahead = {"delivered_at": "2999-01-01 00:00:00", "status": "IN_TRANSIT"}
        post("shipment", sample("shipment", increment_id=number, order_increment_id=number, **ahead))
    Shipment.objects.update(delivered_at="2024-06-01T10:00Z", due_at="2024-06-01T10:00Z")
    delivered = Event.objects.filter(type="shipment.delivered")
    with lock_order():
        assert (due_deliveries.record_due(), due_deliveries.record_due()) == (0, 1)
        assert [event.increment_id for event in delivered] == ["000000778"]
    row_locks.LOCKED.discard((Order, ("id",), (Order.objects.get(increment_id=LOCKED_NUMBER).pk,)))
    assert due_deliveries.record_due() == 1


def test_replay_waits_for_a_locked_order_without_an_attempt(post):
    post("order", order(LOCKED_NUMBER))
    replay = run.begin(MessageChoice(), who="office", reason="test")
    with lock_order():
        for _ in range(3):
            Replay.objects.update(due_at="2020-01-01T00:00:00Z")
            run.continue_due()
            replay.refresh_from_db()
            assert (replay.status, replay.attempts, replay.failed) == ("open", 0, 0)
    Replay.objects.update(due_at="2020-01-01T00:00:00Z")
    run.continue_due()
    replay.refresh_from_db()
    assert (replay.status, replay.failed) == ("done", 0)
