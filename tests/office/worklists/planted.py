"""Purchases with something that does not proceed, three ways for each rule, and purchases that look like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from django.utils import timezone

from stockhub_webhooks.testing import factories as make

DAY = timedelta(days=1)
PLANS: list[tuple[str, Callable[[Shop], object]]] = []
LOOK_ALIKES: list[Callable[[Shop], None]] = []


class Shop:
    """Makes documents of one purchase, all at a number of days ago unless another is given."""

    numbers = count(500)

    def __init__(self, days: float = 20) -> None:
        self.now = timezone.now()
        self.days = days
        self.po_number = f"WEB-{next(self.numbers)}"

    def ago(self, days: float | None = None) -> datetime:
        return self.now - DAY * (self.days if days is None else days)

    def order(self, status="processing", days=None, **values):
        at = self.ago(days)
        options = {"shipping_address": None, "billing_address": None} | values
        return make.OrderFactory(
            po_number=self.po_number, status=status, received_at=at, created_at=at, updated_at=at, **options
        )

    def stub(self, **values):
        return make.OrderFactory(stub=True, po_number=self.po_number, **values)

    def child(self, factory, order, days=None, **values):
        at = self.ago(days)
        addresses = {"shipping_address", "billing_address", "origin_address"}
        none = {name: None for name in addresses if name in {field.name for field in factory._meta.model._meta.fields}}
        return factory(order=order, **{"received_at": at, "po_number": self.po_number, **none, **values})

    def shipment(self, order, days=None, *, delivered=True, **values):
        values = {"delivered": delivered, "tracks": None} | values
        return self.child(make.ShipmentFactory, order, days, **values)

    def invoice(self, order, days=None, **values):
        return self.child(make.InvoiceFactory, order, days, **values)

    def rma(self, order, days=None, **values):
        at = {"received_at": values["date_received"]} if "date_received" in values else {}
        return self.child(make.RMAFactory, order, days, date_requested=self.ago(days), **at, **values)

    def credit(self, order, days=None, **values):
        return self.child(make.CreditMemoFactory, order, days, **values)

    def lone_request(self, days=None, **values):
        """Return a payment request that names no order."""
        number = f"PR-{next(self.numbers)}"  # an order may have the number that it names
        none = {"order": None, "order_increment_id": None, "shipping_address": None, "billing_address": None}
        at = self.ago(days)
        return make.PaymentRequestFactory(account="default", increment_id=number, received_at=at, **none, **values)

    def request(self, order, days=None, **values):
        return self.child(make.PaymentRequestFactory, order, days, **values)

    def asked(self, order, **values):
        """Keep what Stock Hub said of an order when it was asked: that it is sent and invoiced, unless told else."""
        values = {"asked_at": self.now, "shipped_since": self.ago(), "invoiced_since": self.ago()} | values
        return make.OrderAnswerFactory(order=order, **values)

    def sent(self, **values):
        """Return an order that was invoiced, sent and delivered."""
        order = self.order("complete", **values)
        quantity = values.get("quantity", 2)
        self.shipment(order, quantity=quantity)
        self.invoice(order, quantity=quantity)
        return order


def plan(rule):
    """Add a way to plant a rule; the function returns the document that is to be listed."""

    def add(function):
        PLANS.append((rule, function))
        return function

    return add


def look_alike(function):
    LOOK_ALIKES.append(function)
    return function


def every_plan() -> Iterator[tuple[str, Callable[[Shop], object]]]:
    yield from PLANS


# ---------------------------------------------------------------- not sent


@plan("not_sent")
def nothing_was_sent(shop):
    return shop.order(days=4)


@plan("not_sent")
def one_of_two_was_sent(shop):
    order = shop.order(days=4)
    shop.shipment(order, quantity=1)
    return order


@plan("not_sent")
def one_order_of_a_split_purchase(shop):
    shop.sent()
    return shop.order(days=4)


@look_alike
def it_is_young(shop):
    shop.order(days=2)


@look_alike
def it_was_cancelled(shop):
    shop.order("canceled")


@look_alike
def it_was_edited_and_sent_under_the_new_number(shop):
    order = shop.order("canceled")
    again = shop.order("complete", increment_id=f"{order.increment_id}-1")
    shop.shipment(again)
    shop.invoice(again)


@look_alike
def it_was_edited_and_the_parcel_names_the_old_number(shop):
    order = shop.order("canceled")
    again = shop.order("complete", increment_id=f"{order.increment_id}-1")
    shop.shipment(order)
    shop.invoice(again)


@look_alike
def half_of_it_was_cancelled_and_credited(shop):
    order = shop.order("processing", quantity=2)
    shop.shipment(order, quantity=1)
    shop.invoice(order, quantity=2)
    memo = shop.credit(order, quantity=1, fee_amount=Decimal(0))
    memo.items.update(reversal="CANCELLED")


@look_alike
def two_parcels_hold_it(shop):
    order = shop.order("complete")
    shop.shipment(order, quantity=1)
    shop.shipment(order, quantity=1)
    shop.invoice(order)


@look_alike
def it_is_listed_as_parent_and_child(shop):
    order = shop.order("complete")
    item = order.items.get()
    make.OrderItemFactory(order=order, parent_sku=None, item_price_inc_tax=None, row_total_inc_tax=None, sku=item.sku)
    shop.shipment(order)
    shop.invoice(order)


# ---------------------------------------------------------------- complete without a shipment


@plan("complete_without_shipment")
def the_shipment_was_lost(shop):
    return shop.order("complete")


@plan("complete_without_shipment")
def it_was_invoiced_and_partly_returned(shop):
    order = shop.order("complete", quantity=5)
    shop.invoice(order, quantity=5)
    rma = shop.rma(order, quantity=2, status="processed_closed", date_received=shop.ago(19))
    rma.items.update(qty_returned=2, qty_approved=2)
    shop.credit(order, quantity=2)
    return order


@plan("complete_without_shipment")
def the_other_order_has_its_parcel(shop):
    shop.sent()
    return shop.order("complete", days=2)


@look_alike
def it_is_complete_since_today(shop):
    shop.order("complete", days=0.5)


@look_alike
def it_is_closed_and_was_never_sent(shop):
    order = shop.order("closed")
    shop.invoice(order)
    memo = shop.credit(order, shipping_price=Decimal("4.95"), fee_amount=Decimal(0))
    memo.items.update(reversal="CANCELLED")


# ---------------------------------------------------------------- parcels


@plan("silent_in_transit")
def the_parcel_is_silent(shop):
    order = shop.order("complete")
    shop.invoice(order)
    return shop.shipment(order, days=6, delivered=False)


@plan("silent_in_transit")
def it_was_collected_and_has_no_status(shop):
    order = shop.order("complete")
    shop.invoice(order)
    return shop.shipment(order, days=6, delivered=False, status=None)


@plan("silent_in_transit")
def only_one_of_two_parcels_arrived(shop):
    order = shop.order("complete")
    shop.invoice(order)
    shop.shipment(order, quantity=1)
    return shop.shipment(order, quantity=1, days=8, delivered=False)


@look_alike
def it_moved_yesterday(shop):
    order = shop.order("complete")
    shop.invoice(order)
    shop.shipment(order, days=1, delivered=False, created_at=shop.ago(10), collected_at=shop.ago(9))


@look_alike
def it_is_not_collected_yet(shop):
    order = shop.order("complete")
    shop.invoice(order)
    shop.shipment(order, delivered=False, status="READY_FOR_PICKUP", collected_at=None)


@look_alike
def it_was_delivered_by_its_date(shop):
    order = shop.order("complete")
    shop.invoice(order)
    shop.shipment(order, delivered=False, delivered_at=shop.ago(15))


@look_alike
def it_got_lost_and_was_credited(shop):
    order = shop.order("closed")
    shop.invoice(order)
    shop.shipment(order, delivered=False, status="EXCEPTION")
    shop.credit(order, fee_amount=Decimal(0))


@plan("problem_on_the_way")
def the_carrier_has_a_problem(shop):
    order = shop.order("complete")
    shop.invoice(order)
    return shop.shipment(order, days=0.1, delivered=False, status="EXCEPTION")


@plan("problem_on_the_way")
def it_has_a_problem_for_long(shop):
    order = shop.order("complete")
    shop.invoice(order)
    return shop.shipment(order, delivered=False, status="exception")


@plan("problem_on_the_way")
def it_was_never_collected_and_has_a_problem(shop):
    order = shop.order("complete")
    shop.invoice(order)
    return shop.shipment(order, delivered=False, status="EXCEPTION", collected_at=None)


@look_alike
def it_had_a_problem_and_was_delivered(shop):
    order = shop.order("complete")
    shop.invoice(order)
    shop.shipment(order, delivered=False, status="EXCEPTION", delivered_at=shop.ago(3))


# ---------------------------------------------------------------- returns


@plan("return_not_answered")
def nobody_answered_the_return(shop):
    return shop.rma(shop.sent(), days=4, status="pending")


@plan("return_not_answered")
def it_has_no_status(shop):
    return shop.rma(shop.sent(), days=4, status=None)


@plan("return_not_answered")
def it_is_the_second_return(shop):
    order = shop.sent()
    shop.rma(order, quantity=1, status="authorized")
    return shop.rma(order, quantity=1, days=4, status="pending")


@look_alike
def it_was_answered(shop):
    shop.rma(shop.sent(), status="authorized")


@look_alike
def one_of_its_items_was_answered(shop):
    rma = shop.rma(shop.sent(), status="pending")
    rma.items.update(status="authorized")


@look_alike
def it_was_asked_yesterday(shop):
    shop.rma(shop.sent(), days=1, status="pending")


@plan("return_not_credited")
def it_came_back_and_was_not_credited(shop):
    rma = shop.rma(shop.sent(), status="processed_closed", date_received=shop.ago(16))
    rma.items.update(qty_returned=2, qty_approved=2)
    return rma


@plan("return_not_credited")
def half_of_it_was_credited(shop):
    order = shop.sent()
    rma = shop.rma(order, status="received", date_received=shop.ago(16))
    shop.credit(order, quantity=1)
    return rma


@plan("return_not_credited")
def the_first_return_was_credited_the_second_not(shop):
    order = shop.sent()
    first = shop.rma(order, quantity=1, status="received", date_received=shop.ago(18))
    second = shop.rma(order, quantity=1, status="received", date_received=shop.ago(16))
    assert first.pk
    shop.credit(order, quantity=1)
    return second


@look_alike
def it_was_credited(shop):
    order = shop.sent()
    rma = shop.rma(order, status="processed_closed", date_received=shop.ago(16))
    rma.items.update(qty_returned=2)
    shop.credit(order)


@look_alike
def it_was_credited_without_a_size(shop):
    order = shop.sent()
    shop.rma(order, status="received", date_received=shop.ago(16))
    shop.credit(order).items.update(size=None)


@look_alike
def it_came_back_and_was_refused(shop):
    rma = shop.rma(shop.sent(), status="denied", date_received=shop.ago(16))
    rma.items.update(qty_returned=2)


@look_alike
def it_was_closed_without_coming_back(shop):
    shop.rma(shop.sent(), status="closed")


@look_alike
def it_is_exchanged(shop):
    rma = shop.rma(shop.sent(), status="received", date_received=shop.ago(16))
    rma.items.update(resolution="exchange")


@look_alike
def it_came_back_last_week(shop):
    shop.rma(shop.sent(), status="received", date_received=shop.ago(7))


# ---------------------------------------------------------------- cancelled, but sent


@plan("cancelled_but_sent")
def it_was_cancelled_and_sent(shop):
    order = shop.order("canceled")
    shop.shipment(order)
    return order


@plan("cancelled_but_sent")
def it_was_cancelled_and_is_under_way(shop):
    order = shop.order("canceled", days=1)
    shop.shipment(order, days=1, delivered=False)
    return order


@plan("cancelled_but_sent")
def the_old_and_the_new_number_were_sent(shop):
    order = shop.order("canceled")
    again = shop.order("complete", increment_id=f"{order.increment_id}-1")
    shop.shipment(order)
    shop.shipment(again)
    shop.invoice(again)
    return order


@look_alike
def it_was_cancelled_sent_and_came_back(shop):
    order = shop.order("canceled")
    shop.shipment(order)
    rma = shop.rma(order, status="processed_closed", date_received=shop.ago(10))
    rma.items.update(qty_returned=2)
    shop.credit(order)


@look_alike
def its_parcel_never_left(shop):
    order = shop.order("canceled")
    shop.shipment(order, delivered=False, status="READY_FOR_PICKUP", collected_at=None)


# ---------------------------------------------------------------- invoiced and not sent


@plan("invoiced_not_shipped")
def it_was_invoiced_only(shop):
    order = shop.order(days=3.5)
    shop.invoice(order, days=3.5)
    return order


@plan("invoiced_not_shipped")
def more_was_invoiced_than_sent(shop):
    order = shop.order(days=6)
    shop.shipment(order, quantity=1)
    shop.invoice(order, days=4)
    return order


@plan("invoiced_not_shipped")
def the_second_invoice_has_no_parcel(shop):
    order = shop.order(days=6)
    shop.shipment(order, quantity=1)
    shop.invoice(order, quantity=1, days=6, shipping_price=Decimal(0))
    shop.invoice(order, quantity=1, days=4)
    return order


@look_alike
def it_was_invoiced_yesterday(shop):
    order = shop.order(days=2)
    shop.invoice(order, days=1)


@look_alike
def the_parcel_of_its_invoice_is_there(shop):
    order = shop.order("processing")
    shop.shipment(order)
    shop.invoice(order)


# ---------------------------------------------------------------- amounts


@plan("amounts_differ")
def the_invoice_is_too_high(shop):
    order = shop.order("complete")
    shop.shipment(order)
    shop.invoice(order, grand_total=Decimal("245.01"))
    return order


@plan("amounts_differ")
def it_was_invoiced_twice(shop):
    order = shop.sent()
    shop.invoice(order, quantity=0, grand_total=Decimal("10.00"))
    return order


@plan("amounts_differ")
def the_credit_note_does_not_add_up(shop):
    order = shop.sent()
    return shop.credit(order, quantity=1, grand_total=Decimal("119.00"))


@plan("amounts_differ")
def more_was_credited_than_invoiced(shop):
    order = shop.sent()
    shop.credit(order, shipping_price=Decimal("20.00"), fee_amount=Decimal(0))
    return order


@plan("amounts_differ")
def more_was_credited_in_one_of_two_currencies(shop):
    order = shop.sent()
    shop.credit(order, quantity=0, currency="SEK", shipping_price=Decimal("10.00"), fee_amount=Decimal(0))
    shop.credit(order, shipping_price=Decimal("20.00"), fee_amount=Decimal(0))
    return order


@plan("amounts_differ")
def the_currency_of_the_invoice_that_is_too_high_is_in_small_letters(shop):
    order = shop.order("complete")
    shop.shipment(order)
    shop.invoice(order, currency="eur", grand_total=Decimal("245.01"))
    return order


@look_alike
def the_currency_of_the_credit_note_is_in_small_letters(shop):
    shop.credit(shop.sent(), quantity=1, currency="eur")


@look_alike
def the_invoice_has_a_discount(shop):
    order = shop.order("complete")
    shop.shipment(order)
    shop.invoice(order, grand_total=Decimal("200.00"))


@look_alike
def the_invoice_is_rounded(shop):
    order = shop.order("complete")
    shop.shipment(order)
    shop.invoice(order, grand_total=Decimal("244.99"))


@look_alike
def the_invoice_is_in_another_currency(shop):
    order = shop.order("complete")
    shop.shipment(order)
    shop.invoice(order, currency="SEK", grand_total=Decimal("2800.00"))


@look_alike
def the_invoice_is_split(shop):
    order = shop.order("complete")
    shop.shipment(order)
    shop.invoice(order, quantity=1)
    shop.invoice(order, quantity=1, shipping_price=Decimal(0))


@look_alike
def the_credit_note_has_a_fee(shop):
    shop.credit(shop.sent(), quantity=1)


@look_alike
def the_credit_note_is_a_cent_off(shop):
    shop.credit(shop.sent(), quantity=1, grand_total=Decimal("117.51"))


@look_alike
def the_credit_note_is_reduced(shop):
    shop.credit(shop.sent(), quantity=1, grand_total=Decimal("100.00"))


@look_alike
def the_return_fee_is_deducted(shop):
    shop.credit(shop.sent(), quantity=1, return_fee_amount=Decimal(5), grand_total=Decimal("112.50"))


# ---------------------------------------------------------------- pieces


@plan("pieces_differ")
def too_many_were_sent(shop):
    order = shop.order("complete")
    shop.shipment(order, quantity=3)
    shop.invoice(order)
    return order


@plan("pieces_differ")
def an_article_was_sent_that_nobody_ordered(shop):
    order = shop.sent()
    extra = shop.shipment(order, quantity=1)
    extra.items.update(sku="WS-ANOTHER")
    return order


@plan("pieces_differ")
def it_is_complete_and_one_piece_is_missing(shop):
    order = shop.order("complete")
    shop.shipment(order, quantity=1)
    shop.invoice(order)
    return order


@look_alike
def the_parcel_has_no_size(shop):
    order = shop.order("complete")
    shop.shipment(order).items.update(size=None)
    shop.invoice(order)


@look_alike
def the_surplus_belongs_to_the_other_order(shop):
    first, second = shop.order("complete"), shop.order("complete")
    shop.shipment(first, quantity=4)
    shop.invoice(first)
    shop.invoice(second)


# ---------------------------------------------------------------- incomplete


@plan("order_missing")
def only_the_shipment_is_known(shop):
    order = shop.stub()
    shop.shipment(order, days=2)
    return order


@plan("order_missing")
def only_the_credit_note_is_known(shop):
    order = shop.stub()
    shop.credit(order, days=2)
    return order


@plan("order_missing")
def one_order_of_the_purchase_is_missing(shop):
    shop.sent()
    order = shop.stub()
    shop.rma(order, days=2, status="authorized")
    return order


@look_alike
def its_shipment_came_first_an_hour_ago(shop):
    shop.shipment(shop.stub(), days=0.05)


@plan("not_in_shop")
def our_shop_does_not_know_it(shop):
    order = shop.sent()
    make.HostLinkFactory(order=order, since=shop.ago(2))
    return order


@plan("not_in_shop")
def it_has_no_number(shop):
    order = shop.sent()
    make.HostLinkFactory(order=order, since=shop.ago(2), status="no_number")
    return order


@plan("not_in_shop")
def the_payment_request_is_not_in_our_shop(shop):
    shop.sent()
    request = shop.lone_request(po_number=shop.po_number)
    make.HostLinkFactory(order=None, account="default", payment_request=request, since=shop.ago(2))
    return request


@look_alike
def our_shop_has_it(shop):
    make.HostLinkFactory(order=shop.sent(), since=None, status="found")


@look_alike
def our_shop_found_it_later(shop):
    make.HostLinkFactory(order=shop.sent(), since=shop.ago(2), status="found")


@look_alike
def looking_it_up_fails(shop):
    make.HostLinkFactory(order=shop.sent(), since=shop.ago(2), status="failed")


@plan("payment_open")
def nobody_paid(shop):
    order = shop.order("pending_payment", days=2.5)
    return shop.request(order, days=2.5)


@plan("payment_open")
def the_order_is_pending(shop):
    order = shop.order("pending", days=2.5)
    return shop.request(order, days=2.5)


@plan("payment_open")
def the_request_names_no_order(shop):
    return shop.lone_request(3, po_number=None)


@look_alike
def it_was_paid(shop):
    shop.request(shop.sent())


@look_alike
def the_order_of_the_same_number_was_paid(shop):
    shop.sent()
    shop.lone_request(po_number=shop.po_number)


@look_alike
def it_was_cancelled_instead(shop):
    shop.request(shop.order("canceled"))


@plan("payment_open")
def the_request_names_the_purchase_alone(shop):
    shop.order("pending_payment", days=4)
    return shop.lone_request(4, po_number=shop.po_number)


@look_alike
def all_went_well(shop):
    shop.sent()


# ---------------------------------------------------------------- with a pull


@plan("missing_shipment")
def the_pull_says_that_it_was_sent(shop):
    order = shop.order("complete")
    shop.invoice(order)
    shop.asked(order)
    return order


@plan("missing_shipment")
def the_pull_says_that_all_was_sent_and_half_arrived(shop):
    order = shop.order("complete")
    shop.shipment(order, quantity=1)
    shop.invoice(order)
    shop.asked(order)
    return order


@plan("missing_shipment")
def the_pull_says_only_that_it_is_complete(shop):
    order = shop.order("complete")
    shop.invoice(order)
    shop.asked(order, is_shipped=None)
    return order


@plan("missing_shipment")
def the_pull_says_complete_in_capitals(shop):
    order = shop.order("Complete")
    shop.invoice(order)
    shop.asked(order, is_shipped=None)
    return order


@plan("missing_invoice")
def the_pull_says_that_it_was_invoiced(shop):
    order = shop.order("complete")
    shop.shipment(order)
    shop.asked(order)
    return order


@plan("missing_invoice")
def the_pull_says_that_all_was_invoiced_and_half_arrived(shop):
    order = shop.order("complete")
    shop.shipment(order)
    shop.invoice(order, quantity=1)
    shop.asked(order)
    return order


@plan("missing_invoice")
def the_invoice_of_one_of_two_orders_is_missing(shop):
    shop.asked(shop.sent())
    order = shop.order("complete")
    shop.shipment(order)
    shop.asked(order)
    return order


@plan("missing_credit_note")
def the_return_is_processed_and_not_credited(shop):
    order = shop.sent()
    shop.asked(order)
    rma = shop.rma(order, status="processed_closed", date_processed=shop.ago(16), date_received=shop.ago(17))
    rma.items.update(qty_returned=2, qty_approved=2)
    return rma


@plan("missing_credit_note")
def the_return_is_approved_and_half_is_credited(shop):
    order = shop.sent()
    shop.asked(order)
    rma = shop.rma(order, status="approved", date_received=shop.ago(16))
    rma.items.update(qty_returned=2, qty_approved=2)
    shop.credit(order, quantity=1)
    return rma


@plan("missing_credit_note")
def the_order_is_closed_and_not_credited(shop, status="closed"):
    order = shop.sent()
    order.status = status
    order.save()
    shop.asked(order)
    return order


@plan("missing_credit_note")
def the_return_is_processed_in_capitals(shop):
    order = shop.sent()
    shop.asked(order)
    rma = shop.rma(order, status="Processed_Closed", date_received=shop.ago(16))
    rma.items.update(qty_returned=2, qty_approved=2)
    return rma


@plan("missing_credit_note")
def the_order_is_closed_in_capitals(shop):
    return the_order_is_closed_and_not_credited(shop, "Closed")


@plan("return_not_credited")
def the_return_came_back_and_stock_hub_has_not_decided(shop):
    order = shop.sent()
    shop.asked(order)
    return shop.rma(order, status="received", date_received=shop.ago(16))


@plan("complete_without_shipment")
def stock_hub_does_not_know_the_order_any_more(shop):
    order = shop.order("complete")
    shop.invoice(order)
    shop.asked(order, unknown_since=shop.ago(1), is_shipped=None, is_invoiced=None)
    return order


@look_alike
def the_pull_says_that_it_was_not_sent(shop):
    order = shop.order("complete")
    shop.invoice(order)
    shop.asked(order, is_shipped=False, shipped_since=None)


@look_alike
def the_pull_says_what_we_know(shop):
    shop.asked(shop.sent())


@look_alike
def the_pull_says_since_today_that_it_was_sent(shop):
    order = shop.order("complete")
    shop.invoice(order)
    shop.asked(order, shipped_since=shop.ago(0.5))


@look_alike
def the_pull_speaks_of_a_parcel_that_names_the_old_number(shop):
    order = shop.order("canceled")
    again = shop.order("complete", increment_id=f"{order.increment_id}-1")
    shop.shipment(order)
    shop.invoice(order)
    shop.asked(again)


@look_alike
def the_pull_speaks_of_an_order_with_a_surplus(shop):
    first, second = shop.order("complete"), shop.order("complete")
    shop.shipment(first, quantity=4)
    shop.invoice(first)
    shop.invoice(second)
    shop.asked(first)
    shop.asked(second)


@look_alike
def the_pull_speaks_of_what_was_cancelled_in_part(shop):
    order = shop.order("complete")
    shop.shipment(order, quantity=1)
    shop.invoice(order)
    shop.credit(order, quantity=1, fee_amount=Decimal(0)).items.update(reversal="CANCELLED")
    shop.asked(order)


@look_alike
def the_pull_speaks_of_a_return_that_is_credited(shop):
    order = shop.sent()
    shop.asked(order)
    rma = shop.rma(order, status="processed_closed", date_processed=shop.ago(16), date_received=shop.ago(17))
    rma.items.update(qty_returned=2, qty_approved=2)
    shop.credit(order)


@look_alike
def the_pull_speaks_of_a_return_that_was_refused(shop):
    order = shop.sent()
    shop.asked(order)
    shop.rma(order, status="denied", date_received=shop.ago(16)).items.update(qty_returned=2)


def processed(shop, order, **values):
    """Return a return of all pieces that Stock Hub has settled."""
    dates = {"date_processed": shop.ago(16), "date_received": shop.ago(17)}
    rma = shop.rma(order, **{"status": "processed_closed"} | dates | values)
    rma.items.update(qty_returned=2, qty_approved=2)
    return rma


@look_alike
def the_pull_speaks_of_a_return_that_was_processed_and_refused(shop):
    order = shop.sent()
    shop.asked(order)
    processed(shop, order, status="Denied")


@look_alike
def the_pull_speaks_of_a_return_whose_only_item_was_refused(shop):
    order = shop.sent()
    shop.asked(order)
    processed(shop, order).items.update(status="rejected")


@look_alike
def the_pull_speaks_of_a_return_that_is_exchanged(shop):
    order = shop.sent()
    shop.asked(order)
    processed(shop, order).items.update(resolution="exchange")


@look_alike
def the_pull_speaks_of_a_return_that_the_merchant_pays_as_store_credit(shop):
    order = shop.sent()
    shop.asked(order)
    processed(shop, order).items.update(merchant_resolution="Store_Credit")


@look_alike
def the_pull_speaks_of_a_return_whose_credit_note_names_the_old_number(shop):
    order = shop.order("canceled")
    again = shop.sent(increment_id=f"{order.increment_id}-1")
    processed(shop, again)
    shop.credit(order)
    shop.asked(again)
