"""Test when the worklists are brought up to date: soon after a message, and later whatever was missed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stockhub_webhooks.models import Event, HostLink, Order, WorklistProgress, WorklistRow
from stockhub_webhooks.office.worklists import loading, rows, sweep
from stockhub_webhooks.operations import worker
from stockhub_webhooks.testing import factories as make
from tests.office.worklists.planted import Shop

pytestmark = pytest.mark.django_db

A_MINUTE_AGO = timedelta(minutes=1, seconds=5)


def walk():
    while sweep.update_due(ignore_pauses=True):
        pass


def test_an_order_is_looked_at_after_its_message(stockhub):
    walk()
    stockhub.deliver("order", status="complete", increment_id="000000077", created_at="2026-01-01T10:00:00+00:00")
    sweep.look_throttle.reset()  # a second later
    worker.drain()
    assert WorklistRow.objects.filter(number="000000077", rule="complete_without_shipment").exists()


def test_what_a_killed_process_left_is_found_by_the_next_look():
    walk()
    order = Shop().order(days=4)
    make.EventFactory(order=order)  # its process died before it looked
    walk()
    assert [row.order for row in rows.open_rows()] == [order]


def test_an_event_that_is_committed_after_a_later_one_is_not_passed_over():
    walk()
    early, late = Shop().order(days=4), Shop().order(days=4)
    first = make.EventFactory(order=early)
    pk = first.pk
    first.delete()
    make.EventFactory(order=late)
    walk()
    make.EventFactory(order=early, pk=pk)  # its transaction took longer
    walk()
    assert [row.order for row in rows.open_rows()] == [late]
    WorklistProgress.objects.filter(name="events").update(horizon_at=timezone.now() - A_MINUTE_AGO)
    walk()
    assert {row.order for row in rows.open_rows()} == {early, late}


def test_all_documents_are_looked_at_once_at_first_and_again_after_a_week():
    order = Shop().order(days=4)
    walk()
    assert [row.order for row in rows.open_rows()] == [order]
    other = Shop().order(days=4)  # written by hand: no event
    walk()
    assert rows.open_rows().count() == 1
    WorklistProgress.objects.update(finished_at=timezone.now() - timedelta(days=8))
    walk()
    assert {row.order for row in rows.open_rows()} == {order, other}


def test_new_rules_are_applied_to_all_documents(monkeypatch):
    walk()
    order = Shop().order(days=4)
    monkeypatch.setattr(sweep, "VERSION", sweep.VERSION + 1)
    walk()
    assert [row.order for row in rows.open_rows()] == [order]


def test_a_sweep_holds_no_more_orders_at_a_time_than_a_batch(monkeypatch):
    monkeypatch.setattr(loading, "BATCH", 5)
    monkeypatch.setattr(rows, "BATCH", 5)
    monkeypatch.setattr(sweep, "BATCH", 5)
    sizes = []
    load = rows.load

    def counted(orders, requests=()):
        cases = list(load(orders, requests))
        sizes.append(sum(len(case.purchase.orders) for case in cases))
        return cases

    monkeypatch.setattr(rows, "load", counted)
    for _number in range(23):
        Shop().order(days=4)
    walk()
    assert max(sizes) <= 5
    assert rows.open_rows().count() == 23


def test_a_sweep_goes_on_where_the_last_one_stopped():
    for _number in range(3):
        Shop().order(days=4)
    first = Order.objects.order_by("pk").first()
    walk()
    WorklistRow.objects.all().delete()
    WorklistProgress.objects.filter(name="order").update(finished_at=None, position=first.pk)
    walk()
    assert {row.order_id for row in rows.open_rows()} == set(
        Order.objects.exclude(pk=first.pk).values_list("pk", flat=True)
    )


def test_while_one_process_looks_another_one_leaves_it(monkeypatch):
    Shop().order(days=4)
    walked = []
    run = sweep.Walk.run

    def run_and_look_again(self, with_time):
        walked.append(sweep.update_due(ignore_pauses=True))
        return run(self, with_time)

    monkeypatch.setattr(sweep.Walk, "run", run_and_look_again)
    sweep.update_due(ignore_pauses=True)
    assert walked == [0]
    assert rows.open_rows().count() == 1


def test_a_fault_in_a_rule_holds_up_no_other_work(monkeypatch, stockhub):
    def fail(case):
        raise RuntimeError("a rule is wrong")

    monkeypatch.setattr(rows, "FAMILIES", (fail,))
    stockhub.deliver("order")
    worker.drain()
    assert Event.objects.exists()


def test_an_order_leaves_the_list_when_it_is_found_in_our_shop(settings):
    resolver = {"HOST_ORDER_RESOLVER": "tests.office.worklists.test_rules.no_order"}
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | resolver
    walk()
    shop = Shop()
    order = shop.sent()
    make.HostLinkFactory(order=order, since=shop.ago(2))  # no message says so
    walk()
    assert [row.rule for row in rows.open_rows()] == ["not_in_shop"]
    HostLink.objects.update(status="found")
    walk()
    assert not rows.open_rows()


def test_a_look_without_news_does_not_write(django_assert_num_queries):
    walk()
    sweep.time_throttle.start()
    sweep.look_throttle.reset()
    with django_assert_num_queries(2):
        assert sweep.update_due() == 0
