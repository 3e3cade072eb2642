"""What happens is counted, by words that are few and known."""

import pytest
from django.db import transaction
from django.db.models import F
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.contrib.metrics import counters
from stockhub_webhooks.delivery import calls, claimed_calls
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater
from stockhub_webhooks.models import Message, ReceiverCall
from stockhub_webhooks.receiving import journal
from tests.conftest import KEY, TEST_KEY
from tests.contrib.metrics.conftest import SETTINGS
from tests.samples import sample

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("counting")]


@pytest.mark.parametrize("topic", topics.ALL)
def test_a_message_of_each_topic_is_counted_with_its_outcome_and_its_time(post, scrape, topic):
    for _ in range(2):
        assert post(topic).status_code == 200
    found = scrape()
    assert found["received_messages_total", "webhook", topic] == 2
    assert found["processed_messages_total", "created", topic] == 1
    assert found["processed_messages_total", "unchanged", topic] == 1
    assert found["processing_seconds_count", topic] == 2
    assert found["processing_seconds_sum", topic] > 0
    assert found["answer_seconds_count", "200"] == 2


def test_what_cannot_be_read_is_counted_as_quarantined_of_any_topic(post, scrape):
    assert post("any", b"not JSON").status_code == 406
    found = scrape()
    assert found["received_messages_total", "webhook", "any"] == 1
    assert found["processed_messages_total", "quarantined", "any"] == 1
    assert found["answer_seconds_count", "406"] == 1


def test_what_cannot_be_applied_is_counted_as_put_off_and_at_last_as_failed(post, scrape, monkeypatch):
    def broken(reading, message):
        raise ValueError

    monkeypatch.setattr("stockhub_webhooks.processing.pipeline.apply", broken)
    assert post("order").status_code == 202
    with override_settings(STOCKHUB_WEBHOOKS=SETTINGS | {"MAX_ATTEMPTS": 1}):
        assert post("order").status_code == 202
    found = scrape()
    assert found["processed_messages_total", "put_off", "order"] == 1
    assert found["processed_messages_total", "failed", "order"] == 1
    assert found["answer_seconds_count", "202"] == 2


def test_who_is_refused_is_counted_by_the_answer_alone(post, scrape):
    assert post("order", key="wrong").status_code == 401
    with override_settings(STOCKHUB_WEBHOOKS=SETTINGS | {"MAX_BODY_BYTES": 10}):
        assert post("order").status_code == 413
    found = scrape()
    assert (found["answer_seconds_count", "401"], found["answer_seconds_count", "413"]) == (1, 1)
    assert not [key for key in found if key[0] == "received_messages_total"]


def test_a_lost_message_is_a_503(post, scrape, monkeypatch):
    def away(*args, **kwargs):
        raise OSError

    monkeypatch.setattr(journal, "commit", away)
    assert post("order").status_code == 503
    assert scrape()["answer_seconds_count", "503"] == 1


def test_what_became_of_a_receiver_call(post, scrape, hear):
    def must(error):
        def work(**arguments):
            raise error

        return work

    hear(signals.order_created, uid="shop.does")
    hear(signals.order_created, must(ValueError("Testman")), uid="shop.fails")
    hear(signals.order_created, must(RetryLater(60)), uid="shop.waits")
    hear(signals.order_created, must(PermanentFailure("Testman")), uid="shop.refuses")
    post("order")
    found = scrape()
    calls = {key[1:]: value for key, value in found.items() if key[0] == "receiver_calls_total"}
    assert calls == {
        ("shop.does", "done"): 1,
        ("shop.fails", "failed"): 1,
        ("shop.waits", "later"): 1,
        ("shop.refuses", "given_up"): 1,
    }
    assert found["receiver_call_seconds_count", "shop.does"] == 1


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_a_receiver_whose_hook_fails_after_its_commit_is_done(post, scrape, hear):
    def work(**arguments):
        transaction.on_commit(lambda: 1 / 0)

    hear(signals.order_created, work, uid="shop.mails")
    post("order")
    assert scrape()["receiver_calls_total", "shop.mails", "done"] == 1


def test_a_call_that_another_process_took_over_is_recognised(post, scrape, hear):
    hear(signals.order_created, uid="shop.slow")
    with override_settings(STOCKHUB_WEBHOOKS=SETTINGS | {"INLINE_BUDGET_SECONDS": 0}):
        post("order")
    (call,) = claimed_calls.claim_due()
    ReceiverCall.objects.update(attempts=F("attempts") + 1)
    calls.call_receiver(call)
    assert scrape()["receiver_calls_total", "shop.slow", "taken_over"] == 1


def test_tests_are_left_out(post, scrape, hear):
    heard = hear(signals.order_created, uid="shop.hears_tests", test=True)
    assert post("order", key=TEST_KEY).status_code == 200
    assert len(heard) == 1
    found = scrape()
    counted = {key[0] for key in found if key[0].endswith(("_total", "_count"))}
    assert counted == {"answer_seconds_count"}


def test_nothing_of_a_customer_and_no_key_is_a_label(post, hear):
    from stockhub_webhooks.contrib.metrics.exposition import exposition

    hear(signals.event_recorded, uid="shop.hears")
    for topic in topics.ALL:
        post(topic, sample(topic, increment_id="000000777", po_number="SHOP-777"))
    text = exposition("")[0].decode()
    assert "shop.hears" in text
    assert not [word for word in ("000000777", "SHOP-777", "@", KEY, TEST_KEY, "127.0.0.1") if word in text]


def test_counting_that_fails_fails_nothing(post, hear, monkeypatch):
    for name in ("RECEIVED", "PROCESSED", "ANSWERS", "CALLS"):
        monkeypatch.setattr(counters, name, None)
    heard = hear(signals.order_created)
    assert post("order").status_code == 200
    assert len(heard) == 1


def test_an_unknown_topic_is_any(post, scrape):
    counters.received(message=Message(topic="x" * 20), signal=None, sender=Message)
    assert scrape()["received_messages_total", "webhook", "any"] == 1
