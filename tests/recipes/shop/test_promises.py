"""Promises of the recipes, tested with the public testing kit."""

from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from itertools import permutations
from urllib.error import HTTPError, URLError

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.utils import timezone
from shop.models import Article, Payable, ShopOrder
from shop.recipes import forwarding

from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import RMA, Message, ReceiverCall

KEYS = django_settings.STOCKHUB_WEBHOOKS["API_KEYS"]


def hours_ago(hours):
    return timezone.now() - timedelta(hours=hours)


def addressees(mailoutbox):
    return [address for message in mailoutbox for address in message.to]


# ---------------------------------------------------------------- the shop's own order


def test_message_that_arrives_before_the_checkout_waits_for_it(stockhub, request):
    stockhub.only("shop.follow_status")
    stockhub.deliver("order", status="processing")
    (call,) = stockhub.run_pending()
    assert (call.status, call.attempts) == ("pending", 0)
    assert call.last_error == "asked to be called again in 60 seconds: the shop has no such order yet"
    shop_order = request.getfixturevalue("shop_order")
    stockhub.run_pending()
    shop_order.refresh_from_db()
    assert shop_order.stock_hub_status == "processing"


def test_order_missing_after_a_day_is_given_up(stockhub):
    stockhub.only("shop.follow_status")
    stockhub.deliver("order", received_at=hours_ago(25))
    with pytest.raises(PermanentFailure, match="no order of that number"):
        stockhub.run_pending()


# ---------------------------------------------------------------- mail the customer


def test_customer_is_mailed_once(stockhub, shop_order, mailoutbox):
    stockhub.only("shop.mail_customer")
    stockhub.deliver("shipment", status="DELIVERED")
    stockhub.deliver("shipment", status="DELIVERED")
    stockhub.run_pending()
    assert [message.to for message in mailoutbox] == [[shop_order.customer_email]]


def test_no_customer_is_mailed_about_past_events(stockhub, shop_order, mailoutbox):
    stockhub.only("shop.mail_customer")
    stockhub.deliver("shipment", status="DELIVERED", received_at=timezone.now() - timedelta(hours=49))
    stockhub.run_pending()
    stockhub.deliver("shipment", seed=1, po_number=shop_order.number, status="DELIVERED")
    stockhub.replay("shop.mail_customer")
    stockhub.run_pending()
    assert mailoutbox == []


def test_failed_mail_is_sent_later_with_the_same_id(stockhub, shop_order, mailoutbox, mail_server):
    stockhub.only("shop.mail_customer")
    stockhub.deliver("shipment", status="DELIVERED")
    mail_server.down = True
    with pytest.raises(OSError, match="away"):
        stockhub.run_pending()
    mail_server.down = False
    (call,) = stockhub.run_pending()
    assert (call.status, call.attempts) == ("done", 2)
    stockhub.deliver("shipment", increment_id="000000999", status="DELIVERED")
    stockhub.run_pending()
    failed, sent, other = mail_server.tried
    assert failed == sent != other
    assert len(mailoutbox) == 2


def test_mail_after_the_commit_is_sent_at_most_once(stockhub, shop_order, mailoutbox, mail_server):
    stockhub.only("shop.thank_customer")
    stockhub.deliver("order")
    mail_server.down = True
    with pytest.raises(OSError, match="away"):
        stockhub.run_pending()
    mail_server.down = False
    assert stockhub.run_pending() == []
    assert ReceiverCall.objects.get().status == "done"
    assert mailoutbox == []
    stockhub.deliver("order", seed=1, po_number=shop_order.number)
    stockhub.run_pending()
    assert [message.to for message in mailoutbox] == [[shop_order.customer_email]]


def test_no_late_thank_you_mail_is_sent(stockhub, shop_order, mailoutbox):
    stockhub.only("shop.thank_customer")
    stockhub.deliver("order", received_at=hours_ago(49))
    stockhub.run_pending()
    stockhub.deliver("order", seed=1, po_number=shop_order.number)
    stockhub.replay("shop.thank_customer")
    stockhub.run_pending()
    assert mailoutbox == []


# ---------------------------------------------------------------- follow the status


def test_late_event_does_not_restore_an_old_status(stockhub, request):
    stockhub.only("shop.follow_status")
    stockhub.deliver("order", status="processing", received_at=hours_ago(25))
    stockhub.run_pending(raise_errors=False)  # given up: there is no such order
    shop_order = request.getfixturevalue("shop_order")
    stockhub.deliver("order", status="complete", updated_at="2026-03-04T12:00:00+00:00")
    stockhub.run_pending()
    call_command("stockhub_retry", "--given-up", "--receiver", "shop.follow_status")
    stockhub.run_pending()
    shop_order.refresh_from_db()
    assert [call.status for call in ReceiverCall.objects.all()] == ["done", "done"]
    assert shop_order.stock_hub_status == "complete"


# ---------------------------------------------------------------- Winkelstraat cancels


@pytest.fixture
def stock(shop_order):
    """Make the articles of the order, with nothing left in stock; return a function that reads the stock."""
    for line in shop_order.lines.all():
        Article.objects.create(sku=line.sku, stock=0)
    return lambda: dict(Article.objects.values_list("sku", "stock"))


def ordered(shop_order):
    return {line.sku: line.quantity for line in shop_order.lines.all()}


def test_stock_of_a_cancelled_order_is_released(stockhub, shop_order, stock, mailoutbox):
    stockhub.only("shop.release_stock")
    stockhub.deliver("order", status="processing")
    stockhub.run_pending()
    assert set(stock().values()) == {0}
    cancel(stockhub, received_at=hours_ago(1))
    assert stock() == ordered(shop_order)
    assert addressees(mailoutbox) == ["office@shop.example"]


def test_stock_is_released_once_despite_repeated_events(stockhub, shop_order, stock, mailoutbox):
    stockhub.only("shop.release_stock")
    stockhub.play(stockhub.duplicate(stockhub.life("cancelled", po_number=shop_order.number)))
    stockhub.run_pending()
    assert set(stock().values()) == {0}  # the order may be continued under a new number
    Message.objects.update(received_at=hours_ago(1))
    stockhub.run_pending()
    stockhub.replay("shop.release_stock")
    stockhub.run_pending()
    assert stock() == ordered(shop_order)
    assert len(mailoutbox) == 1


def cancel(stockhub, **options):
    """Deliver the cancellation of an order."""
    stockhub.deliver("order", status="canceled", updated_at="2026-03-03T12:00:00+00:00", **options)
    stockhub.run_pending()


def continue_under_a_new_number(stockhub, shop_order, **changes):
    """Deliver the order that replaces an edited one."""
    edited = {"increment_id": edited_number(stockhub), "po_number": shop_order.number, "status": "processing"}
    stockhub.deliver("order", **(edited | changes))
    stockhub.run_pending()


def edited_number(stockhub):
    return f"{stockhub.payload('order')['increment_id']}-1"


RECEIVERS_OF_A_CANCELLATION = ["shop.follow_status", "shop.release_stock"]


@pytest.mark.parametrize("sequence", ["cancelled first", "new number first", "new number known from its shipment"])
def test_edited_order_is_not_cancelled_and_releases_no_stock(stockhub, shop_order, stock, mailoutbox, sequence):
    stockhub.only(*RECEIVERS_OF_A_CANCELLATION)
    stockhub.deliver("order", status="processing")
    stockhub.run_pending()
    if sequence == "cancelled first":
        cancel(stockhub)
        assert {call.status for call in ReceiverCall.objects.all()} == {"done", "pending"}
        continue_under_a_new_number(stockhub, shop_order)
    elif sequence == "new number first":
        continue_under_a_new_number(stockhub, shop_order)
        cancel(stockhub, received_at=hours_ago(1))
    else:
        stockhub.deliver("shipment", order_increment_id=edited_number(stockhub), po_number=shop_order.number)
        cancel(stockhub, received_at=hours_ago(1))
    stockhub.run_pending()
    shop_order.refresh_from_db()
    assert shop_order.stock_hub_status == "processing"
    assert set(stock().values()) == {0}
    assert mailoutbox == []
    assert {call.status for call in ReceiverCall.objects.all()} == {"done"}


def test_late_new_number_of_an_edited_order_takes_the_stock_again(stockhub, shop_order, stock, mailoutbox):
    stockhub.only(*RECEIVERS_OF_A_CANCELLATION)
    cancel(stockhub, received_at=hours_ago(1))
    assert stock() == ordered(shop_order)
    continue_under_a_new_number(stockhub, shop_order)
    stockhub.replay("shop.release_stock")
    stockhub.run_pending()
    shop_order.refresh_from_db()
    assert shop_order.stock_hub_status == "processing"
    assert set(stock().values()) == {0}
    assert len(mailoutbox) == 2


def test_edited_order_that_is_cancelled_releases_its_stock(stockhub, shop_order, stock):
    stockhub.only(*RECEIVERS_OF_A_CANCELLATION)
    continue_under_a_new_number(stockhub, shop_order, received_at=hours_ago(3))
    cancel(stockhub, received_at=hours_ago(2))
    assert set(stock().values()) == {0}
    cancel(stockhub, increment_id=edited_number(stockhub), po_number=shop_order.number, received_at=hours_ago(1))
    shop_order.refresh_from_db()
    assert stock() == ordered(shop_order)
    assert shop_order.stock_hub_status == "canceled"


def test_of_a_split_purchase_only_the_cancelled_part_is_released(stockhub, shop_order, stock):
    stockhub.only("shop.release_stock")
    first, *rest = stockhub.payload("order")["items"]
    own = {"po_number": shop_order.number, "received_at": hours_ago(1)}
    stockhub.deliver("order", items=[first], **own)
    stockhub.deliver("order", increment_id="000000999", items=rest, status="canceled", **own)
    stockhub.run_pending()
    assert stock() == {**ordered(shop_order), first["sku"]: 0}


def test_stock_of_what_has_left_is_not_released(stockhub, shop_order, stock):
    stockhub.only("shop.release_stock")
    sent = stockhub.payload("order")["items"][0]
    stockhub.deliver("shipment", items=[sent | {"qty": 1}], status="IN_TRANSIT")
    cancel(stockhub, received_at=hours_ago(1))
    assert stock() == {**ordered(shop_order), sent["sku"]: sent["qty_ordered"] - 1}


# ---------------------------------------------------------------- refunds


def test_refund_is_proposed_as_the_sum_of_all_credit_notes(stockhub, shop_order):
    stockhub.only("shop.propose_refund")
    stockhub.deliver("creditmemo", grand_total=10)
    stockhub.deliver("creditmemo", increment_id="000000999", grand_total=2.5)
    stockhub.deliver("creditmemo", grand_total=12, updated_at="2026-12-31 12:00:00")
    split = {"order_increment_id": "000000888", "increment_id": "000000998"}
    stockhub.deliver("creditmemo", grand_total=3, **split)
    stockhub.run_pending()
    stockhub.replay("shop.propose_refund")
    stockhub.run_pending()
    shop_order.refresh_from_db()
    assert shop_order.refund_proposal == Decimal("17.50")


# ---------------------------------------------------------------- returns


@pytest.mark.parametrize("change", [list, "duplicate", "shuffle"])
def test_returned_pieces_are_restocked_once(stockhub, shop_order, stock, change):
    stockhub.only("shop.restock")
    life = stockhub.life("returned", po_number=shop_order.number)
    stockhub.play(life if change is list else getattr(stockhub, change)(life))
    stockhub.run_pending()
    stockhub.replay("shop.restock")
    stockhub.run_pending()
    assert stock() == ordered(shop_order)


@pytest.mark.parametrize("sequence", list(permutations(range(4))))
def test_pieces_of_a_return_are_restocked_once_in_any_sequence(stockhub, shop_order, stock, sequence):
    stockhub.only("shop.restock")
    life = stockhub.life("returned", po_number=shop_order.number)
    bodies = [step.payload for step in life if step.topic == "rma"]
    chosen = [body for body in bodies if body["status"] != "approved"]
    assert [body["status"] for body in chosen] == ["pending", "authorized", "received", "processed_closed"]
    for place in sequence:
        for _twice in range(2):
            stockhub.deliver("rma", chosen[place])
            stockhub.run_pending()
    assert stock() == ordered(shop_order)
    returned = RMA.objects.get()
    assert returned.status == "processed_closed"
    assert {item.status for item in returned.items.all()} == {"approved"}


def test_returned_article_that_the_shop_does_not_have_is_booked_once_it_has(stockhub, shop_order):
    stockhub.only("shop.restock")
    stockhub.deliver("rma", items__sku="new", items__qty_returned=2)
    with pytest.raises(LookupError, match="no article new"):
        stockhub.run_pending()
    Article.objects.create(sku="new", stock=0)
    stockhub.run_pending()
    assert Article.objects.get().stock == 2


def test_announced_return_changes_no_stock(stockhub, shop_order, stock):
    stockhub.only("shop.restock")
    stockhub.deliver("rma", items__qty_returned=None)
    stockhub.run_pending()
    assert set(stock().values()) == {0}


# ---------------------------------------------------------------- payment requests


def test_payment_request_is_mailed_to_the_bookkeeper_once(stockhub):
    stockhub.only("shop.note_payable")
    asked = stockhub.payload("order-payment-request")
    stockhub.deliver("order-payment-request", asked)
    stockhub.deliver("order-payment-request", asked)
    stockhub.run_pending()
    stockhub.replay("shop.note_payable")
    stockhub.run_pending()
    payable = Payable.objects.get()
    assert (payable.link, payable.currency) == (asked["pay_by_link"], asked["currency"])
    assert payable.amount == Decimal(str(asked["grand_total"]))


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://example.com/", "", None])
def test_unsafe_payment_link_is_left_out(stockhub, link):
    stockhub.only("shop.note_payable")
    stockhub.deliver("order-payment-request", pay_by_link=link, order_increment_id=None)
    stockhub.run_pending()
    assert Payable.objects.get().link == ""


# ---------------------------------------------------------------- another service


def test_warehouse_is_notified_of_an_order(stockhub, warehouse, settings):
    stockhub.only("shop.tell_warehouse")
    stockhub.deliver("order")
    (call,) = stockhub.run_pending()
    (headers,) = warehouse.requests
    assert call.status == "done"
    assert headers["Authorization"] == f"Bearer {settings.WAREHOUSE_TOKEN}"


@pytest.mark.parametrize("status", [429, 503])
def test_busy_warehouse_is_called_again_later_with_the_same_key(stockhub, warehouse, status):
    stockhub.only("shop.tell_warehouse")
    stockhub.deliver("order")
    warehouse.answers.append((status, {"Retry-After": "120"}))
    (call,) = stockhub.run_pending()
    assert (call.status, call.attempts) == ("pending", 0)
    assert call.last_error == f"asked to be called again in 120 seconds: the warehouse answers {status}"
    (call,) = stockhub.run_pending()
    assert call.status == "done"
    first, second = (headers["Idempotency-Key"] for headers in warehouse.requests)
    assert first == second
    stockhub.deliver("order", status="complete", updated_at="2026-03-04T12:00:00+00:00")
    stockhub.run_pending()
    assert warehouse.requests[-1]["Idempotency-Key"] != first


def test_warehouse_unavailable_for_days_counts_as_failing(stockhub, warehouse):
    stockhub.only("shop.tell_warehouse")
    stockhub.deliver("order", received_at=hours_ago(73))
    warehouse.answers.append((503, {"Retry-After": "120"}))
    with pytest.raises(HTTPError):
        stockhub.run_pending()
    (call,) = stockhub.run_pending()
    assert (call.status, call.attempts) == ("done", 2)


def test_call_that_the_warehouse_rejects_is_given_up(stockhub, warehouse):
    stockhub.only("shop.tell_warehouse")
    stockhub.deliver("order")
    warehouse.answers.append((400, {}))
    with pytest.raises(PermanentFailure, match="the warehouse answers 400"):
        stockhub.run_pending()
    assert stockhub.run_pending() == []
    assert len(warehouse.requests) == 1


def test_call_to_a_silent_warehouse_has_a_timeout(stockhub, monkeypatch):
    waited = []

    def hang(request, *, timeout):
        waited.append(timeout)
        raise TimeoutError

    monkeypatch.setattr(forwarding, "urlopen", hang)
    stockhub.only("shop.tell_warehouse")
    stockhub.deliver("order")
    with pytest.raises(TimeoutError):
        stockhub.run_pending()
    assert waited == [10]


def test_failing_warehouse_is_called_again(stockhub, warehouse, settings):
    stockhub.only("shop.tell_warehouse")
    stockhub.deliver("order")
    warehouse.answers.append((500, {}))
    with pytest.raises(HTTPError):
        stockhub.run_pending()
    here, settings.WAREHOUSE_URL = settings.WAREHOUSE_URL, "http://127.0.0.1:9/"
    with pytest.raises(URLError):
        stockhub.run_pending()
    settings.WAREHOUSE_URL = here
    (call,) = stockhub.run_pending()
    assert (call.status, call.attempts) == ("done", 3)


@pytest.mark.parametrize(("named", "seconds"), [("7", 7), ("", 60), ("soon", 60), ("-1", 60)])
def test_pause_is_that_of_retry_after(named, seconds):
    assert forwarding.pause(named) == seconds


def test_pause_may_be_given_as_a_date():
    in_an_hour = format_datetime(timezone.now() + timedelta(hours=1))
    assert 3500 < forwarding.pause(in_an_hour) <= 3600


# ---------------------------------------------------------------- accounts


def test_equal_numbers_of_two_accounts_are_two_orders(stockhub, shop_order, settings):
    stockhub.only("shop.follow_status")
    settings.STOCKHUB_WEBHOOKS |= {"HOST_ORDER_RESOLVER": "shop.recipes.accounts.find_order"}
    other = ShopOrder.objects.create(account="brand_b", number=shop_order.number)
    stockhub.deliver("order", status="processing")
    stockhub.deliver("order", status="complete", key=KEYS["brand_b"])
    stockhub.run_pending()
    for order, status in ((shop_order, "processing"), (other, "complete")):
        order.refresh_from_db()
        assert order.stock_hub_status == status


def test_rehearsal_reaches_the_developer_and_no_customer(stockhub, shop_order, mailoutbox):
    stockhub.deliver("shipment", key=KEYS["test"])
    stockhub.run_pending()
    assert addressees(mailoutbox) == ["developer@shop.example"]
    stockhub.deliver("shipment")
    stockhub.run_pending()
    assert addressees(mailoutbox) == ["developer@shop.example", shop_order.customer_email]


def test_tracking_number_of_a_return_is_not_mailed(stockhub, shop_order, mailoutbox):
    stockhub.only("shop.mail_parcel")
    stockhub.deliver("rma", track__tracking_number="1Z00AA000000000001")
    stockhub.run_pending()
    assert mailoutbox == []
