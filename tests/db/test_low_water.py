"""Low-water marks: a search for due work begins where the last one found its first row."""

from datetime import timedelta

import pytest
from django.db import connection, connections
from django.forms import model_to_dict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stockhub_webhooks.db.connections import database_key
from stockhub_webhooks.db.low_water import BEGINNING, LowWaterMark
from stockhub_webhooks.delivery import calls, claimed_calls, due_calls
from stockhub_webhooks.models import Event, Message, ReceiverCall
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import claiming
from stockhub_webhooks.signals import event_recorded
from stockhub_webhooks.testing.factories import EventFactory
from tests.claims import claim_due

FOREVER = float("inf")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _marks(monkeypatch, settings):
    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "RUNNER": "worker"}
    for mark in (claiming.low_water, due_calls.low_water):
        monkeypatch.setattr(mark, "seconds", 60)


def raise_marks():
    """As a search does that found first what is due now."""
    for stored in list(due_calls.low_water._marks):
        key = stored.removeprefix(f"{database_key()} ")
        due_calls.low_water.floor(key)
        due_calls.low_water.rise(timezone.now(), key)


def take_messages():
    return [message.pk for message in claim_due()]


@pytest.mark.django_db
def test_message_is_found_although_the_mark_has_risen(post):
    for _ in range(3):
        post("order")
        assert take_messages() == [Message.objects.latest("pk").pk]


@pytest.mark.django_db
def test_message_below_the_mark_is_found_by_the_next_full_look(post):
    post("order")
    assert take_messages()
    post("shipment")
    Message.objects.filter(pk=Message.objects.latest("pk").pk).update(due_at=timezone.now() - HOUR)
    assert take_messages() == []
    claiming.low_water.reset()
    assert len(take_messages()) == 1


@pytest.mark.django_db
def test_search_that_found_nothing_does_not_raise_the_mark():
    assert take_messages() == []
    Message(url_topic="order", account="default", body=b"{}", due_at=timezone.now() - HOUR).save()
    assert len(take_messages()) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("while_it_runs", [False, True])
def test_call_that_waited_in_line_is_made_as_soon_as_its_predecessor_is_settled(post, hear, while_it_runs):
    """It is due since long ago, and other calls have raised the mark meanwhile."""
    heard = hear(event_recorded, lambda **arguments: raise_marks() if while_it_runs else None)
    post("order")
    post("shipment")
    for message in claim_due():
        pipeline.process(message)
    Message.objects.update(applied_at=timezone.now() - HOUR)
    ReceiverCall.objects.update(due_at=timezone.now() - HOUR)
    first = next(claimed_calls.claim_due())
    assert list(claimed_calls.claim_due()) == []
    raise_marks()
    calls.call_receiver(first)
    assert calls.deliver_due(until=FOREVER) > 0
    assert not ReceiverCall.objects.open().exists()
    assert len(heard) == ReceiverCall.objects.count()


@pytest.mark.django_db
def test_calls_of_one_message_are_searched_for_without_the_mark(post, hear):
    hear(event_recorded)
    post("order")
    for message in claim_due():
        pipeline.process(message)
    assert next(claimed_calls.claim_due())
    ReceiverCall.objects.update(due_at=timezone.now() - HOUR, claim=None, status="pending")
    raise_marks()
    assert next(claimed_calls.claim_due(), None) is None
    assert next(claimed_calls.claim_due(message=Message.objects.get()))


def add_done_messages(number):
    done = timezone.now() - HOUR
    rows = [Message(url_topic="order", account="default", body=b"{}", due_at=done) for _ in range(number)]
    Message.objects.bulk_create(rows)
    Message.objects.filter(due_at=done).update(status=Message.Status.DISMISSED, due_at=None)


def add_done_calls(number):
    event, done = EventFactory(), timezone.now() - HOUR
    values = {**model_to_dict(event, exclude=["id", "message", "order"]), "message": event.message}
    events = Event.objects.bulk_create([Event(**values) for _ in range(number)])
    call = {"signal": "event_recorded", "receiver": "done", "due_at": done}
    ReceiverCall.objects.bulk_create([ReceiverCall(event=event, **call) for event in events])
    ReceiverCall.objects.filter(due_at=done).update(status="running")
    ReceiverCall.objects.filter(due_at=done).update(status="done", due_at=None)


def take_calls():
    call = next(claimed_calls.claim_due())
    ReceiverCall.objects.filter(pk=call.pk).update(claim=None, status="pending", attempts=0, due_at=timezone.now())


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["messages", "calls"])
def test_rows_that_are_done_cost_nothing_while_a_transaction_is_open(what, post, hear):
    """PostgreSQL can remove no entry of an index that an open transaction might still read."""
    hear(event_recorded, uid="done")
    number = 2000
    post("order")
    holder = connections.create_connection("default")
    try:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM stockhub_webhooks_message")
        if what == "messages":
            add_done_messages(number)
            assert len(take_messages()) == 1  # sets the mark
            Message.objects.filter(status=Message.Status.RECEIVED).update(claim=None, attempts=0, due_at=timezone.now())
        else:
            add_done_calls(number)
            for message in claim_due():
                pipeline.process(message)
            take_calls()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        with CaptureQueriesContext(connection) as queries:
            take_messages() if what == "messages" else take_calls()
        searches = [query["sql"] for query in queries if query["sql"].startswith("SELECT") and "LIMIT" in query["sql"]]
        assert searches
        for search in searches:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {search}")
                (plan,) = cursor.fetchone()[0]
            blocks = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
            assert blocks < number / 20  # each row that is looked at in vain is one block or more
    finally:
        holder.close()


def test_mark_of_a_tenant_hides_no_work_of_another(monkeypatch):
    mark = LowWaterMark()
    monkeypatch.setattr(connections["default"], "schema_name", "alfa", raising=False)
    mark.floor()
    mark.rise(timezone.now())
    assert mark.floor() > BEGINNING
    monkeypatch.setattr(connections["default"], "schema_name", "beta")
    assert (mark.mark(), mark.floor()) == (BEGINNING, BEGINNING)
