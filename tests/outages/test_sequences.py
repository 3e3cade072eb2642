"""PostgreSQL's sequences are behind after a restore of rows: nothing is lost, and a sequence never goes back."""

import json

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import IntegrityError, connection, models, transaction
from django.db.utils import ProgrammingError

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db import sequences
from stockhub_webhooks.db.sequences import behind_sequences
from stockhub_webhooks.delivery import host_orders
from stockhub_webhooks.models import (
    BookedPurchase,
    Booking,
    Event,
    FinishedStep,
    HostLink,
    Message,
    Order,
    ReceiverCall,
    Refusal,
    RefusedBody,
    Replay,
)
from stockhub_webhooks.operations import replay, worker
from stockhub_webhooks.operations.doctor.examination import Context, database
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.receiving import journal
from tests.samples import contract, sample

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True, reset_sequences=True)]

NUMBERED = [
    model._meta.db_table
    for model in apps.get_app_config("stockhub_webhooks").get_models()
    if isinstance(model._meta.pk, models.BigAutoField)
]


def set_sequences(value, *tables):
    with connection.cursor() as cursor:
        for table in tables or NUMBERED:
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s, false)", [table, value])


def last_value(table):
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [table])
        return cursor.fetchone()[0]


def check_ids():
    return {message.id for message in run_checks(databases=["default"])} & {"stockhub_webhooks.W033"}


def counts():
    return {model: model._default_manager.count() for model in apps.get_app_config("stockhub_webhooks").get_models()}


@pytest.fixture
def restored(post, hear):
    """Store a message of each topic, then set all sequences back, as a restore of rows leaves them."""
    hear(signals.event_recorded, uid="shop.all")
    for topic in topics.ALL:
        post(topic)
    post("order", key="mistyped")
    worker.drain()
    assert not behind_sequences("default")
    set_sequences(1)


def again(topic):
    """Return the body of another document of the topic."""
    body = contract(topic)
    return body | {name: "000000777" for name in body if name.endswith("increment_id")}


def test_sequences_behind_are_found_and_named(restored):
    found = {sequence.table for sequence in behind_sequences("default")}
    assert found == {model._meta.db_table for model, count in counts().items() if count} & set(NUMBERED)
    assert check_ids() == {"stockhub_webhooks.W033"}
    (finding,) = [each for each in database(Context(collect_report(), True)) if each.code == "W033"]
    assert "sqlsequencereset stockhub_webhooks" in finding.todo


@pytest.mark.parametrize("value", [1, 2])
def test_message_of_each_topic_is_stored_and_applied(restored, post, value):
    set_sequences(value)
    before = counts()
    for topic in topics.ALL:
        answer = post(topic, again(topic))
        assert (answer.status_code, answer.json().get("outcome")) == (200, "created")
    assert Message.objects.count() == before[Message] + len(topics.ALL)
    assert not Message.objects.exclude(status="applied").exists()
    assert not ReceiverCall.objects.exclude(status="done").exists()
    assert Event.objects.count() > before[Event]
    assert not behind_sequences("default")
    assert check_ids() == set()


@pytest.mark.parametrize("table", NUMBERED)
def test_each_table_is_repaired_by_itself(restored, post, table):
    set_sequences(1_000)
    set_sequences(1, table)
    for topic in topics.ALL:
        assert post(topic, again(topic)).json()["outcome"] == "created"
    post("order", key="mistyped again")
    worker.drain()
    assert not ReceiverCall.objects.exclude(status="done").exists()


@pytest.mark.parametrize("table", NUMBERED)
def test_worker_sets_each_sequence_forward_before_an_insert_fails(restored, table):
    set_sequences(1_000)
    set_sequences(1, table)
    had_rows = any(each.table == table for each in behind_sequences("default"))
    worker.Worker().check_health()
    assert not behind_sequences("default")
    assert (last_value(table) > 1) == had_rows


def test_user_who_may_not_read_a_sequence_has_a_worker_all_the_same(restored, monkeypatch):
    def denied(using):
        raise ProgrammingError("permission denied")

    monkeypatch.setattr(sequences, "behind_sequences", denied)
    worker.Worker().check_health()


def test_steps_and_bookings_of_a_receiver_are_kept(restored, post, hear):
    """A repeated step would take effect twice outside of the database, a lost booking would book twice."""
    ran, booked = [], []

    def receive(event, order, **arguments):
        event.once("mail", lambda: ran.append(event.po_number))
        if event.attempt == 1:
            raise ValueError("the first attempt fails")
        booked.append(event.book("reserve", {line.key: line.ordered for line in event.purchase.lines}))

    hear(signals.order_created, receive)
    for number in ("000000801", "000000802"):  # the first one makes rows whose keys the second one takes again
        set_sequences(1, *(model._meta.db_table for model in (FinishedStep, BookedPurchase, Booking)))
        answer = post("order", sample("order", increment_id=number, po_number=f"Shop {number}"))
        assert answer.json()["outcome"] == "created"
        ReceiverCall.objects.filter(due_at__isnull=False).update(due_at="2020-01-01T00:00:00Z")
        worker.drain()
    assert ran == ["Shop 000000801", "Shop 000000802"]
    assert [sum(pieces.values()) > 0 for pieces in booked] == [True, True]
    assert Booking.objects.values("booked_purchase").distinct().count() == 2
    assert not ReceiverCall.objects.exclude(status="done").exists()


def test_look_ups_of_the_shops_orders_are_registered(restored, post, settings):
    settings.STOCKHUB_WEBHOOKS = {**settings.STOCKHUB_WEBHOOKS, "HOST_ORDER_RESOLVER": "tests.host.described.resolver"}
    for number in ("000000801", "000000802"):
        set_sequences(1, HostLink._meta.db_table)
        post("order", sample("order", increment_id=number))
        host_orders._register_new_orders()
        host_orders.registration_throttle.reset()
    assert not Order.objects.filter(host_link=None).exists()


def test_several_messages_that_are_applied_together_are_applied(restored):
    for number in range(5):
        body = sample("order", increment_id=f"00000080{number}")
        journal.enter(Message(url_topic="order", account="default", body=json.dumps(body).encode()))
    worker.drain()
    assert not Message.objects.exclude(status="applied").exists()


def test_refused_request_is_counted_and_kept(restored, post):
    before = counts()
    post("order", key="another mistyped")
    assert Refusal.objects.count() == before[Refusal] + 1
    assert RefusedBody.objects.count() == before[RefusedBody] + 1


def test_replay_is_begun(restored):
    for _ in range(2):
        set_sequences(1, Replay._meta.db_table)
        replay.begin(replay.MessageChoice(), who="office", reason="a test")
    assert Replay.objects.count() == 2


def test_message_is_entered_inside_a_transaction_of_the_host(restored):
    before = Message.objects.count()
    with transaction.atomic():
        journal.enter(Message(url_topic="order", account="default", body=b"{}"))
    assert Message.objects.count() == before + 1


def test_sequence_never_goes_back(restored, post):
    table = Message._meta.db_table
    set_sequences(1_000, table)
    assert post("order", again("order")).json()["message"] == 1_000
    assert last_value(table) == 1_001


def test_other_conflict_changes_no_sequence(restored):
    message = Message.objects.first()
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Message(uid=message.uid, url_topic="order", account="default", body=b"{}", id=1_000_000).save(force_insert=True)
    assert not sequences.advance_after_conflict("default", caught.value)
    assert behind_sequences("default")


def test_user_who_may_not_set_a_sequence_gets_the_first_error_and_a_log_line(restored, post, monkeypatch, caplog):
    def denied(using):
        raise ProgrammingError("permission denied")

    monkeypatch.setattr(sequences, "behind_sequences", denied)
    monkeypatch.setattr(journal, "should_retry", lambda *arguments: False)  # each attempt takes a number
    assert post("order", again("order")).status_code == 503
    assert "sqlsequencereset stockhub_webhooks" in caplog.text


def test_contract_of_each_topic_is_still_unchanged_after_the_repair(restored, post):
    for topic in topics.ALL:
        assert post(topic, contract(topic)).json()["outcome"] in ("unchanged", "stale")
