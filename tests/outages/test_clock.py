"""The application's clock is set back: nothing is lost, nothing is told twice, and who wins is known.

Leases, pauses and turns are on the database's clock and do not notice. `received_at` is the application's: it decides
only where `updated_at` does not, and then the later time is the newer message; at the same time, the later stored.
"""

from datetime import datetime, timedelta, timezone

import pytest
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import RMA, Event, Message, Order, ReceiverCall, Shipment
from stockhub_webhooks.operations import worker
from stockhub_webhooks.receiving import transitions
from tests.claims import claim_due
from tests.conftest import KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def clock(monkeypatch):
    """Return a function that sets the application's clock, in seconds from noon."""

    def set_to(seconds):
        monkeypatch.setattr("django.utils.timezone.now", lambda: NOON + timedelta(seconds=seconds))
        monkeypatch.setattr(
            Message._meta.get_field("received_at"), "default", lambda: NOON + timedelta(seconds=seconds)
        )
        Message._meta.get_field("received_at").__dict__.pop("_get_default", None)

    yield set_to
    Message._meta.get_field("received_at").__dict__.pop("_get_default", None)


def told():
    return list(ReceiverCall.objects.order_by("event_id").values_list("event__type", "status", "attempts"))


def test_updated_at_decides_if_the_clock_is_set_back(post, clock, hear):
    calls = hear(signals.event_recorded)
    clock(0)
    post("order", sample("order", status="pending", updated_at="2026-05-01T10:00:00Z"))
    clock(-3600)
    answer = post("order", sample("order", status="complete", updated_at="2026-05-01T10:00:01Z"))
    assert answer.json()["outcome"] == "updated"
    assert Order.objects.get().status == "complete"
    assert [arguments["event"].type for arguments in calls] == [
        "order.created",
        "purchase.changed",
        "order.status_changed",
        "order.updated",
        "purchase.changed",
    ]
    assert {status for _, status, _ in told()} == {"done"}


@pytest.mark.parametrize("topic", topics.ALL)
def test_clock_set_back_before_a_repetition_causes_no_second_event(post, clock, hear, topic):
    calls = hear(signals.event_recorded)
    clock(0)
    post(topic, sample(topic))
    before = len(calls)
    clock(-3600)
    post(topic, sample(topic))
    worker.drain()
    assert len(calls) == before == Event.objects.count()
    assert Message.objects.filter(status="applied").count() == 2


def test_without_updated_at_the_later_receipt_wins_and_the_other_is_stale(post, clock):
    clock(0)
    post("rma", sample("rma", status="approved"))
    clock(-5)
    assert post("rma", sample("rma", status="closed")).json()["outcome"] == "stale"
    assert RMA.objects.get().status == "approved"
    assert b"closed" in bytes(Message.objects.latest("pk").body)
    clock(1)
    assert post("rma", sample("rma", status="closed")).json()["outcome"] == "updated"


@pytest.mark.parametrize("sequence", [(0, 1), (1, 0)], ids=["as stored", "the later first"])
@pytest.mark.parametrize("topic", ["rma", "shipment"])
def test_at_equal_times_the_later_stored_message_wins(post, clock, topic, sequence):
    clock(0)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        for status in ("first", "second"):
            post(topic, sample(topic, status=status))
    messages = list(Message.objects.order_by("pk").values_list("pk", flat=True))
    Message.objects.filter(pk=messages[sequence[1]]).update(due_at=None)
    worker.drain()
    transitions.requeue([messages[sequence[1]]])
    worker.drain()
    model = {"rma": RMA, "shipment": Shipment}[topic]
    assert model.objects.get().status == "second"
    assert list(Message.objects.order_by("pk").values_list("outcome", flat=True)) == (
        ["created", "updated"] if sequence == (0, 1) else ["stale", "created"]
    )


def test_replayed_message_is_not_older_than_itself(post, clock):
    clock(0)
    post("rma", sample("rma", status="approved"))
    transitions.requeue([Message.objects.get().pk])
    worker.drain()
    assert Message.objects.get().outcome == "unchanged"


def test_leases_and_pauses_use_the_database_clock(post, clock, hear):
    calls = []

    def fail_once(**arguments):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError

    hear(signals.order_created, fail_once)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "BACKOFF_BASE_SECONDS": 0}):
        clock(0)
        post("order", sample("order"))
        clock(-86_400)
        worker.drain()
        clock(+86_400)
        worker.drain()
    assert len(calls) == 2
    assert told() == [("order.created", "done", 2)]


def test_claim_is_not_taken_over_if_the_clock_jumps(post, clock):
    clock(0)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order", sample("order"))
    (claimed,) = claim_due()
    for seconds in (-86_400, 86_400):
        clock(seconds)
        assert list(claim_due()) == []
    assert claimed.attempts == 1
