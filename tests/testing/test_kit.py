"""The testing kit: it does the work of a server, and raises what fails."""

import json
from datetime import date, datetime, timezone
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.dispatch import receiver
from django.test import SimpleTestCase, TestCase, TransactionTestCase, override_settings

from stockhub_webhooks import signals, testing
from stockhub_webhooks.conf import configured
from stockhub_webhooks.contract import topics
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater
from stockhub_webhooks.models import Event, Message, Order, ReceiverCall, Shipment
from stockhub_webhooks.receiving import kept_fields, spool
from tests.conftest import KEY
from tests.testing.test_samples import EACH_LIFE, EACH_TOPIC

NUMBER = testing.payload("order")["increment_id"]


def states():
    return list(ReceiverCall.objects.order_by("pk").values_list("status", "attempts"))


# ---------------------------------------------------------------- in every kind of test case


class Promises:
    """Promises that hold in each of Django's test cases."""

    def test_deliver_stores_and_applies_and_run_pending_calls_receivers(self):
        with testing.heard(signals.order_created) as calls:
            delivery = testing.deliver("order")
            assert (delivery.status, delivery.outcome) == (200, "created")
            assert json.loads(bytes(delivery.message.body)) == testing.payload("order")
            assert calls == []
            (call,) = testing.run_pending()
        assert call.status == "done"
        assert calls[0].order == Order.objects.get()
        assert (calls[0].event.type, calls[0].sender) == ("order.created", Order)

    def test_refused_message_leaves_the_test_usable(self):
        delivery = testing.deliver("order", key="wrong")
        assert (delivery.status, delivery.message, delivery.outcome) == (401, None, "")
        assert Message.objects.count() == 0

    def test_error_of_a_receiver_is_raised_and_its_writes_are_rolled_back(self):
        def fail(sender, *, shipment, **kwargs):
            Order.objects.create(account="x", increment_id="1")
            raise ZeroDivisionError("in the shop")

        with testing.isolated_receivers(), testing.heard(signals.shipment_created) as calls:
            signals.shipment_created.connect(fail, dispatch_uid="shop.fail")
            testing.deliver("shipment")
            with pytest.raises(ZeroDivisionError, match="in the shop"):
                testing.run_pending()
        assert len(calls) == 1, "a failing receiver does not affect others"
        assert not Order.objects.filter(account="x").exists()
        assert ReceiverCall.objects.get(receiver="shop.fail").status == "pending"

    def test_on_commit_hooks_run_once(self):
        ran = []
        with testing.isolated_receivers():

            @receiver(signals.order_created, dispatch_uid="shop.hook")
            def hook(sender, **kwargs):
                transaction.on_commit(lambda: ran.append(1))

            testing.deliver("order")
            testing.run_pending()
            testing.run_pending()
        assert ran == [1]


class InTestCase(Promises, TestCase):
    pass


class InTransactionTestCase(Promises, TransactionTestCase):
    pass


def test_fixture_gives_access_to_the_database(stockhub):
    assert connection.in_atomic_block
    assert stockhub.deliver("order").outcome == "created"


@pytest.mark.django_db(transaction=True)
def test_fixture_allows_real_transactions(stockhub):
    assert not connection.in_atomic_block
    calls = stockhub.heard(signals.order_created)
    stockhub.deliver("order")
    stockhub.run_pending()
    assert len(calls) == 1


# ---------------------------------------------------------------- delivering


@EACH_TOPIC
def test_every_topic_is_delivered(stockhub, topic):
    assert stockhub.deliver(topic).outcome == "created"
    assert stockhub.deliver("", stockhub.payload(topic)).outcome == "unchanged"


def test_changes_work_as_in_payload(stockhub):
    stockhub.deliver("order", seed=3, grand_total=Decimal("1.10"), created_at=datetime(2026, 1, 1, tzinfo=timezone.utc))
    order = Order.objects.get()
    assert (order.increment_id, order.grand_total) == ("000000004", Decimal("1.10"))
    assert order.created_at.year == 2026


def test_bytes_and_text_are_sent_unchanged(stockhub):
    assert stockhub.deliver("order", b"{").status == 406
    assert stockhub.deliver("order", '{"increment_id": "1"}').outcome == "created"
    quarantined = stockhub.deliver("order", "[]").message
    assert quarantined.status == "quarantined"


def test_value_without_a_json_type_is_an_error(stockhub):
    with pytest.raises(TypeError, match="JSON"):
        stockhub.deliver("order", {"increment_id": object()})
    with pytest.raises(TypeError, match="status"):
        stockhub.deliver("order", {"increment_id": "1"}, status="complete")


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"nl": ["", "first"], "be": "second"}})
def test_first_key_is_used_unless_another_is_given(stockhub):
    assert stockhub.deliver("order").message.account == "nl"
    assert stockhub.deliver("order", key="second").message.account == "be"
    assert stockhub.deliver("order", key=None).status == 401


@override_settings(STOCKHUB_WEBHOOKS={"REQUIRE_API_KEY": False})
def test_without_a_configured_key_none_is_sent(stockhub):
    assert stockhub.deliver("order").status == 200


@override_settings(SECURE_SSL_REDIRECT=True)
def test_delivery_uses_https(stockhub):
    assert stockhub.deliver("order").status == 200


@override_settings(MIDDLEWARE=["tests.testing.test_kit.login_page"])
def test_delivery_passes_the_hosts_middleware(stockhub):
    delivery = stockhub.deliver("order")
    assert (delivery.status, delivery.message) == (403, None)
    assert delivery.response.text == "<h1>Log in</h1>"


def login_page(get_response):
    from django.http import HttpResponse

    return lambda request: HttpResponse("<h1>Log in</h1>", status=403)


def test_foreign_json_answer_is_no_error(stockhub, monkeypatch):
    from django.http import JsonResponse

    monkeypatch.setattr("tests.testing.test_kit.login_page", lambda get: lambda request: JsonResponse([], safe=False))
    with override_settings(MIDDLEWARE=["tests.testing.test_kit.login_page"]):
        assert stockhub.deliver("order").outcome == ""


@pytest.mark.parametrize("runner", ["inline", "worker", "not.there"])
def test_runner_of_the_settings_makes_no_difference(stockhub, runner):
    calls = stockhub.heard(signals.order_created)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": runner}):
        assert stockhub.deliver("order").outcome == "created"
        assert calls == []
        stockhub.run_pending()
    assert len(calls) == 1


def test_spool_directory_of_the_shop_is_not_used(stockhub, tmp_path):
    before = configured()
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": str(tmp_path)}):
        waiting = Message(url_topic="order", account="default", body=b"{}")
        spool.write({name: getattr(waiting, name) for name in kept_fields.SPOOLED})
        (name,) = [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")]
        stockhub.deliver("order")
        stockhub.run_pending()
        with transaction.atomic():  # what is in a transaction of one's own cannot be journaled
            assert stockhub.deliver("order", status="complete").status == 503
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == [name]
    assert configured() == before


# ---------------------------------------------------------------- pending work


def connect(signal, function, uid="shop.receiver"):
    signal.connect(lambda sender, **arguments: function(**arguments), dispatch_uid=uid)


def test_run_pending_makes_calls_that_wait_for_their_next_attempt(stockhub):
    up = []

    def mail(event, **kwargs):
        if not up:
            raise ConnectionRefusedError

    connect(signals.order_created, mail)
    stockhub.deliver("order")
    (call,) = stockhub.run_pending(raise_errors=False)
    assert (call.status, call.attempts, call.last_error[:22]) == ("pending", 1, "ConnectionRefusedError")
    up.append(1)
    assert stockhub.run_pending(ignore_backoff=False) == []
    stockhub.run_pending()
    assert states() == [("done", 2)]


def test_receiver_that_failed_for_many_events_is_called_again_when_all_is_made_due(stockhub):
    up = []

    def warehouse(event, **kwargs):
        if not up:
            raise ConnectionRefusedError("the warehouse is away")

    connect(signals.order_created, warehouse)
    for seed in range(8):
        stockhub.deliver("order", seed=seed)
    stockhub.run_pending(raise_errors=False)
    assert ("pending", 0) in states()
    up.append(1)
    stockhub.run_pending()
    assert {status for status, _attempts in states()} == {"done"}


def test_retry_later_is_no_error_and_is_called_once_each_time(stockhub):
    asked = []

    def wait(event, **kwargs):
        asked.append(event.attempt)
        raise RetryLater(0)

    connect(signals.order_created, wait)
    stockhub.deliver("order")
    (call,) = stockhub.run_pending()
    assert call.status == "pending"
    assert set(asked) == {1}
    assert len(asked) <= 2


def test_given_up_call_is_an_error(stockhub):
    def refuse(event, **kwargs):
        raise PermanentFailure("not our order")

    connect(signals.order_created, refuse)
    stockhub.deliver("order")
    with pytest.raises(PermanentFailure, match="not our order"):
        stockhub.run_pending()
    assert states() == [("given_up", 1)]
    assert stockhub.run_pending() == []


def test_first_error_is_raised_with_notes_on_the_others(stockhub):
    def first(event, **kwargs):
        raise ValidationError("first")

    def second(event, **kwargs):
        raise KeyError("second")

    connect(signals.order_created, first, "shop.first")
    connect(signals.order_created, second, "shop.second")
    stockhub.deliver("order")
    with pytest.raises(ValidationError) as raised:
        stockhub.run_pending()
    notes = getattr(raised.value, "__notes__", None)  # Python 3.11
    assert notes in (None, [f"shop.first at order.created {NUMBER}: ValidationError",
                            f"shop.second at order.created {NUMBER}: KeyError"])  # fmt: skip


def test_error_of_an_on_commit_hook_is_raised(stockhub):
    def hook(event, **kwargs):
        transaction.on_commit(lambda: 1 / 0)

    connect(signals.order_created, hook)
    stockhub.deliver("order")
    with pytest.raises(ZeroDivisionError):
        stockhub.run_pending()
    assert states() == [("done", 1)]


def test_run_pending_applies_waiting_messages(stockhub):
    calls = stockhub.heard(signals.order_created)
    body = json.dumps(stockhub.payload("order")).encode()
    Message.objects.create(
        url_topic="order", account="default", body=body, due_at=datetime(2100, 1, 1, tzinfo=timezone.utc)
    )
    assert stockhub.run_pending(ignore_backoff=False) == []
    assert len(stockhub.run_pending()) == len(calls) == 1


def test_received_at_sets_the_time_of_receipt(stockhub):
    calls = stockhub.heard(signals.order_created)
    then = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
    delivery = stockhub.deliver("order", received_at=then)
    stockhub.deliver("order", seed=1)
    stockhub.run_pending()
    assert calls[0].event.received_at == calls[0].order.received_at == delivery.message.received_at == then
    assert calls[1].event.received_at != then


@pytest.mark.parametrize("at", [date(2026, 1, 31), datetime(2026, 1, 31), "2026-01-31"])
def test_time_of_receipt_must_be_an_aware_time(stockhub, at):
    with pytest.raises(TypeError, match="received_at"):
        stockhub.deliver("order", received_at=at)
    assert not Message.objects.exists()


def test_delivery_without_access_to_the_database_says_so():
    with pytest.raises(RuntimeError, match="django_db"):
        testing.deliver("order")


class WithoutDatabase(SimpleTestCase):
    def test_delivery_says_so(self):
        with pytest.raises(AssertionError, match="databases"):
            testing.deliver("order")


def test_replay_calls_only_the_given_receiver(stockhub):
    told, untold = [], []

    def replayed(event, **kwargs):
        told.append((event.type, event.is_replay))

    connect(signals.event_recorded, replayed, "shop.replayed")
    connect(signals.event_recorded, lambda **_: untold.append(1), "shop.other")
    stockhub.deliver("order")
    stockhub.run_pending()
    stockhub.deliver("order", status="complete", updated_at="2026-12-31T12:00:00+00:00")
    stockhub.replay("shop.replayed")
    stockhub.run_pending()
    created = ["order.created", "purchase.changed"]
    replayed_types = [*created, "order.status_changed", "order.updated", "purchase.changed"]
    assert told == [(name, False) for name in created] + [(name, True) for name in replayed_types]
    assert len(untold) == 5


def test_replay_without_a_connected_receiver_is_an_error(stockhub):
    with pytest.raises(LookupError, match=r"shop\.nobody"):
        stockhub.replay("shop.nobody")


# ---------------------------------------------------------------- hearing


def test_operational_signals_are_recorded_at_once(stockhub):
    calls = stockhub.heard(signals.message_quarantined)
    stockhub.deliver("order", "{")
    assert calls[0].reason


def test_recorded_call_declares_every_argument_of_every_signal():
    arguments = set().union(*(signal.arguments for signal in signals.BY_NAME.values()))
    assert arguments <= set(testing.RecordedCall.__annotations__)


def test_signal_can_be_recorded_twice(stockhub):
    first, second = stockhub.heard(signals.order_created), stockhub.heard(signals.order_created)
    stockhub.deliver("order")
    stockhub.run_pending()
    assert len(first) == len(second) == 1


def test_isolated_receivers_restores_the_receivers(stockhub):
    connect(signals.order_created, print, "shop.one")
    connect(signals.order_created, print, "shop.two")
    before = list(signals.order_created.connected())
    with testing.isolated_receivers("shop.two"):
        assert [known.identity for known in signals.order_created.connected()] == ["shop.two"]
        connect(signals.shipment_created, print, "shop.three")
        signals.order_created.disconnect(dispatch_uid="shop.two")
    assert list(signals.order_created.connected()) == before
    assert not list(signals.shipment_created.connected())


def test_isolated_receivers_keeps_the_test_option(stockhub):
    signals.order_created.connect(lambda **_: None, dispatch_uid="shop.rehearse", test=True)
    with testing.isolated_receivers():
        pass
    assert [known.test for known in signals.order_created.connected()] == [True]


def test_only_keeps_the_named_receiver(stockhub):
    calls = []
    connect(signals.order_created, lambda **_: calls.append("one"), "shop.one")

    def two(sender, **kwargs):
        calls.append("two")

    signals.order_created.connect(two, dispatch_uid="shop.two")
    stockhub.only(two)
    stockhub.deliver("order")
    stockhub.run_pending()
    assert calls == ["two"]


def test_unknown_receiver_is_an_error(stockhub):
    with pytest.raises(LookupError, match=r"shop\.tow"):
        stockhub.only("shop.tow")


# ---------------------------------------------------------------- lives


def known():
    """Return the values of all documents, without keys and times of receipt."""
    from stockhub_webhooks.delivery.subjects import BY_NAME

    ours = {"id", "received_at", "reading_digest", "order_id", "shipping_address_id", "billing_address_id"}
    ours |= {"origin_address_id", "shipment_id", "rma_id", "invoice_id", "credit_memo_id", "payment_request_id"}
    rows = []
    for model in {subject.model for subject in BY_NAME.values()} | {
        subject.item_model for subject in BY_NAME.values() if subject.item_model
    }:
        rows += [
            f"{model.__name__} {sorted((name, str(value)) for name, value in row.items() if name not in ours)}"
            for row in model.objects.values()
        ]
    return sorted(rows)


@EACH_LIFE
@pytest.mark.parametrize("change", [testing.duplicate, testing.without_parent, testing.shuffle])
def test_life_ends_in_the_same_state_in_any_sequence(stockhub, name, change):
    life = stockhub.life(name)
    assert {delivery.status for delivery in stockhub.play(life)} == {200}
    wanted = known()
    Message.objects.all().delete()
    Order.objects.all().delete()
    assert {delivery.status for delivery in stockhub.play(change(life))} == {200}
    assert known() == wanted
    assert Shipment.objects.count() == len([key for key in life.ending if key[0] == "shipment"])


def test_duplicated_life_has_the_same_effect(stockhub):
    calls = stockhub.heard(signals.event_recorded)
    stockhub.play(stockhub.duplicate(stockhub.life("returned")))
    stockhub.run_pending()
    assert len(calls) == Event.objects.count()
    once = [t.event.type for t in calls]
    Message.objects.all().delete()
    Order.objects.all().delete()
    calls.clear()
    stockhub.play(stockhub.life("returned"))
    stockhub.run_pending()
    assert [t.event.type for t in calls] == once


# ---------------------------------------------------------------- the package


def test_every_public_name_can_be_imported():
    assert {name for name in testing.__all__ if not getattr(testing, name)} == set()
    assert set(testing.__all__) <= set(dir(testing))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        testing.nothing  # noqa: B018


def test_payloads_exist_for_all_topics():
    assert all(testing.payload(topic) for topic in topics.ALL)
    assert ledger.known_receivers() == {}
