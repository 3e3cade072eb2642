"""Test that a time of delivery that is far ahead counts once it has come."""

import json
import time
from datetime import datetime, timedelta, timezone

import pytest
from django.core.management import call_command

from stockhub_webhooks import signals
from stockhub_webhooks.models import Event, Message, ReceiverCall, Shipment
from stockhub_webhooks.processing import due_deliveries, pipeline
from stockhub_webhooks.receiving import journal
from tests.conftest import KEY, TEST_KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db


def now():
    return datetime.now(timezone.utc)


def delivered():
    return Event.objects.filter(type="shipment.delivered")


def moving(hours, **changes):
    """Return a shipment on its way that names a time of delivery in so many hours."""
    delivered_at = (now() + timedelta(hours=hours)).isoformat()
    return sample("shipment", **{"status": "IN_TRANSIT", "delivered_at": delivered_at, **changes})


def pass_time(**changes):
    """Let the time of each delivery come."""
    past = now() - timedelta(minutes=1)
    Shipment.objects.exclude(due_at=None).update(delivered_at=past, due_at=past, **changes)


@pytest.fixture
def waiting(post):
    """A shipment whose time of delivery is twenty hours ahead."""
    assert post("shipment", moving(20)).json()["outcome"] == "created"
    shipment = Shipment.objects.get()
    assert shipment.due_at == shipment.delivered_at
    assert not shipment.is_delivered
    assert not delivered().exists()
    return shipment


def test_a_time_within_any_zone_counts_at_once_with_a_note(post, last_message):
    post("shipment", moving(13.9))
    shipment = Shipment.objects.get()
    assert (shipment.is_delivered, shipment.due_at, delivered().count()) == (True, None, 1)
    assert [note["code"] for note in last_message().notes] == ["in_the_future"]


def test_one_further_ahead_waits_for_its_time_and_is_recorded_once(waiting, hear):
    heard = hear(signals.shipment_delivered)
    call_command("stockhub_worker", "--once")
    assert not delivered().exists()
    pass_time()
    for _ in range(3):
        call_command("stockhub_worker", "--once")
    event = delivered().get()
    shipment = Shipment.objects.get()
    assert (event.subject_id, event.message, event.order) == (shipment.pk, Message.objects.get(), shipment.order)
    assert (event.increment_id, event.po_number) == (shipment.increment_id, "RESELLER_REF")
    assert (event.occurred_at, event.is_replay) == (shipment.delivered_at, False)
    assert event.changes == {"delivered_at": [None, shipment.delivered_at.isoformat()]}
    assert shipment.due_at is None
    assert [call["shipment"].is_delivered for call in heard] == [True]
    assert heard[0]["event"].changes["delivered_at"] == (None, shipment.delivered_at)


def test_the_time_comes_by_the_clock(transactional_db):
    received_at = now() - timedelta(hours=14)
    body = sample("shipment", status="IN_TRANSIT", delivered_at=(now() + timedelta(seconds=1)).isoformat())
    message = Message(url_topic="shipment", account="default", body=json.dumps(body).encode(), received_at=received_at)
    pipeline.process(journal.store(message, claimed=True))
    assert due_deliveries.record_due() == 0
    assert not Shipment.objects.get().is_delivered
    time.sleep(1.1)
    assert Shipment.objects.get().is_delivered
    assert due_deliveries.record_due() == 1
    assert delivered().count() == 1


def test_inline_help_records_it_after_the_next_answer(waiting, post, hear):
    heard = hear(signals.shipment_delivered)
    pass_time()
    post("order")
    assert delivered().count() == 1
    assert len(heard) == 1


def test_the_event_is_the_last_of_its_order_and_is_delivered_in_sequence(waiting, post, hear):
    heard = hear(signals.event_recorded)
    post("shipment", moving(20, status="EXCEPTION", updated_at="2024-06-01 10:00:00"))
    pass_time()
    call_command("stockhub_worker", "--once")
    types = [call["event"].type for call in heard]
    changed = ["shipment.status_changed", "shipment.updated", "purchase.changed"]
    assert types == [*changed, "shipment.delivered", "purchase.changed"]
    assert ReceiverCall.objects.latest("pk").order == waiting.order


def test_a_message_that_says_so_meanwhile_is_enough(waiting, post):
    post("shipment", sample("shipment", status="DELIVERED", updated_at="2024-06-01 10:00:00"))
    assert Shipment.objects.get().due_at is None
    assert delivered().count() == 1
    post("shipment", moving(20, updated_at="2024-06-01 11:00:00"))
    pass_time()
    assert due_deliveries.record_due() == 1
    assert delivered().count() == 1


def test_a_message_that_comes_before_the_sweep_records_it_itself(waiting, post):
    pass_time()
    post("shipment", moving(-1, status="EXCEPTION", updated_at="2024-06-01 10:00:00"))
    call_command("stockhub_worker", "--once")
    assert delivered().count() == 1
    assert Shipment.objects.get().due_at is None


@pytest.mark.parametrize("is_replay", [False, True])
def test_a_message_that_changes_nothing_loses_no_delivery(waiting, is_replay):
    """A copy that is received so late that the time counts by itself."""
    later = waiting.delivered_at - timedelta(hours=10)
    body = bytes(Message.objects.get().body)
    copy = Message(url_topic="shipment", account="default", body=body, received_at=later)
    copy = journal.store(copy, claimed=True)
    copy.is_replay = is_replay  # applied although its digest is known
    assert pipeline.process(copy).outcome == "unchanged"
    assert Shipment.objects.get().is_delivered
    Shipment.objects.update(due_at=now())  # `later` has come
    call_command("stockhub_worker", "--once")
    assert delivered().count() == 1
    assert Shipment.objects.get().due_at is None


def test_a_time_that_is_taken_back_or_moved_is_forgotten(waiting, post):
    post("shipment", moving(40, updated_at="2024-06-01 10:00:00"))
    assert Shipment.objects.get().due_at > waiting.due_at
    post("shipment", sample("shipment", status="IN_TRANSIT", delivered_at=None, updated_at="2024-06-01 11:00:00"))
    assert Shipment.objects.get().due_at is None


def test_a_second_sweep_of_the_same_shipment_does_nothing(waiting):
    pass_time()
    assert due_deliveries._record(waiting.pk, waiting.order_id) is True
    assert due_deliveries._record(waiting.pk, waiting.order_id) is False
    assert delivered().count() == 1


def test_a_shipment_that_moved_to_another_order_waits_for_the_next_sweep(waiting, post):
    pass_time()
    assert due_deliveries._record(waiting.pk, waiting.order_id + 1) is False
    assert Shipment.objects.get().due_at is not None


def test_one_that_fails_holds_up_no_other_and_is_tried_again(waiting, post, caplog):
    post("shipment", moving(20, increment_id="000000999"))
    pass_time()
    real = due_deliveries.ledger.record

    def record(events):
        if events[0].subject_id == waiting.pk:
            raise ValueError("Testman")
        return real(events)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(due_deliveries.ledger, "record", record)
        patch.setattr(due_deliveries, "BATCH", 1)
        assert due_deliveries.record_due() == 0
        assert due_deliveries.record_due() == 1
    assert delivered().get().increment_id == "000000999"
    assert f"shipment {waiting.pk} was not recorded (ValueError" in caplog.text
    assert "Testman" not in caplog.text
    pass_time()
    assert due_deliveries.record_due() == 1
    assert delivered().filter(subject_id=waiting.pk).exists()


def test_a_shipment_without_a_message_gets_no_event(waiting, caplog):
    pass_time(increment_id="of-a-test-only")
    assert due_deliveries.record_due() == 1
    assert not delivered().exists()
    assert "has no message" in caplog.text


def test_the_sweep_ends_in_time(waiting):
    pass_time()
    assert due_deliveries.record_due(until=0) == 0


def test_a_test_message_calls_no_receiver_without_test(post, hear, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"API_KEYS": {"default": KEY, "test": TEST_KEY}}
    heard = hear(signals.shipment_delivered)
    post("shipment", moving(20), key=TEST_KEY)
    pass_time()
    call_command("stockhub_worker", "--once")
    assert (delivered().count(), heard) == (1, [])
