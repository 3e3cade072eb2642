"""Low-water marks: a search for due work begins where the last one found its first row."""

from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stockhub_webhooks.delivery import calls, ledger
from stockhub_webhooks.models import Message, ReceiverCall
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import claiming
from stockhub_webhooks.signals import event_recorded
from tests.claims import claim_due

FOREVER = float("inf")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _marks(monkeypatch, settings):
    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "RUNNER": "worker"}
    for mark in (claiming.low_water, ledger.low_water):
        monkeypatch.setattr(mark, "seconds", 60)


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
def test_call_that_waited_in_line_is_made_as_soon_as_its_predecessor_is_settled(post, hear):
    """It is due since long ago, and other calls have raised the mark meanwhile."""
    heard = hear(event_recorded)
    post("order")
    post("shipment")
    for message in claim_due():
        pipeline.process(message)
    Message.objects.update(received_at=timezone.now() - HOUR)
    ReceiverCall.objects.update(due_at=timezone.now() - HOUR)
    first = next(ledger.claim_due())
    assert list(ledger.claim_due()) == []
    ledger.low_water.rise(timezone.now(), ReceiverCall.Status.PENDING)
    calls.call_receiver(first)
    assert calls.deliver_due(until=FOREVER) > 0
    assert not ReceiverCall.objects.open().exists()
    assert len(heard) == ReceiverCall.objects.count()


@pytest.mark.django_db
def test_calls_of_one_message_are_searched_for_without_the_mark(post, hear):
    """Nor do they use up the search from the beginning, which is due once a minute."""
    hear(event_recorded)
    post("order")
    for message in claim_due():
        pipeline.process(message)
    ReceiverCall.objects.update(due_at=timezone.now() - HOUR)
    ledger.low_water.rise(timezone.now(), ReceiverCall.Status.PENDING)
    assert list(ledger.claim_due(message_id=0)) == []
    assert next(ledger.claim_due())


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_rows_that_are_done_cost_nothing_while_a_transaction_is_open(post):
    """PostgreSQL can remove no entry of an index that an open transaction might still read."""
    number = 2000
    post("order")
    holder = connections.create_connection("default")
    try:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM stockhub_webhooks_message")
        done = timezone.now() - HOUR
        Message.objects.bulk_create(
            [Message(url_topic="order", account="default", body=b"{}", due_at=done) for _ in range(number)]
        )
        Message.objects.filter(due_at=done).update(status=Message.Status.DISMISSED, due_at=None)
        assert len(take_messages()) == 1  # sets the mark
        Message.objects.filter(status=Message.Status.RECEIVED).update(claim=None, attempts=0, due_at=timezone.now())
        with CaptureQueriesContext(connection) as queries:
            assert len(take_messages()) == 1
        search = next(query["sql"] for query in queries if query["sql"].startswith("SELECT"))
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {search}")
            (plan,) = cursor.fetchone()[0]
        assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] < 20
    finally:
        holder.close()
