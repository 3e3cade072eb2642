"""Amounts of documents, and their differences."""

from decimal import Decimal

import pytest

from stockhub_webhooks.models import CreditMemo, Invoice, Order, PaymentRequest
from stockhub_webhooks.office import story
from tests.samples import sample

pytestmark = pytest.mark.django_db


def terms(document):
    added = story.sum_of(document)
    return [(term.field, term.amount) for term in added.terms], added.total, added.difference


def test_fee_reduces_a_credit_note(post):
    post("creditmemo")
    assert terms(CreditMemo.objects.get()) == (
        [("subtotal", Decimal("120")), ("fee_amount", Decimal("-2.5"))], Decimal("117.5"), 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("total", "difference", "adds_up", "discount"),
    [
        (117.52, "0.02", False, 0),
        (117.51, "0.01", True, 0),
        (117.49, "-0.01", True, 0),
        (105.5, "-12", True, 12),
    ],
)
def test_total_below_its_terms_is_a_discount_and_a_cent_per_line_is_rounding(
    post, total, difference, adds_up, discount
):
    post("creditmemo", sample("creditmemo", grand_total=total))
    added = story.sum_of(CreditMemo.objects.get())
    assert (added.difference, added.adds_up, added.discount) == (Decimal(difference), adds_up, discount)


def test_return_fee_may_be_part_of_the_total_or_not(post):
    post("creditmemo", sample("creditmemo", increment_id="1", return_fee_amount=5, grand_total=112.5))
    post("creditmemo", sample("creditmemo", increment_id="2", return_fee_amount=5, grand_total=117.5))
    taken, left = (story.sum_of(memo) for memo in CreditMemo.objects.order_by("increment_id"))
    assert taken.adds_up
    assert left.adds_up
    assert [term.field for term in taken.terms] == ["subtotal", "fee_amount", "return_fee_amount"]
    assert [term.field for term in left.terms] == ["subtotal", "fee_amount"]


def test_missing_amounts_make_no_difference(post):
    post("invoice", sample("invoice", increment_id="1", shipping_price=None))
    post("invoice", sample("invoice", increment_id="2", grand_total=None))
    for invoice in Invoice.objects.all():
        assert story.sum_of(invoice).adds_up


def test_payment_request_is_not_checked(post):
    post("order-payment-request", sample("order-payment-request", grand_total=1))
    assert story.sum_of(PaymentRequest.objects.get()).difference is None


def test_lines_that_are_not_the_subtotal_are_said(post):
    post("order", sample("order", subtotal=241, grand_total=245.95))
    added = story.sum_of(Order.objects.get())
    assert (added.difference, added.lines_difference, added.adds_up) == (0, 1, False)
    post("order", sample("order", increment_id="3", subtotal=239, grand_total=243.95))
    assert story.sum_of(Order.objects.get(increment_id="3")).adds_up
    post("order", sample("order", increment_id="2", items__row_total_inc_tax=None))
    assert story.sum_of(Order.objects.get(increment_id="2")).lines_difference is None
