"""The example's receivers do their work on messages that come in through the real view."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.urls import reverse
from shop.models import ShopOrder

from stockhub_webhooks import ledger, worker
from stockhub_webhooks.models import Message, ReceiverCall
from tests.samples import sample

pytestmark = pytest.mark.django_db
State = ShopOrder.State


def child(topic, **changes):
    return sample(topic, order_increment_id=sample("order")["increment_id"], **changes)


def delivered(**changes):
    return child("shipment", status="DELIVERED", delivered_at="2024-04-19 10:00:00", **changes)


def try_again():
    ledger.try_again(list(ReceiverCall.objects.open().values_list("pk", flat=True)))
    worker.drain()


def test_an_order_is_accepted_with_the_status_it_has_now(post, shop_order):
    post("order", sample("order", status="processing"))
    shop_order.refresh_from_db()
    assert (shop_order.state, shop_order.stock_hub_status) == (State.ACCEPTED, "processing")


def test_a_cancelled_order_is_cancelled(post, shop_order):
    post("order", sample("order", status="canceled"))
    shop_order.refresh_from_db()
    assert shop_order.state == State.CANCELLED


def test_the_invoices_are_added_up(post, shop_order):
    post("invoice", child("invoice"))
    post("invoice", child("invoice", increment_id="000000404", grand_total=10))
    shop_order.refresh_from_db()
    assert str(shop_order.invoiced) == "254.95"


def test_a_parcel_number_makes_the_order_sent_and_the_one_of_a_return_does_not(post, shop_order):
    post("rma", child("rma"))
    shop_order.refresh_from_db()
    assert (shop_order.state, shop_order.tracking) == (State.RETURNING, "")
    post("shipment", child("shipment"))
    shop_order.refresh_from_db()
    assert shop_order.tracking == "ups 1Z00AA000000000001"


def test_late_news_never_moves_an_order_back(post, shop_order, mails):
    post("shipment", delivered())
    post("order")
    shop_order.refresh_from_db()
    assert (shop_order.state, shop_order.stock_hub_status) == (State.DELIVERED, "complete")


def test_an_order_in_two_parcels_is_delivered_with_the_second(post, shop_order, mails):
    post("shipment", child("shipment", increment_id="000000413"))
    post("shipment", delivered())
    shop_order.refresh_from_db()
    assert shop_order.state == State.SENT
    post("shipment", delivered(increment_id="000000413"))
    shop_order.refresh_from_db()
    assert shop_order.state == State.DELIVERED


def test_a_credit_memo_becomes_a_proposal_that_the_staff_decides(post, shop_order, staff):
    post("creditmemo", child("creditmemo"))
    shop_order.refresh_from_db()
    assert (shop_order.state, str(shop_order.refund_proposal)) == (State.REFUND_PROPOSED, "117.50")
    action = {"action": "mark_refunded", "_selected_action": [shop_order.pk]}
    answer = staff.post(reverse("admin:shop_shoporder_changelist"), action, follow=True)
    assert "1 orders refunded." in answer.text
    shop_order.refresh_from_db()
    assert shop_order.state == State.REFUNDED


def test_a_message_that_beats_the_checkout_is_told_once_the_order_is_there(post, request):
    post("order")
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts) == ("pending", 0)
    shop_order = request.getfixturevalue("shop_order")
    try_again()
    shop_order.refresh_from_db()
    assert shop_order.state == State.ACCEPTED


def test_an_order_that_is_still_not_there_the_day_after_is_given_up(post):
    post("order")
    Message.objects.update(received_at=F("received_at") - timedelta(hours=25))
    try_again()
    assert ReceiverCall.objects.get().status == "given_up"


def test_the_mail_is_sent_once_under_one_key_when_its_service_is_up_again(post, shop_order, mails):
    mails.down = True
    post("shipment", delivered())
    call = ReceiverCall.objects.get(receiver="shop.mail_customer")
    assert (call.status, call.attempts) == ("pending", 1)
    shop_order.refresh_from_db()
    assert shop_order.state == State.DELIVERED, "the other receivers do not wait for the mail"
    mails.down = False
    try_again()
    post("shipment", delivered())
    assert [to for to, key in mails] == [shop_order.customer_email]


def test_no_mail_goes_out_days_late(post, shop_order, mails):
    mails.down = True
    post("shipment", delivered())
    Message.objects.update(received_at=F("received_at") - timedelta(hours=49))
    mails.down = False
    try_again()
    assert not mails
    assert ReceiverCall.objects.get(receiver="shop.mail_customer").status == "done"


def test_without_a_mail_service_the_mail_is_only_logged(post, shop_order, caplog):
    caplog.set_level("INFO", "shop.mail")
    post("shipment", delivered())
    assert "not sent" in caplog.text
    assert shop_order.customer_email not in caplog.text


def test_the_office_finds_its_order_in_the_admin(staff, shop_order):
    answer = staff.get(reverse("admin:shop_shoporder_changelist"), {"q": shop_order.number})
    assert shop_order.number in answer.text
