"""The shop's code is asked until it has done its work."""

from contextlib import suppress
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.test import override_settings
from django.utils import timezone as timezone_of_django
from django.utils import translation

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.delivery import calls, claimed_calls, ledger, manual
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater
from stockhub_webhooks.models import Event, Heartbeat, Message, Order, ReceiverCall, RMAItem, Shipment, Track
from stockhub_webhooks.operations import worker
from stockhub_webhooks.processing import pipeline
from tests.claims import claim_due
from tests.conftest import KEY
from tests.processing.test_apply import CREATED, OTHER, UPDATED, later
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)


def make_due():
    ReceiverCall.objects.filter(due_at__isnull=False).update(due_at=PAST)


def fail(**arguments):
    raise ValueError("the shop's database said no to Testman")


# ---------------------------------------------------------------- what a receiver hears


@EACH_TOPIC
def test_every_event_is_sent_by_its_signal_and_by_event_recorded(post, topic, hear):
    specific = {name: hear(signal) for name, signal in signals.BY_EVENT_TYPE.items()}
    every = hear(signals.event_recorded)
    post(topic)
    post(topic, later(sample(topic, **OTHER[topic])))
    expected = CREATED[topic] + UPDATED[topic]
    assert [arguments["event"].type for arguments in every] == expected
    assert all(arguments["sender"] is Event for arguments in every)
    assert sorted(kind for kind, heard in specific.items() for _ in heard) == sorted(expected)
    assert set(ReceiverCall.objects.values_list("status", flat=True)) == {"done"}


@EACH_TOPIC
def test_a_receiver_gets_the_document_under_its_name_the_order_and_the_event(post, topic, hear):
    from stockhub_webhooks.processing.apply import BY_TOPIC

    kind = BY_TOPIC[topic]
    (heard,) = [hear(signals.BY_EVENT_TYPE[CREATED[topic][0]])]
    post(topic)
    (arguments,) = heard
    document = arguments[kind.name]
    assert arguments["sender"] is kind.model
    assert isinstance(document, kind.model)
    assert isinstance(arguments["order"], Order)
    event = arguments["event"]
    message = Message.objects.get()
    assert (event.type, event.account, event.message_id) == (CREATED[topic][0], "default", message.pk)
    assert (event.received_at, event.api_version, event.attempt) == (message.received_at, "V1", 1)
    assert (event.po_number, event.is_replay) == ("RESELLER_REF", False)
    with pytest.raises(AttributeError):
        event.type = "other"


def test_changes_are_typed(post, hear):
    heard = hear(signals.order_updated)
    post("order")
    post("order", later(sample("order", grand_total=250, created_at="2024-05-07T00:00:00Z", items__qty_ordered=4)))
    changes = heard[0]["event"].changes
    assert changes["grand_total"] == (Decimal("244.95"), Decimal("250"))
    assert changes["created_at"][1] == datetime(2024, 5, 7, tzinfo=timezone.utc)
    sku = contract("order")["items"][0]["sku"]
    assert changes[f"items[{sku}/L].qty_ordered"] == (2, 4)
    with pytest.raises(TypeError):
        changes["status"] = None


def test_status_changes_tell_old_and_new(post, hear):
    orders, items = hear(signals.order_status_changed), hear(signals.rma_item_status_changed)
    post("order")
    post("order", later(sample("order", status="closed")))
    post("rma")
    post("rma", sample("rma", items__status="received"))
    assert (orders[0]["old_status"], orders[0]["new_status"]) == ("complete", "closed")
    assert (items[0]["old_status"], items[0]["new_status"]) == ("authorized", "received")
    assert items[0]["rma"] == items[0]["rma_item"].rma
    assert items[0]["sender"] is RMAItem


def test_a_track_tells_whose_it_is(post, hear):
    heard = hear(signals.track_added)
    post("shipment")
    post("rma")
    of_shipment, of_rma = heard
    assert (of_shipment["shipment"], of_shipment["rma"]) == (Shipment.objects.get(), None)
    assert (of_rma["shipment"], of_rma["rma"]) == (None, of_rma["track"].rma)
    assert of_rma["order"].increment_id == "000000701"
    assert of_rma["sender"] is Track


def test_objects_are_of_now_and_changes_of_then(post, hear):
    heard = hear(signals.order_created, lambda **arguments: None)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order")
        post("order", later(sample("order", status="closed")))
    worker.drain()
    assert heard[0]["order"].status == "closed"
    assert heard[0]["event"].changes["status"] == (None, "complete")


def test_a_receiver_works_in_the_hosts_language_and_time_zone_whatever_the_request(post, hear, settings):
    settings.LANGUAGE_CODE = "en"
    seen = []

    def look(**arguments):
        seen.append((translation.get_language(), timezone_of_django.get_current_timezone_name()))

    hear(signals.order_created, look)
    with timezone_of_django.override("Asia/Tokyo"):
        post("order", headers={"accept-language": "nl"})
    assert seen == [("en", "Europe/Amsterdam")]


def test_events_without_receivers_are_written(post):
    post("order")
    assert set(Event.objects.values_list("type", flat=True)) == {"order.created", "purchase.changed"}
    assert not ReceiverCall.objects.exists()


def test_the_answer_comes_before_the_telling(post, hear, client, monkeypatch):
    from stockhub_webhooks import views

    heard = hear(signals.order_created)
    before = []
    real = views.WebhookResponse.close
    monkeypatch.setattr(views.WebhookResponse, "close", lambda self: (before.append(len(heard)), real(self)))
    post("order")
    assert (before, len(heard)) == ([0], 1)


# ---------------------------------------------------------------- failing, and being asked again


@EACH_TOPIC
def test_one_that_fails_touches_no_other_and_heals_on_retry(post, topic, hear):
    tries = []

    def fail_once(**arguments):
        tries.append(arguments["event"])
        if len(tries) == 1:
            raise ValueError("not today")

    signal = signals.BY_EVENT_TYPE[CREATED[topic][0]]
    hear(signal, fail_once, uid="failing")
    healthy = hear(signal, uid="healthy")
    assert post(topic).status_code == 200
    call = ReceiverCall.objects.get(receiver="failing")
    assert (call.status, call.attempts) == ("pending", 1)
    assert call.last_error.startswith("ValueError: not today")
    assert "fail_once" in call.last_error
    assert len(healthy) == 1
    make_due()
    worker.drain()
    call.refresh_from_db()
    assert (call.status, call.attempts, call.last_error, call.due_at) == ("done", 2, "", None)
    assert [event.attempt for event in tries] == [1, 2]
    assert tries[0].idempotency_key == tries[1].idempotency_key
    assert len(healthy) == 1


def test_each_receiver_has_an_idempotency_key_of_its_own(post, hear):
    one, two = hear(signals.order_created), hear(signals.order_created)
    post("order")
    assert one[0]["event"].idempotency_key != two[0]["event"].idempotency_key


def test_traffic_heals_what_is_due(post, hear):
    tries = []

    def fail_once(**arguments):
        tries.append(1)
        if len(tries) == 1:
            fail()

    hear(signals.order_created, fail_once)
    post("order")
    make_due()
    post("invoice")
    assert ReceiverCall.objects.get().status == "done"


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 10})
def test_ten_failures_and_it_is_given_up_and_what_is_behind_goes_on(post, hear, caplog):
    gave_up, failed = [], []
    signals.receiver_gave_up.connect(lambda **kw: gave_up.append(kw["call"]), weak=False, dispatch_uid="t")
    signals.receiver_failed.connect(lambda **kw: failed.append(kw["error"]), weak=False, dispatch_uid="t")
    tries = []

    def fail_for_the_first(**arguments):
        tries.append(arguments["event"].type)
        if arguments["event"].type == "order.created":
            fail()

    hear(signals.order_created, fail_for_the_first, uid="shop.one")
    hear(signals.order_updated, fail_for_the_first, uid="shop.one")
    post("order")
    post("order", later(sample("order", status="closed")))
    for _ in range(12):
        make_due()
        worker.drain()
    signals.receiver_gave_up.disconnect(dispatch_uid="t")
    signals.receiver_failed.disconnect(dispatch_uid="t")
    first, second = ReceiverCall.objects.order_by("pk")
    assert (first.status, first.attempts, first.due_at) == ("given_up", 10, None)
    assert (second.status, second.attempts) == ("done", 1)
    assert tries == ["order.created"] * 10 + ["order.updated"]
    assert (len(gave_up), len(failed)) == (1, 9)
    assert "Testman" not in caplog.text


def test_given_up_is_tried_again_on_request(post, hear):
    failing = [True]
    hear(signals.order_created, lambda **arguments: fail() if failing else None)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 1}):
        post("order")
        call = ReceiverCall.objects.get()
        assert call.status == "given_up"
        failing.clear()
        assert manual.requeue([call.pk]) == 1
        worker.drain()
    call.refresh_from_db()
    assert (call.status, call.attempts) == ("done", 1)


def test_retry_later_counts_no_attempt(post, hear):
    def not_yet(**arguments):
        raise RetryLater(120)

    hear(signals.order_created, not_yet)
    post("order")
    for _ in range(30):
        make_due()
        worker.drain()
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts) == ("pending", 0)
    assert timedelta(seconds=60) < call.due_at - datetime.now(timezone.utc) < timedelta(seconds=180)


@pytest.mark.parametrize("seconds", [0, -5, 0.001])
def test_receiver_that_always_asks_for_now_keeps_no_worker_busy(post, hear, monkeypatch, seconds):
    monkeypatch.setattr(ledger, "SHORTEST_WAIT_SECONDS", 60)  # not over while a slow machine still works

    def now(**arguments):
        raise RetryLater(seconds)

    asked = hear(signals.order_created, now)
    post("order")
    worker.drain()
    assert len(asked) == 1
    assert ReceiverCall.objects.filter(due_at__gt=datetime.now(timezone.utc)).exists()


def test_a_permanent_failure_is_given_up_at_once(post, hear):
    def never(**arguments):
        raise PermanentFailure("this shop sells no shoes")

    hear(signals.order_created, never)
    post("order")
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts, call.last_error) == ("given_up", 1, "this shop sells no shoes")


def test_a_failing_hook_after_the_commit_is_no_failure_of_the_receiver(transactional_db, post, hear, caplog):
    def with_hook(order, **arguments):
        transaction.on_commit(fail)

    heard = hear(signals.order_created, with_hook)
    post("order")
    make_due()
    worker.drain()
    call = ReceiverCall.objects.get()
    assert len(heard) == 1
    assert (call.status, call.attempts) == ("done", 1)
    assert "ValueError" in call.last_error
    assert "hook after its commit" in caplog.text


@pytest.mark.parametrize("control", [RetryLater(5), PermanentFailure("no")])
def test_a_control_exception_from_a_hook_changes_nothing_either(transactional_db, post, hear, control):
    def hook():
        raise control

    hear(signals.order_created, lambda **arguments: transaction.on_commit(hook))
    post("order")
    assert ReceiverCall.objects.get().status == "done"


def test_what_a_failing_receiver_wrote_is_rolled_back(post, hear):
    def write_and_fail(order, **arguments):
        Heartbeat.objects.create(name="shop", beat_at=PAST)
        fail()

    hear(signals.order_created, write_and_fail)
    post("order")
    assert not Heartbeat.objects.filter(name="shop").exists()


# ---------------------------------------------------------------- leases


def test_one_that_hangs_past_its_lease_is_taken_over_and_its_own_claim_is_void(post, hear):
    hear(signals.order_created)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order")
    for message in claim_due():
        pipeline.process(message)
    (hanging,) = claimed_calls.claim_due()
    assert list(claimed_calls.claim_due()) == []  # it holds the lease
    make_due()  # the lease lapses
    (second,) = claimed_calls.claim_due()
    assert second.attempts == 1  # the first one may not have begun
    calls.call_receiver(second)
    calls.call_receiver(hanging)
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts) == ("done", 1)


def test_a_lapsed_claim_cannot_change_anything(post, hear):
    hear(signals.order_created, fail)
    post("order")
    make_due()
    (first,) = claimed_calls.claim_due()
    make_due()
    (second,) = claimed_calls.claim_due()
    assert not ledger.mark_done(first)
    ledger.retry(first, ValueError("late"))
    ledger.retry_later(first, 5, "late")
    ledger.give_up(first, "late", "late")
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts) == ("running", second.attempts)


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 3})
def test_one_that_kills_its_process_each_time_is_given_up(post, hear):
    heard = hear(signals.order_created)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order")
    for message in claim_due():
        pipeline.process(message)
    assert list(claimed_calls.claim_due())  # and dies
    make_due()
    assert list(claimed_calls.claim_due())  # taken over at once, and dies
    for failed in range(1, 4):
        make_due()
        assert list(claimed_calls.claim_due()) == []
        call = ReceiverCall.objects.get()
        assert (call.attempts, call.cause) == (failed, "died")
        make_due()
        assert bool(list(claimed_calls.claim_due())) == (failed < 3)  # and dies
    worker.drain()
    assert ReceiverCall.objects.get().status == "given_up"
    assert heard == []


def test_call_with_more_attempts_than_allowed_by_now_is_made_and_keeps_its_error(post, hear):
    def fail(**arguments):
        raise ValueError

    hear(signals.order_created, fail)
    post("order")
    ReceiverCall.objects.update(attempts=5, due_at=PAST)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 3}):
        worker.drain()
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts, call.cause.partition(" ")[0]) == ("given_up", 6, "ValueError")


def test_a_mark_that_the_database_calls_off_is_no_failure_of_the_receiver(post, hear, monkeypatch):
    heard = hear(signals.order_created)

    def deadlock(call):
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "mark_done", deadlock)
        post("order")
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts, heard) == ("pending", 0, [])
    make_due()
    worker.drain()
    assert len(heard) == 1


def test_a_deadlock_of_the_receivers_own_is_a_failure(post, hear):
    def deadlock(**arguments):
        raise OperationalError("deadlock detected")

    hear(signals.order_created, deadlock)
    post("order")
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts) == ("pending", 1)


# ---------------------------------------------------------------- receivers that behave badly


def swallow(order, **arguments):
    try:
        Heartbeat.objects.create(name="twice", beat_at=PAST)
        Heartbeat(name="twice", beat_at=PAST).save(force_insert=True)
    except IntegrityError:
        pass


def swallow_raw(order, **arguments):
    with connection.cursor() as cursor:
        with suppress(DatabaseError):
            cursor.execute("SELECT nonsense FROM nowhere")


@pytest.mark.parametrize("bad", [swallow, pytest.param(swallow_raw, marks=pytest.mark.postgresql)])
def test_one_that_swallows_a_database_error_has_failed_with_a_reason(transactional_db, post, hear, bad):
    hear(signals.order_created, bad)
    other = hear(signals.order_created)
    post("order")
    call = ReceiverCall.objects.order_by("pk").first()
    assert (call.status, call.attempts) == ("pending", 1)
    assert "swallowed a database error" in call.last_error
    assert not Heartbeat.objects.filter(name="twice").exists()
    assert len(other) == 1


class Unspeakable(Exception):
    def __str__(self):
        return 7  # noqa: PLE0307 - what goes wrong here


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unspeakable(), "pending"),
        (ValueError("a\x00b\ud800c"), "pending"),
        (PermanentFailure("a\x00b\ud800c"), "given_up"),
        (PermanentFailure("x" * 100_000), "given_up"),
        (RetryLater(float("inf")), "pending"),
        (RetryLater(float("nan")), "pending"),
        (RetryLater(1e13), "pending"),
        (RetryLater(-5), "pending"),
    ],
)
def test_whatever_it_raises_touches_no_other(transactional_db, post, hear, error, status):
    def bad(**arguments):
        raise error

    hear(signals.order_created, bad)
    other = hear(signals.order_created)
    assert post("order").status_code == 200
    call = ReceiverCall.objects.order_by("pk").first()
    assert call.status == status
    assert call.last_error
    assert len(other) == 1


def test_one_that_returns_something_to_await_has_not_done_its_work(post):
    async def later_on():
        """Never awaited."""

    def bad(sender, **arguments):
        return later_on()

    signals.order_created.connect(bad, dispatch_uid="shop.bad")
    post("order")
    signals.order_created.disconnect(dispatch_uid="shop.bad")
    call = ReceiverCall.objects.get()
    assert (call.status, "await" in call.last_error) == ("pending", True)


def test_open_calls_of_a_signal_that_the_receiver_left_block_nothing(post, hear):
    heard = hear(signals.order_updated, uid="shop.one")

    def left(sender, **arguments):
        raise AssertionError("it is connected no more")

    signals.order_created.connect(left, dispatch_uid="shop.one")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order")
        post("order", later(sample("order", status="closed")))
        for message in claim_due():
            pipeline.process(message)
    signals.order_created.disconnect(left, dispatch_uid="shop.one")
    worker.drain()
    assert len(heard) == 1
    assert ReceiverCall.objects.get(signal="order_created").status == "pending"


# ---------------------------------------------------------------- sequence and identity


def test_events_are_delivered_in_sequence_per_receiver_and_order(post, hear):
    told = []
    blocked = [True]

    def note(event, **arguments):
        if blocked and event.type == "order.created":
            fail()
        told.append((event.po_number, event.type))

    hear(signals.order_created, note, uid="shop.note")
    hear(signals.order_updated, note, uid="shop.note")
    other = hear(signals.order_updated, uid="shop.other")
    post("order")
    post("order", later(sample("order", status="closed")))
    post("order", sample("order", increment_id="000000702", po_number="SECOND"))
    assert told == []  # nothing of the first order, and its update waits behind its creation
    assert len(other) == 1
    blocked.clear()
    make_due()
    worker.drain()
    assert [kind for number, kind in told if number == "RESELLER_REF"] == ["order.created", "order.updated"]


def test_one_function_on_two_signals_is_called_for_both(post, hear):
    told = []

    def note(event, **arguments):
        told.append(event.type)

    hear(signals.order_status_changed, note, uid="shop.note")
    hear(signals.order_updated, note, uid="shop.note")
    hear(signals.event_recorded, note, uid="shop.note")
    post("order")
    post("order", later(sample("order", status="closed")))
    assert sorted(told) == sorted(["order.created", *["order.status_changed", "order.updated", "purchase.changed"] * 2])
    assert ReceiverCall.objects.filter(status="done").count() == 7


def test_a_renamed_receiver_stays_pending_without_an_attempt(post):
    def renamed(sender, **arguments):
        raise AssertionError("nobody may call this")

    signals.order_created.connect(renamed, dispatch_uid="shop.old_name")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order")
        for message in claim_due():
            pipeline.process(message)
    signals.order_created.disconnect(dispatch_uid="shop.old_name")
    signals.order_created.connect(renamed, dispatch_uid="shop.new_name")
    worker.drain()
    signals.order_created.disconnect(dispatch_uid="shop.new_name")
    call = ReceiverCall.objects.get()
    assert (call.receiver, call.status, call.attempts) == ("shop.old_name", "pending", 0)
    assert call.due_at is not None


def test_a_row_that_is_gone_is_given_up_with_the_reason(post, hear):
    hear(signals.rma_item_status_changed, fail)
    post("rma")
    post("rma", sample("rma", items__status="received"))
    RMAItem.objects.all().delete()
    make_due()
    worker.drain()
    call = ReceiverCall.objects.get()
    assert call.status == "given_up"
    assert call.last_error


# ---------------------------------------------------------------- the shop's own order


def resolve(po_number, order):
    """What a shop would write."""
    return {"RESELLER_REF": "the shop's order"}.get(po_number)


def resolve_badly(po_number, order):
    """What breaks."""
    Order.objects.raw("SELECT nonsense")[0]


def with_resolver(name):
    return override_settings(
        STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "HOST_ORDER_RESOLVER": f"tests.delivery.test_calls.{name}" if name else ""}
    )


def test_the_shops_order_is_found(post, hear):
    found = []
    hear(signals.order_created, lambda event, **arguments: found.append(event.require_host_order()))
    with with_resolver("resolve"):
        post("order")
    assert found == ["the shop's order"]


@pytest.mark.parametrize(
    ("resolver", "reason"),
    [
        ("", "HOST_ORDER_RESOLVER is not set"),
        ("resolve_badly", "looking for the order failed: "),
        ("resolve", "the shop has no such order yet"),
    ],
)
def test_a_shops_order_that_is_not_there_yet_is_asked_for_later(post, hear, resolver, reason):
    found = []

    def require(event, **arguments):
        found.append(event.host_order)
        event.require_host_order()

    hear(signals.order_created, require)
    with with_resolver(resolver):
        post("order", sample("order", po_number="NOT THERE"))
    call = ReceiverCall.objects.get()
    assert found == [None]
    assert (call.status, call.attempts) == ("pending", 0)
    assert call.last_error.startswith(f"asked to be called again in 60 seconds: {reason}")


def test_an_event_has_the_purchase_with_all_its_orders(post, hear):
    found = []
    hear(signals.order_created, lambda event, **arguments: found.append(event.purchase))
    first = sample("order", status="canceled")
    post("order", first)
    post("order", {**first, "increment_id": f"{first['increment_id']}-1", "status": "processing"})
    assert [purchase.po_number for purchase in found] == [first["po_number"]] * 2
    assert len(found[1].orders) == 2
    assert not found[1].is_cancelled


def test_an_event_of_an_order_without_a_number_of_ours_has_a_purchase_of_that_order(post, hear):
    found = []
    hear(signals.order_created, lambda event, **arguments: found.append(event.purchase))
    post("order", sample("order", po_number=None, status="canceled"))
    (purchase,) = found
    assert (purchase.po_number, len(purchase.orders), purchase.is_cancelled) == ("", 1, True)


def test_an_event_without_order_and_number_has_no_purchase(post, hear):
    found = []
    hear(signals.payment_requested, lambda event, **arguments: found.append(event.purchase))
    post(
        "order-payment-request",
        sample("order-payment-request", order_increment_id=None, payment=None),
    )
    assert found == [None]


# ---------------------------------------------------------------- pauses


@override_settings(STOCKHUB_WEBHOOKS={})
def test_the_pauses_outlast_a_weekend():
    from stockhub_webhooks.conf import conf

    pauses = [conf.pause_after(attempt) for attempt in range(1, conf.MAX_ATTEMPTS)]
    assert 30 <= pauses[0] <= 37.5
    assert all(pause <= 21600 * 1.25 for pause in pauses)
    assert sum(pauses) > 64 * 3600  # Friday 17:00 to Monday 9:00
