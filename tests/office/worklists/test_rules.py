"""Test the rules of the worklists: what is planted is found, what only looks like it is not."""

import pytest

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.models import Order, PaymentRequest, WorklistRow
from stockhub_webhooks.office.worklists import deadlines, rows
from stockhub_webhooks.office.worklists.rules import KIND_BY_MODEL, RULES
from stockhub_webhooks.testing import factories as make
from tests.office.worklists.planted import LOOK_ALIKES, PLANS, Shop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def with_resolver(settings):
    resolver = {"HOST_ORDER_RESOLVER": "tests.office.worklists.test_rules.no_order"}
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | resolver


def no_order(po_number, order):
    return None


def listed():
    """Return rule, kind and number of what is on the lists, after a look at everything."""
    orders = list(Order.objects.values_list("pk", flat=True))
    requests = list(PaymentRequest.objects.filter(order=None).values_list("pk", flat=True))
    rows.update(orders, requests)
    deadlines.open_due()
    return {(row.rule, row.kind, row.number) for row in rows.open_rows()}


def key(rule, document):
    return rule, KIND_BY_MODEL[type(document)], document.increment_id


# Nothing of an invoiced order was sent, so it is on both lists; a complete order lacks pieces, whatever a pull says.
ALSO = {"invoiced_not_shipped": {"not_sent"}, "missing_shipment": {"pieces_differ"}}


@pytest.mark.parametrize(("rule", "function"), PLANS, ids=[f"{rule}-{each.__name__}" for rule, each in PLANS])
def test_what_is_planted_is_found(rule, function):
    document = function(Shop())
    found = listed()
    assert key(rule, document) in found
    others = {each for each in found if each != key(rule, document)}
    assert {each[0] for each in others} <= ALSO.get(rule, set())


@pytest.mark.parametrize("function", LOOK_ALIKES, ids=[each.__name__ for each in LOOK_ALIKES])
def test_what_only_looks_like_it_is_not_found(function):
    function(Shop())
    assert listed() == set()


@pytest.mark.parametrize("purchases", [500, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_all_that_is_planted_among_many_is_found_and_nothing_else(purchases):
    expected = set()
    for rule, function in PLANS:
        expected.add(key(rule, function(Shop())))
    turns = (purchases - len(PLANS)) // len(LOOK_ALIKES)
    for _turn in range(turns):
        for function in LOOK_ALIKES:
            function(Shop())
    found = listed()
    assert expected <= found
    also = {(other, kind, number) for rule, kind, number in expected for other in ALSO.get(rule, ())}
    assert found <= expected | also


def test_each_rule_of_documents_is_planted_three_ways():
    planted = [rule for rule, _function in PLANS]
    for code, rule in RULES.items():
        if rule.of_purchase:
            assert planted.count(code) >= 3, code


def test_rows_of_tests_are_no_work():
    order = Shop().order()
    Order.objects.filter(pk=order.pk).update(account=TEST_ACCOUNT)
    assert listed() == set()
    assert not WorklistRow.objects.exists()


def test_a_purchase_with_more_orders_than_are_compared_is_judged_order_by_order(monkeypatch):
    monkeypatch.setattr("stockhub_webhooks.office.worklists.loading.MAX_ORDERS", 2)
    shop = Shop()
    late = [shop.order(days=4) for _number in range(3)]
    assert listed() == {key("not_sent", order) for order in late}


def test_the_number_of_queries_does_not_grow_with_the_purchases(django_assert_max_num_queries):
    for _number in range(30):
        Shop().sent()
        Shop().order(days=4)
    orders = list(Order.objects.values_list("pk", flat=True))
    with django_assert_max_num_queries(30):
        rows.update(orders)
    assert WorklistRow.objects.count() == 30
    make.OrderFactory()
