"""What a pull finds missing is on the worklists, with an event, and leaves them when it comes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import AskedNumber, Event, Order, Pull, WorklistRow
from stockhub_webhooks.office.worklists import rows, sweep
from stockhub_webhooks.signals import deadline_passed
from stockhub_webhooks.testing import life, payload, play, run_pending
from tests.operations.reconcile.conftest import RECENT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _default_days(magento, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"DEADLINE_DAYS": {}}


def walk():
    while sweep.update_due(ignore_pauses=True):
        pass


def listed():
    return {(row.rule, row.number) for row in rows.open_rows()}


def without(story, *topics_left_out):
    return [step for step in story if step.topic not in topics_left_out]


def test_gaps_are_rows_and_events(magento, reconcile, hear):
    heard = hear(deadline_passed)
    walk()  # receivers hear of what is old only after the first look at everything
    story = life("happy", seed=3)
    magento.play(story)
    play(without(story, topics.SHIPMENT, topics.INVOICE))
    reconcile("--order", story.increment_id)
    waiting = WorklistRow.objects.filter(rule__startswith="missing_", number=story.increment_id)
    assert {row.rule for row in waiting} == {"missing_shipment", "missing_invoice"}
    walk()
    run_pending()
    found = {(rule, number) for rule, number in listed() if rule.startswith("missing_")}
    assert found == {("missing_shipment", story.increment_id), ("missing_invoice", story.increment_id)}
    told = {call["rule"] for call in heard if call["rule"].startswith("missing_")}
    assert told == {"missing_shipment", "missing_invoice"}
    assert Event.objects.filter(type="deadline.passed", order__increment_id=story.increment_id).count() == len(listed())
    play([step for step in story if step.topic in (topics.SHIPMENT, topics.INVOICE)])
    walk()
    assert not [rule for rule, _number in listed() if rule.startswith("missing_")]


def test_a_rule_of_a_pull_takes_the_place_of_its_counterpart(magento, reconcile):
    story = life("happy", seed=3)
    magento.play(story)
    play(without(story, topics.SHIPMENT))
    walk()
    assert listed() == {("complete_without_shipment", story.increment_id)}
    reconcile("--order", story.increment_id)
    walk()
    assert listed() == {("missing_shipment", story.increment_id)}
    magento.orders[story.increment_id]["is_shipped"] = False
    reconcile("--order", story.increment_id)
    walk()
    assert listed() == set()


def test_an_order_that_stock_hub_does_not_know_is_judged_as_before(magento, reconcile):
    story = life("happy", seed=3)
    play(without(story, topics.SHIPMENT))
    reconcile("--order", story.increment_id)
    walk()
    assert listed() == {("complete_without_shipment", story.increment_id)}


def test_numbers_that_stock_hub_never_mentioned_come_and_go(magento, reconcile, hear):
    heard = hear(deadline_passed)
    RECENT[:] = ["SHOP-1", "SHOP-2"]
    reconcile()
    assert set(WorklistRow.objects.values_list("rule", "number", "status")) == {
        ("never_mentioned", "SHOP-1", "waiting"),
        ("never_mentioned", "SHOP-2", "waiting"),
    }
    AskedNumber.objects.update(first_asked_at=timezone.now() - timedelta(days=3))
    reconcile()
    walk()
    run_pending()
    assert listed() == {("never_mentioned", "SHOP-1"), ("never_mentioned", "SHOP-2")}
    assert sorted(call["event"].po_number for call in heard) == ["SHOP-1", "SHOP-2"]
    magento.learn(topics.ORDER, payload(topics.ORDER) | {"po_number": "SHOP-1"})
    reconcile()
    assert ("never_mentioned", "SHOP-1") not in listed()
    assert ("never_mentioned", "SHOP-2") in listed()


def test_a_number_leaves_the_list_with_the_message_about_its_order(magento, reconcile):
    RECENT[:] = ["SHOP-1"]
    reconcile()
    AskedNumber.objects.update(first_asked_at=timezone.now() - timedelta(days=3))
    reconcile()
    walk()
    assert listed() == {("never_mentioned", "SHOP-1")}
    play([(topics.ORDER, payload(topics.ORDER) | {"po_number": "SHOP-1"}, timezone.now())])
    walk()
    assert ("never_mentioned", "SHOP-1") not in listed()
    reconcile("--po", "SHOP-2")  # another run, which does not ask for it
    walk()
    assert ("never_mentioned", "SHOP-1") not in listed()


def test_a_dry_run_lists_nothing(magento, reconcile):
    story = life("happy", seed=3)
    magento.play(story)
    play(without(story, topics.SHIPMENT))
    RECENT[:] = ["SHOP-1"]
    reconcile("--dry-run")
    assert not WorklistRow.objects.exists()


def test_a_fault_of_a_rule_stops_no_pull(magento, reconcile, monkeypatch):
    def fail(case):
        raise RuntimeError("a rule is wrong")

    story = life("happy", seed=3)
    magento.play(story)
    play(without(story, topics.SHIPMENT))
    monkeypatch.setattr(rows, "FAMILIES", (fail,))
    reconcile("--order", story.increment_id)
    assert Pull.objects.get().status == "done"
    assert not WorklistRow.objects.exists()
    assert Order.objects.get().rest_answer.is_shipped


def test_a_pull_before_the_first_look_calls_no_receiver_for_what_is_old(magento, reconcile, hear):
    heard = hear(deadline_passed)
    story = life("happy", seed=3)
    magento.play(story)
    play(without(story, topics.SHIPMENT))
    at = timezone.now() - timedelta(days=400)
    Order.objects.update(created_at=at, updated_at=at, received_at=at)
    magento.orders[story.increment_id] |= {"created_at": "2020-01-01 10:00:00", "updated_at": "2020-01-01 10:00:00"}
    reconcile("--order", story.increment_id)
    walk()
    run_pending()
    assert ("missing_shipment", story.increment_id) in listed()
    assert not [call for call in heard if call["rule"] == "missing_shipment"]
