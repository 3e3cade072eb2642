"""Addresses one keystroke away."""

import pytest

from stockhub_webhooks.contract import topics
from stockhub_webhooks.contract.addresses import topic_of


@pytest.mark.parametrize("topic", topics.ALL)
@pytest.mark.parametrize(
    "variant",
    ["{0}", "/{0}", "{0}/", "//{0}//", "{0}s", "{0} ", "{0}.json", "{0}.php", "v1/{0}", "_{0}"],
)
def test_a_variant_of_a_topics_address_means_that_topic(topic, variant):
    path = variant.format(topic)
    assert topic_of(path) == topic
    assert topic_of(path.upper()) == topic


@pytest.mark.parametrize(
    ("path", "topic"),
    [
        ("credit-memo", "creditmemo"),
        ("credit_memo", "creditmemo"),
        ("creditMemos", "creditmemo"),
        ("order_payment_request", "order-payment-request"),
        ("OrderPaymentRequests", "order-payment-request"),
        ("RMAs", "rma"),
    ],
)
def test_other_spellings(path, topic):
    assert topic_of(path) == topic


@pytest.mark.parametrize("path", ["", "/", "webhook", "orderss", "refund", "../admin", "order/1", "x" * 5000])
def test_any_other_address_names_no_topic(path):
    assert topic_of(path) == ""
