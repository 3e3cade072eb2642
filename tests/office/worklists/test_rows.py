"""Test the rows of the worklists: they follow the documents, and a person may dismiss one until something changes."""

import pytest

from stockhub_webhooks.models import Order, OrderItem, WorklistRow
from stockhub_webhooks.office.worklists import deadlines, rows
from stockhub_webhooks.office.worklists.rules import RULES, unknown
from stockhub_webhooks.testing.factories import OrderAnswerFactory
from tests.office.worklists.planted import Shop

pytestmark = pytest.mark.django_db

Status = WorklistRow.Status


def look(order):
    rows.update([order.pk])
    deadlines.open_due()


def status_of(rule="not_sent"):
    return WorklistRow.objects.get(rule=rule).status


def test_a_row_ends_with_its_condition():
    shop = Shop()
    order = shop.order(days=4)
    look(order)
    assert status_of() == Status.OPEN
    shop.shipment(order)
    look(order)
    assert status_of() == Status.ENDED


def test_a_row_that_never_was_on_the_list_goes_with_its_condition():
    shop = Shop()
    order = shop.order(days=1)
    look(order)
    assert status_of() == Status.WAITING
    shop.shipment(order)
    look(order)
    assert not WorklistRow.objects.filter(rule="not_sent").exists()


def test_a_dismissed_row_stays_away_until_something_changes():
    shop = Shop()
    order = shop.order(days=4, quantity=3)
    look(order)
    assert rows.dismiss([WorklistRow.objects.get().pk], by="desk", reason="agreed by telephone") == 1
    look(order)
    row = WorklistRow.objects.get()
    assert (row.status, row.dismissed_by, row.dismissed_reason) == (Status.DISMISSED, "desk", "agreed by telephone")
    assert not rows.open_rows()
    shop.shipment(order, quantity=1)
    look(order)
    assert WorklistRow.objects.get(rule="not_sent").status == Status.OPEN


def test_only_what_is_on_the_list_can_be_dismissed():
    order = Shop().order(days=1)
    look(order)
    assert rows.dismiss([WorklistRow.objects.get().pk], by="desk", reason="why not") == 0
    assert status_of() == Status.WAITING


def test_a_change_that_was_read_before_a_dismissal_does_not_undo_it(monkeypatch):
    shop = Shop()
    order = shop.order(days=4, quantity=3)
    look(order)
    stored = rows._write

    def write(wanted, existing, is_first_run):
        rows.dismiss([row.pk for row in existing.values()], by="desk", reason="meanwhile")
        stored(wanted, existing, is_first_run)

    monkeypatch.setattr(rows, "_write", write)
    OrderItem.objects.filter(order=order).update(qty_ordered=4)
    rows.update([order.pk])
    assert status_of() == Status.DISMISSED


def test_a_later_sign_does_not_move_the_beginning():
    shop = Shop()
    order = shop.order("complete", days=10)
    look(order)
    Order.objects.filter(pk=order.pk).update(updated_at=shop.ago(1), received_at=shop.ago(1))
    look(order)
    assert WorklistRow.objects.get().since == order.updated_at


def test_a_document_that_got_another_order_keeps_its_row():
    shop = Shop()
    first, second = shop.order("complete"), Shop().order("complete")
    shipment = shop.shipment(first, delivered=False)
    look(first)
    shipment.order, shipment.po_number = second, second.po_number
    shipment.save()
    look(second)
    look(first)
    row = WorklistRow.objects.get(rule="silent_in_transit")
    assert (row.order, row.status) == (second, Status.OPEN)


def test_a_rule_of_a_pull_stands_for_its_counterpart():
    shop = Shop()
    order = shop.order("complete")
    look(order)
    assert [row.rule for row in rows.open_rows()] == ["complete_without_shipment"]
    OrderAnswerFactory(order=order, is_invoiced=False, shipped_since=shop.ago(5))
    look(order)
    (row,) = rows.open_rows()
    assert (row.rule, row.since, row.detail[0]["known"]) == ("missing_shipment", shop.ago(5), 0)


def test_a_pull_that_says_all_is_well_ends_the_guess():
    order = Shop().order("complete")
    look(order)
    OrderAnswerFactory(order=order, is_shipped=False, is_invoiced=False)
    look(order)
    assert not rows.open_rows()


def test_unknown_rules_are_named():
    assert unknown(["not_sent", "not_send"]) == ["not_send"]
    assert not unknown(RULES)
