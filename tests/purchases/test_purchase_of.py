"""A purchase is cancelled only if nothing of it continues, in whatever number of orders it is."""

import pytest

from stockhub_webhooks.exceptions import MultipleAccounts
from stockhub_webhooks.purchases import purchase_of
from stockhub_webhooks.testing.factories import OrderFactory, ShipmentFactory

pytestmark = pytest.mark.django_db
NUMBER = "SHOP-1"


def order(increment_id, status="canceled", **values):
    return OrderFactory(increment_id=increment_id, po_number=NUMBER, status=status, **values)


def shipment(of, **values):
    values = {"po_number": NUMBER, "collected_at": None, "delivered_at": None, "status": "IN_TRANSIT"} | values
    return ShipmentFactory(order=of, **values)


def test_a_purchase_is_all_orders_of_an_account_with_one_number():
    order("000000123", created_at=None)
    order("000000123-1", account="other")
    order("000000124")
    found = purchase_of(NUMBER, "default")
    assert (found.po_number, found.account) == (NUMBER, "default")
    assert [found.increment_id for found in found.orders] == ["000000124", "000000123"]
    assert purchase_of("SHOP-2") is None
    assert purchase_of(f" {NUMBER}\n", "default") == found


@pytest.mark.parametrize("nothing", ["", None])
def test_orders_without_a_number_are_no_purchase(nothing):
    OrderFactory(po_number=nothing)
    assert purchase_of(nothing) is None


def test_a_number_of_two_accounts_needs_the_account():
    order("000000123")
    order("000000124", account="other")
    with pytest.raises(MultipleAccounts, match="'default', 'other'"):
        purchase_of(NUMBER)
    assert purchase_of(NUMBER, "other").account == "other"


def test_orders_of_a_rehearsal_count_only_if_they_are_named():
    order("000000123", account="test")
    assert purchase_of(NUMBER) is None
    assert purchase_of(NUMBER, "test").is_cancelled
    order("000000123", "processing")
    assert not purchase_of(NUMBER).is_cancelled


@pytest.mark.parametrize("status", ["processing", "complete", "closed", None, "a status of tomorrow"])
def test_an_edited_order_is_not_cancelled(status):
    order("000000123")
    assert purchase_of(NUMBER).is_cancelled
    order("000000123-1", status)
    assert not purchase_of(NUMBER).is_cancelled


def test_an_order_that_is_known_from_its_shipment_only_is_not_cancelled():
    order("000000123")
    order("000000123-1", None, received_at=None)
    assert not purchase_of(NUMBER).is_cancelled


def test_all_orders_cancelled_is_a_cancelled_purchase():
    order("000000123")
    order("000000123-1", "Canceled")
    assert purchase_of(NUMBER).is_cancelled


@pytest.mark.parametrize(
    "left",
    [{}, {"status": "EXCEPTION"}, {"status": "delivered"}, {"status": "UNKNOWN", "collected_at": "2026-03-01T12:00Z"}],
)
def test_a_purchase_of_which_something_was_sent_is_not_cancelled(left):
    cancelled = order("000000123")
    ready = shipment(cancelled, status="READY_FOR_PICKUP")
    assert purchase_of(NUMBER).is_cancelled
    shipment(cancelled, **{"po_number": None} | left)
    assert not purchase_of(NUMBER).is_cancelled
    assert not ready.has_left


def test_a_shipment_with_the_number_of_another_purchase_does_not_count():
    shipment(order("000000123"), po_number="SHOP-2")
    assert purchase_of(NUMBER).is_cancelled


def test_a_shipment_with_our_number_counts_whatever_order_it_is_of():
    order("000000123")
    shipment(OrderFactory(po_number="SHOP-2"))
    assert not purchase_of(NUMBER).is_cancelled
