"""Recognising the topic of a body."""

import pytest

from stockhub_webhooks.contract import topics
from stockhub_webhooks.contract.topics import recognise
from tests.samples import contract, sample

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)


@EACH_TOPIC
def test_each_example_is_recognised_at_the_shared_url(topic):
    assert recognise(contract(topic), "") == topic


@EACH_TOPIC
def test_each_example_is_recognised_at_its_own_url(topic):
    assert recognise(contract(topic), topic) == topic


@EACH_TOPIC
@pytest.mark.parametrize("url_topic", topics.ALL)
def test_marker_of_another_topic_overrules_the_url(topic, url_topic):
    # an invoice has no marker of its own, so the URL decides
    expected = url_topic if topic == topics.INVOICE else topic
    assert recognise(contract(topic), url_topic) == expected


def test_credit_memo_at_the_invoice_url_is_a_credit_memo():
    assert recognise(contract("creditmemo"), "invoice") == "creditmemo"


@EACH_TOPIC
def test_url_decides_for_a_body_of_numbers_only(topic):
    assert recognise({"increment_id": "1", "order_increment_id": "2"}, topic) == topic


def test_return_with_a_track_and_no_dates_stays_a_return():
    assert recognise(sample("rma", date_requested=None), "rma") == "rma"
    assert recognise({"increment_id": "1", "track": {"tracking_number": "2"}}, "rma") == "rma"


def test_return_with_a_track_at_the_shipment_url_is_a_return():
    assert recognise(contract("rma"), "shipment") == "rma"


def test_body_with_a_track_and_no_marker_is_a_shipment():
    assert recognise({"increment_id": "1", "track": {"tracking_number": "2"}}, "invoice") == "shipment"
    assert recognise({"increment_id": "1", "track": {"tracking_number": "2"}}, "") == "shipment"


def test_payment_request_without_markers_is_recognised_by_its_tax_at_the_shared_url():
    body = sample(topics.PAYMENT_REQUEST, purchase_order_increment_id=None, pay_by_link=None, payment=None)
    assert recognise(body | {"shipping_address": None}, "") == topics.PAYMENT_REQUEST


def test_null_marker_is_ignored():
    assert recognise({"increment_id": "1", "date_requested": None, "track": None}, "invoice") == "invoice"


@pytest.mark.parametrize("body", [{}, {"increment_id": "1"}, {"items": "x"}, {"items": [1, None, {}]}])
def test_body_without_markers_has_no_topic(body):
    assert recognise(body, "") == ""
