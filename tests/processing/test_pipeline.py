"""The way of a message, whole, for every topic."""

import pytest

from stockhub_webhooks.models import Message, Order
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import journal
from stockhub_webhooks.testing.factories import MessageFactory
from tests import claims
from tests.samples import ALPHABETICAL

pytestmark = pytest.mark.django_db


def test_the_examples_in_alphabetical_order_fill_an_empty_host_and_again_change_nothing(post):
    for topic in ALPHABETICAL:
        answer = post(topic)
        assert answer.status_code == 200, answer.content
        assert answer.json()["outcome"] == "created"
    for topic in ALPHABETICAL:
        assert post(topic).json()["outcome"] == "unchanged"


def test_message_that_is_deleted_before_it_is_applied_is_no_error():
    message = MessageFactory.build(status=Message.Status.RECEIVED, outcome="", increment_id="")
    journal.store(message, claimed=True)
    Message.objects.all().delete()
    assert pipeline.process(message).status == Message.Status.RECEIVED
    assert not Order.objects.exists()


def test_message_that_is_deleted_after_it_was_claimed_does_not_stop_the_others():
    deleted, other = (
        MessageFactory.build(status=Message.Status.RECEIVED, outcome="", increment_id="") for _number in range(2)
    )
    for message in (deleted, other):
        journal.store(message)
    for message in claims.claim_due():
        Message.objects.filter(pk=deleted.pk).delete()
        pipeline.process(message)
    other.refresh_from_db()
    assert other.status == Message.Status.APPLIED
