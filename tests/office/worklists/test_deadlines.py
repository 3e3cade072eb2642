"""Test that a deadline that passes is an event, once for each `since`, with the guarantees of every event."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.models import Event, Message, Order, ReceiverCall, WorklistRow
from stockhub_webhooks.office.worklists import deadlines, rows, sweep
from stockhub_webhooks.signals import deadline_passed, event_recorded
from stockhub_webhooks.testing import factories as make
from tests.office.worklists.planted import Shop

pytestmark = pytest.mark.django_db


def walk(**options):
    while sweep.update_due(ignore_pauses=True, **options):
        pass


def deadline_events():
    return Event.objects.filter(type="deadline.passed").order_by("pk")


def with_days(settings, **days):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"DEADLINE_DAYS": days}


def test_a_receiver_gets_the_document_the_rule_and_its_start(stockhub):
    heard = stockhub.heard(deadline_passed)
    order = Shop().order(days=4)
    walk()
    stockhub.run_pending()
    (call,) = heard
    assert (call.document, call.order, call.rule, call.since) == (order, order, "not_sent", order.created_at)
    assert (call.event.message_id, call.event.received_at, call.event.api_version) == (None, order.created_at, "")
    assert (call.event.po_number, call.event.type) == (order.po_number, "deadline.passed")


def test_event_recorded_is_sent_for_it_too(stockhub):
    heard = stockhub.heard(event_recorded)
    Shop().order(days=4)
    walk()
    stockhub.run_pending()
    assert [call.event.type for call in heard] == ["deadline.passed"]


def test_the_key_of_the_event_is_the_same_after_its_rows_were_written_anew(stockhub):
    heard = stockhub.heard(deadline_passed)
    Shop().order(days=4)
    for _time in range(2):
        walk()
        stockhub.run_pending()
        Event.objects.all().delete()
        WorklistRow.objects.all().delete()
        sweep.WorklistProgress.objects.all().delete()
    first, second = (call.event for call in heard)
    assert first.idempotency_key == second.idempotency_key
    assert first.id != second.id


def test_it_is_recorded_once_however_often_anyone_looks():
    Shop().order(days=4)
    for _time in range(3):
        walk()
        deadlines.open_due()
    assert deadline_events().count() == 1


def test_it_is_not_recorded_before_its_time():
    Shop().order(days=2.9)
    walk()
    assert not deadline_events()
    assert WorklistRow.objects.get().status == WorklistRow.Status.WAITING


def test_it_is_not_recorded_if_the_purchase_went_on_meanwhile():
    shop = Shop()
    order = shop.order(days=2.9)
    walk()
    WorklistRow.objects.update(since=timezone.now() - timedelta(days=4))
    shop.shipment(order)  # by a message that no look has seen yet
    deadlines.open_due()
    assert not deadline_events()


def test_shorter_and_longer_days_record_nothing_twice(settings):
    Shop().order(days=4)
    for days in (3, 1, 30, 3, None, 2):
        with_days(settings, not_sent=days)
        walk()
        is_listed = days is not None and days < 4
        assert rows.open_rows().exists() is is_listed
    assert deadline_events().count() == 1


def test_a_rule_that_is_off_is_silent(settings, stockhub):
    heard = stockhub.heard(deadline_passed)
    with_days(settings, not_sent=None)
    Shop().order(days=4)
    walk()
    assert stockhub.run_pending() == []
    assert not heard
    assert not rows.open_rows()


def test_a_new_beginning_is_a_new_event():
    shop = Shop()
    order = shop.order("complete")
    shipment = shop.shipment(order, days=6, delivered=False)
    walk()
    shipment.updated_at = shipment.received_at = timezone.now() - timedelta(days=5, hours=1)
    shipment.save()
    rows.update([order.pk])
    walk()
    events = deadline_events().filter(increment_id=shipment.increment_id)
    assert [event.received_at for event in events] == [shipment.created_at, shipment.updated_at]


def test_what_ends_and_begins_again_as_before_is_no_new_event():
    order = Shop().order(days=4)
    walk()
    for status in ("canceled", "processing"):
        Order.objects.filter(pk=order.pk).update(status=status)
        rows.update([order.pk])
        walk()
    assert rows.open_rows().count() == 1
    assert deadline_events().count() == 1


def test_it_is_recorded_once_although_the_former_event_was_pruned():
    Shop().order(days=4)
    walk()
    deadline_events().delete()
    rows.update(Order.objects.values_list("pk", flat=True))
    walk()
    assert not deadline_events()


def test_deleting_messages_leaves_it_and_its_calls(stockhub):
    stockhub.heard(deadline_passed)
    order = Shop().order(days=4)
    make.EventFactory(order=order)
    walk()
    Message.objects.all().delete()
    assert ReceiverCall.objects.filter(event__type="deadline.passed").count() == 1


def test_of_two_that_open_a_row_at_once_one_records_it():
    Shop().order(days=4)
    rows.update(Order.objects.values_list("pk", flat=True))
    first, second = WorklistRow.objects.get(), WorklistRow.objects.get()
    assert [deadlines._open(first), deadlines._open(second)] == [True, False]
    assert deadline_events().count() == 1


def test_the_row_stays_due_if_its_event_cannot_be_recorded(monkeypatch):
    Shop().order(days=4)
    rows.update(Order.objects.values_list("pk", flat=True))

    def fail(events):
        raise RuntimeError("out of order")

    monkeypatch.setattr(ledger, "record", fail)
    deadlines.open_due()
    assert WorklistRow.objects.get().status == WorklistRow.Status.WAITING
    monkeypatch.undo()
    deadlines.open_due()
    assert deadline_events().count() == 1


def test_at_the_first_run_receivers_are_called_for_the_last_thirty_days_only(stockhub):
    heard = stockhub.heard(deadline_passed)
    Shop().order(days=400)
    recent = Shop().order(days=29)
    walk()
    stockhub.run_pending()
    assert [call.document for call in heard] == [recent]
    assert deadline_events().count() == rows.open_rows().count() == 2


def test_receivers_are_called_for_a_new_start_of_what_was_old_at_the_first_run(stockhub):
    heard = stockhub.heard(deadline_passed)
    shop = Shop(days=60)
    shipment = shop.shipment(shop.order("complete"), days=50, delivered=False)
    walk()
    stockhub.run_pending()
    assert not heard
    shipment.updated_at = shipment.received_at = timezone.now() - timedelta(days=6)
    shipment.save()
    for _number in range(2):
        rows.update([shipment.order.pk])
        walk()
        stockhub.run_pending()
    assert [(call.document, call.since) for call in heard] == [(shipment, shipment.updated_at)]


def test_after_the_first_run_receivers_are_called_for_old_rows_too(stockhub, settings):
    heard = stockhub.heard(deadline_passed)
    walk()
    with_days(settings, not_sent=45)
    order = Shop().order(days=46)
    make.EventFactory(order=order)
    walk()
    stockhub.run_pending()
    assert [call.document for call in heard] == [order]


def test_a_number_that_stock_hub_never_mentioned_has_no_document(stockhub):
    heard = stockhub.heard(deadline_passed)
    since = timezone.now() - timedelta(days=3)
    rows.update_numbers("default", {"WEB-9": since})
    walk()
    stockhub.run_pending()
    (call,) = heard
    assert (call.document, call.order, call.rule, call.event.po_number) == (None, None, "never_mentioned", "WEB-9")
    rows.update_numbers("default", {})
    assert not rows.open_rows()


def test_a_receiver_may_fail_and_is_called_again(stockhub):
    calls = []

    def failing(sender, *, rule, **kwargs):
        calls.append(rule)
        if len(calls) == 1:
            raise RuntimeError("the desk is closed")

    deadline_passed.connect(failing, dispatch_uid="test.failing")
    Shop().order(days=4)
    walk()
    stockhub.run_pending(raise_errors=False)
    stockhub.run_pending()
    assert calls == ["not_sent", "not_sent"]


def test_the_kit_passes_deadlines(stockhub):
    heard = stockhub.heard(deadline_passed)
    old, late = Shop().order(days=400), Shop().order(days=4)
    Shop().sent()
    assert [row.order for row in stockhub.pass_deadlines()] == [old, late]
    stockhub.run_pending()
    assert {call.document for call in heard} == {old, late}
