"""Receivers of a deadline have what those of a message have: the purchase, bookings and steps that run once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stockhub_webhooks.models import BookedPurchase, FinishedStep, Order, ReceiverCall
from stockhub_webhooks.office.worklists import rows, sweep
from stockhub_webhooks.signals import deadline_passed
from stockhub_webhooks.testing import run_pending
from tests.office.worklists.planted import Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(hear, settings):
    """Connect a receiver of deadlines; return a function that lets them pass, and calls it."""

    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"DEADLINE_DAYS": {}}  # the default days

    def tell(function):
        hear(deadline_passed, lambda *, event, **_arguments: function(event), uid="shop.late")
        while sweep.update_due(ignore_pauses=True):
            pass
        return run_pending(raise_errors=False)

    return tell


def test_deadline_has_the_purchase_and_books_once_for_all_its_documents(told):
    shop = Shop()
    orders = [shop.order(days=4), shop.order(days=5)]
    heard = []

    def remind(event):
        lines = {line.key: line.ordered for line in event.purchase.lines}
        heard.append((event.purchase.orders, event.book("reminded", lines)))

    assert {call.status for call in told(remind)} == {"done"}
    assert [{order.pk for order in known} for known, _new in heard] == [{order.pk for order in orders}] * 2
    assert [bool(new) for _known, new in heard] == [True, False]
    assert [row.purchase for row in BookedPurchase.objects.all()] == [f"po_number:{shop.po_number}"]


def test_step_of_a_deadline_is_run_once_though_the_receiver_fails_after_it(told):
    Shop().order(days=4)
    mails = []

    def mail(event):
        event.once("mail", lambda: mails.append(event.attempt))
        if event.attempt == 1:
            raise RuntimeError

    told(mail)
    assert FinishedStep.objects.get().name == "mail"
    run_pending()
    assert (mails, ReceiverCall.objects.get().status) == ([1], "done")


def test_deadline_of_an_order_without_a_number_is_booked_for_the_order(told):
    order = Shop().order(days=4)
    Order.objects.update(po_number=None)
    told(lambda event: event.book("reminded", {"a": 1}))
    assert [row.purchase for row in BookedPurchase.objects.all()] == [f"order:{order.increment_id}"]


def test_deadline_of_a_number_without_documents_has_no_purchase_and_can_be_booked(told):
    rows.update_numbers("default", {"WEB-9": timezone.now() - timedelta(days=3)})
    heard = []

    def remind(event):
        heard.append((event.purchase, dict(event.book("asked", {"a": 1}))))

    assert [call.status for call in told(remind)] == ["done"]
    assert heard == [(None, {"a": 1})]


def test_deadline_of_a_document_without_order_and_number_is_not_booked(told):
    Shop().lone_request(days=9, po_number=None)
    (call,) = told(lambda event: event.book("asked", {"a": 1}))
    assert (call.status, BookedPurchase.objects.exists()) == ("pending", False)
    assert "names neither an order nor a number" in call.last_error
