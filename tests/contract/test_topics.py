"""Which topic a body is of."""

import pytest

from stockhub_webhooks.contract import topics
from stockhub_webhooks.contract.topics import recognise
from tests.samples import contract, sample

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)


@EACH_TOPIC
def test_the_shared_url_tells_each_example_by_its_shape(topic):
    assert recognise(contract(topic), "") == topic


@EACH_TOPIC
def test_the_own_url_holds(topic):
    assert recognise(contract(topic), topic) == topic


@EACH_TOPIC
@pytest.mark.parametrize("url_topic", topics.ALL)
def test_another_topics_marker_overrules_the_url(topic, url_topic):
    # the invoice has no marker of its own, so at another's URL it is taken for that
    expected = url_topic if topic == topics.INVOICE else topic
    assert recognise(contract(topic), url_topic) == expected


def test_the_credit_memo_at_the_invoice_url_is_a_credit_memo():
    assert recognise(contract("creditmemo"), "invoice") == "creditmemo"


@EACH_TOPIC
def test_a_body_with_nothing_but_numbers_follows_the_url(topic):
    assert recognise({"increment_id": "1", "order_increment_id": "2"}, topic) == topic


def test_a_return_with_a_track_and_no_dates_stays_a_return():
    assert recognise(sample("rma", date_requested=None), "rma") == "rma"
    assert recognise({"increment_id": "1", "track": {"tracking_number": "2"}}, "rma") == "rma"


def test_a_return_at_the_shipment_url_is_a_return_though_it_has_a_track():
    assert recognise(contract("rma"), "shipment") == "rma"


def test_a_track_alone_speaks_of_a_shipment():
    assert recognise({"increment_id": "1", "track": {"tracking_number": "2"}}, "invoice") == "shipment"
    assert recognise({"increment_id": "1", "track": {"tracking_number": "2"}}, "") == "shipment"


def test_a_payment_request_without_its_markers_is_told_by_its_tax_at_the_shared_url():
    body = sample(topics.PAYMENT_REQUEST, purchase_order_increment_id=None, pay_by_link=None, payment=None)
    assert recognise(body | {"shipping_address": None}, "") == topics.PAYMENT_REQUEST


def test_null_markers_prove_nothing():
    assert recognise({"increment_id": "1", "date_requested": None, "track": None}, "invoice") == "invoice"


@pytest.mark.parametrize("body", [{}, {"increment_id": "1"}, {"items": "x"}, {"items": [1, None, {}]}])
def test_what_has_no_shape_has_no_topic(body):
    assert recognise(body, "") == ""
