"""`event.book` returns what is new, once; `event.once` runs a step once, though a later step fails."""

from collections import Counter

import pytest

from stockhub_webhooks import signals
from stockhub_webhooks.exceptions import BookingRefused, PermanentFailure, RetryLater
from stockhub_webhooks.models import BookedPurchase, Booking, FinishedStep, ReceiverCall
from stockhub_webhooks.testing import deliver, payload, run_pending
from tests.processes import Shop, scratch_database

pytestmark = pytest.mark.django_db
NUMBER = "SHOP-1"


@pytest.fixture
def booked(hear):
    """Connect a receiver that books what was sent; the list of what was new."""
    new = []

    def book(*, purchase, event, **kwargs):
        new.append(dict(event.book("sent", {line.key: line.sent for line in purchase.lines})))

    hear(signals.purchase_changed, book, uid="shop.book")
    return new


SHOP = """
import os, signal
import django; django.setup()
from stockhub_webhooks.models import ReceiverCall
from stockhub_webhooks.signals import order_created
from stockhub_webhooks.testing import deliver, payload, run_pending

def mail():
    with open(os.environ["MAILS"], "a") as file:
        file.write("mail\\n")

def receive(sender, *, event, **kwargs):
    event.once("mail", mail)
    if os.environ["END"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ["END"] == "fail":
        raise ValueError("later")

order_created.connect(receive, dispatch_uid="shop.mail")
"""
RECEIVE = SHOP + "deliver('order', payload('order'))"
WORK = (
    SHOP
    + """
ReceiverCall.objects.filter(receiver="shop.mail").update(due_at="2020-01-01T00:00Z")
run_pending(raise_errors=False)
"""
)


def order(number="000000001", po_number=NUMBER, quantity=3, size="L", **changes):
    item = payload("order")["items"][0] | {"sku": "A", "size": size, "qty_ordered": quantity}
    deliver("order", payload("order") | {"increment_id": number, "po_number": po_number, "items": [item]} | changes)


def shipment(number, pieces, order="000000001", po_number=NUMBER, size="L", **changes):
    item = payload("shipment")["items"][0] | {"sku": "A", "size": size, "qty": pieces}
    own = {"increment_id": number, "order_increment_id": order, "po_number": po_number, "items": [item]}
    deliver("shipment", payload("shipment") | own | changes)


def test_only_the_difference_is_new(booked):
    order()
    shipment("1", 1)
    shipment("2", 2)
    run_pending()
    shipment("2", 1, updated_at="2027-01-01 10:00:00")
    run_pending()
    # the state is of now: the first call after both shipments books them all
    assert booked == [{"A|L": 3}, {}, {}, {"A|L": -1}]
    assert list(Booking.objects.values_list("key", "line", "pieces")) == [("sent", "A|L", 2)]


def test_orders_of_one_purchase_are_booked_together(booked):
    shipment("1", 1)
    run_pending()
    shipment("2", 2, order="000000002")
    run_pending()
    assert booked == [{"A|L": 1}, {"A|L": 2}]
    assert [row.purchase for row in BookedPurchase.objects.all()] == [f"po_number:{NUMBER}"]


@pytest.mark.parametrize(("in_shipment", "in_order"), [(None, "L"), ("L", None)])
def test_line_whose_order_names_it_otherwise_is_booked_once(booked, in_shipment, in_order):
    shipment("1", 1, size=in_shipment)
    run_pending()
    order(size=in_order)
    run_pending()
    total = Counter()
    for new in booked:
        total.update(new)
    assert +total == {f"A|{in_order or ''}": 1}
    assert sum(Booking.objects.values_list("pieces", flat=True)) == 1


def test_each_receiver_and_key_has_bookings_of_its_own(booked, hear):
    other = []

    def book(*, event, **kwargs):
        other.append(event.book("a", {"x": 2}) + event.book("b", {"x": 3}))

    hear(signals.order_created, book, uid="shop.other")
    order()
    run_pending()
    assert other == [{"x": 5}]
    assert set(Booking.objects.values_list("booked_purchase__receiver", "key", "pieces")) == {
        ("shop.other", "a", 2),
        ("shop.other", "b", 3),
    }


def test_lines_that_are_not_named_stay(hear):
    new = []

    def book(*, event, **kwargs):
        new.append(event.book("sent", {"x": 1, "y": 2}))
        new.append(event.book("sent", {"y": 5}))
        new.append(event.book("sent", {"x": 1, "y": 5, "z": 0}))

    hear(signals.order_created, book)
    order()
    run_pending()
    assert new == [{"x": 1, "y": 2}, {"y": 3}, {}]
    assert new[2]["x"] == 0


def test_nothing_is_booked_if_the_receiver_fails(hear):
    new = []

    def book(*, event, **kwargs):
        new.append(event.book("sent", {"x": 1}))
        if len(new) == 1:
            raise ValueError("later")

    hear(signals.order_created, book)
    order()
    run_pending(raise_errors=False)
    assert not Booking.objects.exists()
    run_pending()
    assert new == [{"x": 1}, {"x": 1}]


def test_what_was_booked_for_an_order_goes_over_to_its_purchase(booked):
    other = order
    other("000000001", po_number=None)
    shipment("1", 1, po_number=None)
    shipment("2", 1, order="000000002", po_number=NUMBER)
    run_pending()
    assert set(BookedPurchase.objects.values_list("purchase", flat=True)) == {"order:000000001", f"po_number:{NUMBER}"}
    booked.clear()
    other("000000001", updated_at="2027-01-01T10:00:00+00:00")
    shipment("3", 2)
    run_pending()
    assert [new for new in booked if new] == [{"A|L": 2}]
    assert list(Booking.objects.values_list("booked_purchase__purchase", "pieces")) == [(f"po_number:{NUMBER}", 4)]


def test_booking_needs_an_order(hear):
    hear(signals.payment_requested, lambda event, **kwargs: event.book("sent", {"x": 1}))
    body = payload("order-payment-request") | {"order_increment_id": None, "payment": None}
    deliver("order-payment-request", body)
    with pytest.raises(BookingRefused, match="names neither an order nor a number"):
        run_pending()


def test_booking_needs_the_shop_s_own_database(hear, monkeypatch):
    hear(signals.order_created, lambda event, **kwargs: event.book("sent", {"x": 1}))
    order()
    monkeypatch.setattr("stockhub_webhooks.delivery.bookings.database_alias", lambda: "elsewhere")
    with pytest.raises(BookingRefused, match="'elsewhere'"):
        run_pending()


# ---------------------------------------------------------------- once


@pytest.fixture
def mails(hear):
    """Connect a receiver that mails once, and then raises what a test puts into `errors`; both lists."""
    sent, errors = [], []

    def mail(*, event, **kwargs):
        event.once("mail", lambda: sent.append(event.id))
        if errors:
            raise errors.pop(0)

    hear(signals.order_created, mail, uid="shop.mail")
    return sent, errors


@pytest.mark.parametrize(
    "error", [ValueError("no printer"), RetryLater(60, "not yet"), PermanentFailure("never"), SystemExit(1)]
)
def test_step_runs_once_though_a_later_step_fails(mails, error):
    sent, errors = mails
    errors += [error, ValueError("again")]
    order()
    run_pending(raise_errors=False)
    assert FinishedStep.objects.count() == 1
    ReceiverCall.objects.filter(status="given_up").update(status="pending", due_at="2020-01-01T00:00Z")
    run_pending(raise_errors=False)
    run_pending()
    assert ReceiverCall.objects.get().status == "done"
    assert len(sent) == 1


def test_step_that_fails_runs_again(hear):
    tries = []

    def step():
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError

    hear(signals.order_created, lambda event, **kwargs: event.once("mail", step))
    order()
    run_pending(raise_errors=False)
    assert not FinishedStep.objects.exists()
    run_pending()
    assert len(tries) == 2


def test_each_event_has_steps_of_its_own(mails):
    sent, _ = mails
    order("000000001")
    order("000000002")
    run_pending()
    assert len(sent) == 2


def test_step_is_named_twice_in_one_call_and_runs_once(hear):
    sent = []

    def mail(*, event, **kwargs):
        event.once("mail", lambda: sent.append(1))
        event.once("mail", lambda: sent.append(2))

    hear(signals.order_created, mail)
    order()
    run_pending()
    assert sent == [1]


@pytest.mark.parametrize("name", ["x" * 101, "a\0b"])
def test_step_whose_name_cannot_be_saved_is_not_run(hear, name):
    sent = []
    hear(signals.order_created, lambda event, **kwargs: event.once(name, lambda: sent.append(1)))
    order()
    run_pending(raise_errors=False)
    call = ReceiverCall.objects.get()
    assert (sent, call.status, call.attempts) == ([], "pending", 1)
    assert "ValueError" in call.last_error


@pytest.mark.server
def test_step_runs_again_after_its_process_died_and_not_after_a_failure(transactional_db, tmp_path):
    with scratch_database(tmp_path) as url:
        shop = Shop(url, tmp_path, MAILS=str(tmp_path / "mails"))
        try:
            shop.run("-c", RECEIVE)
            for end, code in (("die", -9), ("fail", 0), ("fail", 0), ("return", 0)):
                shop.run("-c", WORK, code=code, END=end)
        finally:
            shop.close()
    # the one whose process died has left no mark; the failure has
    assert (tmp_path / "mails").read_text() == "mail\nmail\n"
