"""Receivers of the example, called for messages that are posted to the real view."""

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
    """Return a function that delivers a message, calls the receivers, and returns the shop's order."""

    def deliver_and_run(topic, **changes):
        assert stockhub.deliver(topic, **changes).status == 200
        stockhub.run_pending()
        shop_order.refresh_from_db()
        return shop_order

    return deliver_and_run


def test_order_is_accepted_with_its_current_status(tell):
    order = tell("order", status="processing")
    assert (order.state, order.stock_hub_status) == (State.ACCEPTED, "processing")


def test_cancelled_order_is_cancelled_in_the_shop(tell):
    assert tell("order", status="canceled").state == State.CANCELLED


@pytest.mark.parametrize("numbers", [("000000123", "000000123-1"), ("000000123-1", "000000123")])
def test_edited_order_is_not_cancelled(tell, numbers):
    for number in numbers:
        order = tell("order", increment_id=number, status="processing" if number.endswith("-1") else "canceled")
    assert (order.state, order.stock_hub_status) == (State.ACCEPTED, "processing")


def test_invoices_are_added_up(tell):
    tell("invoice", grand_total=244.95)
    assert str(tell("invoice", increment_id="000000404", grand_total=10).invoiced) == "254.95"


def test_tracking_number_of_a_shipment_makes_the_order_sent(tell):
    order = tell("rma")
    assert (order.state, order.tracking) == (State.RETURNING, "")
    assert tell("shipment", track__tracking_number="1Z00AA000000000001").tracking == "ups 1Z00AA000000000001"


def test_late_event_never_moves_an_order_back(tell, mails):
    tell("shipment", **DELIVERED)
    order = tell("order", status="complete")
    assert (order.state, order.stock_hub_status) == (State.DELIVERED, "complete")


def test_order_in_two_parcels_is_delivered_with_the_second(tell, mails):
    tell("shipment", increment_id="000000413")
    assert tell("shipment", **DELIVERED).state == State.SENT
    assert tell("shipment", increment_id="000000413", **DELIVERED).state == State.DELIVERED


def test_order_that_stock_hub_has_split_has_what_both_parts_say(tell, mails):
    parts = [{"order_increment_id": number} for number in ("000000123", "000000124")]
    for number, part in enumerate(parts, 300):
        tell("order", increment_id=part["order_increment_id"])
        tell("invoice", increment_id=f"000000{number}", grand_total=10, **part)
        track = f"1Z00AA000000000{number}"
        tell("shipment", increment_id=f"000000{number}", track__tracking_number=track, **part)
    shipped = tell(
        "shipment", increment_id="000000300", track__tracking_number="1Z00AA000000000300", **DELIVERED, **parts[0]
    )
    assert (shipped.state, str(shipped.invoiced)) == (State.SENT, "20.00")
    assert shipped.tracking == "ups 1Z00AA000000000300\nups 1Z00AA000000000301"
    tell("shipment", increment_id="000000301", track__tracking_number="1Z00AA000000000301", **DELIVERED, **parts[1])
    for number, part in enumerate(parts, 300):
        order = tell("creditmemo", increment_id=f"000000{number}", grand_total=5, **part)
    assert (order.state, str(order.refund_proposal)) == (State.REFUND_PROPOSED, "10.00")
    assert len(mails) == 2


def test_credit_memo_becomes_a_refund_proposal(tell, staff):
    order = tell("creditmemo", grand_total=117.5)
    assert (order.state, str(order.refund_proposal)) == (State.REFUND_PROPOSED, "117.50")
    action = {"action": "mark_refunded", "_selected_action": [order.pk]}
    answer = staff.post(reverse("admin:shop_shoporder_changelist"), action, follow=True)
    assert "1 orders refunded." in answer.text
    order.refresh_from_db()
    assert order.state == State.REFUNDED


@pytest.mark.parametrize("change", ["duplicate", "shuffle", "without_parent"])
def test_life_ends_in_the_same_state_in_any_sequence(stockhub, shop_order, mails, change):
    life = stockhub.life("returned")
    stockhub.play(getattr(stockhub, change)(life))
    stockhub.run_pending()
    shop_order.refresh_from_db()
    assert (shop_order.state, shop_order.stock_hub_status) == (State.REFUND_PROPOSED, "closed")
    assert shop_order.return_status == "processed_closed"
    assert shop_order.invoiced == shop_order.total
    assert len(mails) == 1


def test_message_before_the_checkout_is_delivered_once_the_order_exists(stockhub, request):
    stockhub.deliver("order", status="processing")
    (call,) = stockhub.run_pending()
    assert (call.status, call.attempts) == ("pending", 0)
    shop_order = request.getfixturevalue("shop_order")
    stockhub.run_pending()
    shop_order.refresh_from_db()
    assert shop_order.state == State.ACCEPTED


def test_order_missing_after_a_day_is_given_up(stockhub):
    stockhub.deliver("order")
    Message.objects.update(received_at=F("received_at") - timedelta(hours=25))
    with pytest.raises(PermanentFailure, match="no order of that number"):
        stockhub.run_pending()
    assert ReceiverCall.objects.get().status == "given_up"


def test_mail_is_sent_once_with_one_key_after_an_outage_of_its_service(stockhub, shop_order, mails):
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


def test_no_mail_is_sent_days_late(stockhub, shop_order, mails):
    stockhub.only("shop.mail_customer")
    stockhub.deliver("shipment", **DELIVERED)
    Message.objects.update(received_at=F("received_at") - timedelta(hours=49))
    (call,) = stockhub.run_pending()
    assert (call.status, mails) == ("done", [])


def test_without_a_mail_service_mails_are_only_logged(tell, caplog):
    caplog.set_level("INFO", "shop.mail")
    order = tell("shipment", **DELIVERED)
    assert "not sent" in caplog.text
    assert order.customer_email not in caplog.text


def test_admin_of_the_shop_finds_the_order(staff, shop_order):
    answer = staff.get(reverse("admin:shop_shoporder_changelist"), {"q": shop_order.number})
    assert shop_order.number in answer.text
