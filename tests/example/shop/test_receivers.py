"""The example's receivers do their work on messages that come in through the real view."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.urls import reverse
from shop.models import ShopOrder

from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import Message, ReceiverCall

State = ShopOrder.State
DELIVERED = {"status": "DELIVERED", "delivered_at": "2026-03-04 11:05:09"}


@pytest.fixture
def tell(stockhub, shop_order):
    """Deliver a message, and let the receivers work; the shop's order as it is then."""

    def deliver_and_run(topic, **changes):
        assert stockhub.deliver(topic, **changes).status == 200
        stockhub.run_pending()
        shop_order.refresh_from_db()
        return shop_order

    return deliver_and_run


def test_an_order_is_accepted_with_the_status_it_has_now(tell):
    order = tell("order", status="processing")
    assert (order.state, order.stock_hub_status) == (State.ACCEPTED, "processing")


def test_a_cancelled_order_is_cancelled(tell):
    assert tell("order", status="canceled").state == State.CANCELLED


@pytest.mark.parametrize("numbers", [("000000123", "000000123-1"), ("000000123-1", "000000123")])
def test_an_edited_order_is_not_cancelled(tell, numbers):
    for number in numbers:
        order = tell("order", increment_id=number, status="processing" if number.endswith("-1") else "canceled")
    assert (order.state, order.stock_hub_status) == (State.ACCEPTED, "processing")


def test_the_invoices_are_added_up(tell):
    tell("invoice", grand_total=244.95)
    assert str(tell("invoice", increment_id="000000404", grand_total=10).invoiced) == "254.95"


def test_a_parcel_number_makes_the_order_sent_and_the_one_of_a_return_does_not(tell):
    order = tell("rma")
    assert (order.state, order.tracking) == (State.RETURNING, "")
    assert tell("shipment", track__tracking_number="1Z00AA000000000001").tracking == "ups 1Z00AA000000000001"


def test_late_news_never_moves_an_order_back(tell, mails):
    tell("shipment", **DELIVERED)
    order = tell("order", status="complete")
    assert (order.state, order.stock_hub_status) == (State.DELIVERED, "complete")


def test_an_order_in_two_parcels_is_delivered_with_the_second(tell, mails):
    tell("shipment", increment_id="000000413")
    assert tell("shipment", **DELIVERED).state == State.SENT
    assert tell("shipment", increment_id="000000413", **DELIVERED).state == State.DELIVERED


def test_a_credit_memo_becomes_a_proposal_that_the_staff_decides(tell, staff):
    order = tell("creditmemo", grand_total=117.5)
    assert (order.state, str(order.refund_proposal)) == (State.REFUND_PROPOSED, "117.50")
    action = {"action": "mark_refunded", "_selected_action": [order.pk]}
    answer = staff.post(reverse("admin:shop_shoporder_changelist"), action, follow=True)
    assert "1 orders refunded." in answer.text
    order.refresh_from_db()
    assert order.state == State.REFUNDED


@pytest.mark.parametrize("change", ["duplicate", "shuffle", "without_parent"])
def test_a_whole_life_ends_the_same_whatever_the_internet_does(stockhub, shop_order, mails, change):
    life = stockhub.life("returned")
    stockhub.play(getattr(stockhub, change)(life))
    stockhub.run_pending()
    shop_order.refresh_from_db()
    assert (shop_order.state, shop_order.stock_hub_status) == (State.REFUND_PROPOSED, "closed")
    assert shop_order.return_status == "processed_closed"
    assert shop_order.invoiced == shop_order.total
    assert len(mails) == 1


def test_a_message_that_beats_the_checkout_is_told_once_the_order_is_there(stockhub, request):
    stockhub.deliver("order", status="processing")
    (call,) = stockhub.run_pending()
    assert (call.status, call.attempts) == ("pending", 0)
    shop_order = request.getfixturevalue("shop_order")
    stockhub.run_pending()
    shop_order.refresh_from_db()
    assert shop_order.state == State.ACCEPTED


def test_an_order_that_is_still_not_there_the_day_after_is_given_up(stockhub):
    stockhub.deliver("order")
    Message.objects.update(received_at=F("received_at") - timedelta(hours=25))
    with pytest.raises(PermanentFailure, match="no order of that number"):
        stockhub.run_pending()
    assert ReceiverCall.objects.get().status == "given_up"


def test_the_mail_is_sent_once_under_one_key_when_its_service_is_up_again(stockhub, shop_order, mails):
    mails.down = True
    stockhub.deliver("shipment", **DELIVERED)
    with pytest.raises(ConnectionRefusedError):
        stockhub.run_pending()
    shop_order.refresh_from_db()
    assert shop_order.state == State.DELIVERED, "the other receivers do not wait for the mail"
    mails.down = False
    (call,) = stockhub.run_pending()
    assert (call.receiver, call.status, call.attempts) == ("shop.mail_customer", "done", 2)
    stockhub.deliver("shipment", **DELIVERED)
    stockhub.run_pending()
    assert [to for to, key in mails] == [shop_order.customer_email]


def test_no_mail_goes_out_days_late(stockhub, shop_order, mails):
    stockhub.only("shop.mail_customer")
    stockhub.deliver("shipment", **DELIVERED)
    Message.objects.update(received_at=F("received_at") - timedelta(hours=49))
    (call,) = stockhub.run_pending()
    assert (call.status, mails) == ("done", [])


def test_without_a_mail_service_the_mail_is_only_logged(tell, caplog):
    caplog.set_level("INFO", "shop.mail")
    order = tell("shipment", **DELIVERED)
    assert "not sent" in caplog.text
    assert order.customer_email not in caplog.text


def test_the_office_finds_its_order_in_the_admin(staff, shop_order):
    answer = staff.get(reverse("admin:shop_shoporder_changelist"), {"q": shop_order.number})
    assert shop_order.number in answer.text
