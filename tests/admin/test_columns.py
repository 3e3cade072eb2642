"""Columns, filters and buttons of the lists that the office works by."""

import pytest
from django.test import override_settings

from stockhub_webhooks.models import ReceiverCall
from tests.conftest import KEY, TEST_KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__")


def test_export_of_a_list_has_its_kind_and_days_also_without_the_orders(clerk, post, list_url):
    http = clerk("view_creditmemo", "export")
    page = http.get(list_url("creditmemo"), {"created_at_from": "2024-01-01", "created_at_to": "2024-03-31"}).text
    assert "/order/export/?topic=creditmemo&amp;first=2024-01-01&amp;last=2024-03-31" in page
    answer = http.get(
        "/admin/stockhub_webhooks/order/export/", {"topic": "creditmemo", "period": "2024-04-01..2024-06-30"}
    )
    assert (str(answer.context["export"].period.first), answer.context["export"].table.topic) == (
        "2024-04-01",
        "creditmemo",
    )


def test_tests_are_left_out_until_they_are_chosen_or_searched_for(post, staff, list_url):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"default": KEY, "test": TEST_KEY}}):
        post("order", sample("order", increment_id="1"))
        post("order", sample("order", increment_id="2"), key=TEST_KEY)

        def listed(**query):
            return {row.increment_id for row in staff.get(list_url("order"), query).context["cl"].result_list}

        assert listed() == {"1"}
        assert listed(account="~all") == {"1", "2"}
        assert listed(q="2") == {"2"}


def test_what_a_link_filters_is_said_with_a_way_out(filled, staff, list_url):
    answer = staff.get(list_url("receivercall"), {"status__in": "pending,running"})
    ((_label, value, url),) = answer.context["cl"].linked_filters
    assert (value, "status__in" in url) == ("waiting, running", False)
    assert ReceiverCall.objects.exists()


def test_return_shows_whether_its_pieces_are_credited(post, staff, list_url):
    item = {"sku": "A", "size": "M", "qty": 2, "reversal": "NONE"}
    rma = {**sample("rma")["items"][0], "sku": "A", "size": "M", "qty_requested": 2, "qty_approved": 2,
           "qty_returned": 2, "status": "approved"}  # fmt: skip
    post("rma", sample("rma", items=[rma]))
    (row,) = staff.get(list_url("rma")).context["cl"].result_list
    assert (row.summary.pieces, row.summary.refund) == (2, "open")
    memo = sample("creditmemo", order_increment_id=row.order.increment_id)
    post("creditmemo", memo | {"items": [{**memo["items"][0], **item}]})
    (row,) = staff.get(list_url("rma")).context["cl"].result_list
    assert row.summary.refund == "credited"


@pytest.mark.parametrize(
    ("of_return", "size", "refund"),
    [
        ({}, None, "credited"),
        ({}, "XL", "open"),
        ({"size": None}, "M", "credited"),
        ({"resolution": "exchange"}, "XL", "no_refund"),
        ({"resolution": "refund", "merchant_resolution": "Exchange"}, "XL", "no_refund"),
        ({"status": "denied"}, "M", "no_refund"),
    ],
)
def test_return_waits_for_no_refund_that_it_has_or_will_not_get(post, staff, list_url, of_return, size, refund):
    item = sample("rma")["items"][0] | {"sku": "A", "size": "M", "qty_requested": 2, "qty_approved": 2,
                                        "qty_returned": 2, "status": "approved"}  # fmt: skip
    rma = sample("rma", items=[item | of_return])
    memo = sample("creditmemo", order_increment_id=rma["order_increment_id"])
    post("rma", rma)
    post("creditmemo", memo | {"items": [memo["items"][0] | {"sku": "A", "size": size, "qty": 2, "reversal": "NONE"}]})
    (row,) = staff.get(list_url("rma")).context["cl"].result_list
    assert row.summary.refund == refund
