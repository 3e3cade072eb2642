"""The account "test": messages that are applied like real ones, and kept apart from them."""

from datetime import datetime, timedelta, timezone

import pytest
from django.core.management import call_command
from django.dispatch import receiver
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import Event, Message, Order, ReceiverCall, Shipment
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.processing.apply import BY_TOPIC
from stockhub_webhooks.receiving.authentication import fingerprint
from tests.conftest import KEY, TEST_KEY
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
KEYS = {"API_KEYS": {"default": KEY, "test": TEST_KEY}}


@pytest.fixture(autouse=True)
def _two_accounts():
    with override_settings(STOCKHUB_WEBHOOKS=KEYS):
        yield


# ---------------------------------------------------------------- receivers


@EACH_TOPIC
def test_test_message_is_applied_and_only_receivers_connected_for_tests_are_called(post, hear, topic):
    for_tests, others = hear(signals.event_recorded, test=True), hear(signals.event_recorded)
    assert post(topic, key=TEST_KEY).json()["outcome"] == "created"
    document = BY_TOPIC[topic].model.objects.get()
    assert document.is_test
    assert Message.objects.get().is_test
    assert others == []
    assert {arguments["event"].is_test for arguments in for_tests} == {True}
    assert len(for_tests) == Event.objects.count() == ReceiverCall.objects.count()
    assert all(call.is_test for call in ReceiverCall.objects.all())


def test_receiver_connected_for_tests_gets_real_events_too(post, hear):
    calls = hear(signals.order_created, test=True)
    post("order")
    assert [arguments["event"].is_test for arguments in calls] == [False]


def test_decorator_of_django_connects_for_tests(post):
    calls = []

    @receiver(signals.order_created, dispatch_uid="shop.tried_out", test=True)
    def tried_out(sender, *, order, event, **kwargs):
        calls.append((order.increment_id, event.is_test))

    try:
        post("order", key=TEST_KEY)
    finally:
        signals.order_created.disconnect(dispatch_uid="shop.tried_out")
    assert calls == [(contract("order")["increment_id"], True)]


def test_pending_test_calls_are_given_up_if_the_receiver_is_no_longer_connected_for_tests(post, hear):
    with override_settings(STOCKHUB_WEBHOOKS=KEYS | {"INLINE_BUDGET_SECONDS": 0}):
        hear(signals.order_created, test=True, uid="shop.orders")
        post("order", key=TEST_KEY)
    signals.order_created.disconnect(dispatch_uid="shop.orders")
    calls = hear(signals.order_created, uid="shop.orders")
    assert ledger.known_receivers()["order_created"] == {"shop.orders"}
    call_command("stockhub_worker", "--once")
    assert calls == []
    call = ReceiverCall.objects.get()
    assert call.status == "given_up"
    assert "shop.orders" in call.last_error


def test_operational_signals_are_sent_for_tests_too(post):
    calls = []

    def listen(sender, message, **kwargs):
        calls.append(message.is_test)

    signals.message_received.connect(listen)
    try:
        post("order", key=TEST_KEY)
    finally:
        signals.message_received.disconnect(listen)
    assert calls == [True]


# ---------------------------------------------------------------- separation


def test_same_numbers_in_two_accounts_are_different_documents(post):
    post("order", sample("order", status="complete"))
    number = contract("order")["increment_id"]
    assert post("order", sample("order", status="canceled"), key=TEST_KEY).json()["outcome"] == "created"
    post("shipment", sample("shipment", order_increment_id=number), key=TEST_KEY)
    real, test = Order.objects.get(account="default"), Order.objects.get(account="test")
    assert (real.increment_id, real.po_number) == (test.increment_id, test.po_number)
    assert (real.status, test.status) == ("complete", "canceled")
    assert Shipment.objects.get().order == test
    for model in (Message, Order, Event):
        assert {row.account for row in model.objects.real()} == {"default"}
        assert {row.account for row in model.objects.of_account("test")} == {"test"}
    assert not Shipment.objects.real().exists()


def test_real_receiver_calls_are_filtered_by_the_account_of_their_event(post, hear):
    hear(signals.order_created, test=True)
    post("order")
    post("order", key=TEST_KEY)
    assert [call.event.account for call in ReceiverCall.objects.real()] == ["default"]
    assert ReceiverCall.objects.real().open().count() == 0


def test_account_defaults_to_the_only_real_one():
    assert conf.account() == "default"
    assert conf.account("test") == "test"
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"test": TEST_KEY}}):
        assert conf.account() == "test"
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"nl": KEY, "be": "other", "test": TEST_KEY}}):
        with pytest.raises(ValueError, match="nl, be, test"):
            conf.account()


# ---------------------------------------------------------------- alarms


def refuse(**arguments):
    raise PermanentFailure("no")


def codes():
    return [finding.code for finding in find_problems(collect_report())]


def test_test_messages_raise_no_alarm(post, hear):
    hear(signals.order_created, refuse, test=True)
    hear(signals.order_updated, test=True, uid="shop.removed")
    post("order", key=TEST_KEY)
    post("order", b"not JSON", key=TEST_KEY)
    with override_settings(STOCKHUB_WEBHOOKS=KEYS | {"RUNNER": "worker"}):
        post("shipment", key=TEST_KEY)
        post("invoice", key=TEST_KEY)
    Message.objects.filter(url_topic="shipment").update(due_at=PAST)
    Message.objects.filter(url_topic="invoice").update(status="failed", due_at=None)
    call = ReceiverCall.objects.get(status="given_up")
    ReceiverCall.objects.create(event=call.event, signal="order_updated", receiver="shop.removed", due_at=PAST)
    ReceiverCall.objects.create(event=call.event, signal="order_updated", receiver="shop.gone", due_at=PAST)
    assert codes() == []
    Message.objects.update(account="default")
    Event.objects.update(account="default")
    assert codes() == ["given_up", "given_up", "no_worker", "no_worker", "quarantined", "gone_receivers"]


@pytest.mark.parametrize("key", [KEY, TEST_KEY])
def test_test_message_ends_neither_silence_nor_refusals(post, key):
    # a kept body would be a problem until somebody decides about it, whatever is accepted since
    with override_settings(STOCKHUB_WEBHOOKS=KEYS | {"SILENCE_AFTER_HOURS": 24, "KEEP_REFUSED": 0}):
        post("order")
        Message.objects.update(received_at=datetime.now(timezone.utc) - timedelta(hours=30))
        post("order", key="mistyped")
        post("order", key=key)
        assert codes() == ([] if key == KEY else ["refusals", "silence"])


def test_health_reports_the_last_use_of_the_test_key(post):
    post("order", key=TEST_KEY)
    seen = collect_report()
    assert set(seen.last_messages.values()) == {None}
    assert {use.account: bool(use.last_used) for use in seen.keys} == {"default": False, "test": True}
    assert fingerprint(TEST_KEY) in {use.fingerprint for use in seen.keys}
