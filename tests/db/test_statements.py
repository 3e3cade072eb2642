"""Kept statements do what Django's own statements do."""

import threading
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, connections
from django.db.models.signals import post_save, pre_save
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from stockhub_webhooks import signals
from stockhub_webhooks.db import statements
from stockhub_webhooks.db.connections import NOW, from_now
from stockhub_webhooks.db.selections import Selection
from stockhub_webhooks.db.writes import MAX_ROWS_PER_STATEMENT, insert, save, select_for_update, update
from stockhub_webhooks.delivery.subjects import BY_NAME
from stockhub_webhooks.models import (
    Address,
    Event,
    Message,
    Order,
    OrderItem,
    PaymentRequest,
    ReceiverCall,
    Track,
)

pytestmark = pytest.mark.django_db


def lines(order, count):
    return [OrderItem(order=order, position=n, sku=f"sku-{n}", row_total_inc_tax=Decimal("1.5")) for n in range(count)]


@pytest.mark.parametrize("count", [0, 1, MAX_ROWS_PER_STATEMENT + 1])
def test_inserted_rows_have_their_primary_keys(count):
    order = Order(account="default", increment_id="1")
    insert([order], "default")
    items = lines(order, count)
    insert(items, "default")
    assert [item.pk for item in items] == list(OrderItem.objects.order_by("position").values_list("pk", flat=True))
    assert all(item._state.db == "default" and not item._state.adding for item in items)
    assert set(OrderItem.objects.values_list("row_total_inc_tax", flat=True)) <= {Decimal("1.5000")}


def test_rows_are_inserted_one_by_one_if_the_database_cannot_return_many_keys(monkeypatch):
    monkeypatch.setattr(type(connection.features), "can_return_rows_from_bulk_insert", False)
    addresses = [Address(city="Assen"), Address(city="Breda")]
    with CaptureQueriesContext(connection) as captured:
        insert(addresses, "default")
    assert len(captured) == 2
    assert [address.city for address in Address.objects.order_by("pk")] == ["Assen", "Breda"]
    assert all(address.pk for address in addresses)


@pytest.mark.parametrize("left_out", [frozenset(), Message.SET_WHEN_APPLIED])
def test_every_kind_of_value_comes_back_as_it_was(left_out):
    message = Message(url_topic="order", account="é", body=b"\x00\xff{%s}", headers={"x": "%s ☃"}, due_at=NOW)
    insert([message], "default", left_out=left_out)
    stored = Message.objects.get()
    for field in Message._meta.concrete_fields:
        if field.name not in {"due_at", "body"}:
            assert getattr(stored, field.attname) == getattr(message, field.attname), field.name
    assert bytes(stored.body) == message.body
    assert abs((stored.due_at - stored.received_at).total_seconds()) < 300


def test_one_statement_takes_different_expressions():
    now = Message(account="a", body=b"", due_at=NOW)
    later = Message(account="a", body=b"", due_at=from_now(3600))
    insert([now, later], "default")
    first, second = Message.objects.order_by("pk")
    assert 3500 < (second.due_at - first.due_at).total_seconds() < 3700


def test_insert_sends_djangos_signals():
    heard = []

    def listen(sender, instance, signal, **rest):
        heard.append(("pre" if signal is pre_save else "post", instance.pk is not None, rest.get("created")))

    for signal in (pre_save, post_save):
        signal.connect(listen, sender=Order)
    try:
        insert([Order(account="default", increment_id="1")], "default")
    finally:
        for signal in (pre_save, post_save):
            signal.disconnect(listen, sender=Order)
    assert heard == [("pre", False, None), ("post", True, True)]


def test_select_for_update_locks_the_row_with_these_values():
    order = Order.objects.create(account="default", increment_id="1", grand_total=Decimal("2.50"))
    with CaptureQueriesContext(connection) as captured:
        found = select_for_update(Order, "default", account="default", increment_id="1")
        assert select_for_update(Order, "default", account="other", increment_id="1") is None
    assert (found, found.grand_total, found.received_at) == (order, Decimal("2.5"), None)
    features = connection.features
    lock = "FOR NO KEY UPDATE" if features.has_select_for_no_key_update else "FOR UPDATE"
    texts = [query["sql"] for query in captured.captured_queries if query["sql"].startswith("SELECT")]
    assert all((lock in text) is features.has_select_for_update for text in texts)


def test_update_returns_the_number_of_matching_rows():
    order = Order.objects.create(account="default", increment_id="1", status="pending")
    where = {"id": order.pk, "status": "pending"}
    assert update(Order, "default", where, {"status": "complete", "grand_total": Decimal("3")}) == 1
    assert update(Order, "default", where, {"status": "closed"}) == 0
    order.refresh_from_db()
    assert (order.status, order.grand_total) == ("complete", Decimal("3"))


@pytest.mark.postgresql
def test_prepared_statements_do_the_same(transactional_db):
    connection.ensure_connection()
    connection.connection.prepare_threshold = 0
    try:
        order = Order(account="default", increment_id="1", grand_total=Decimal("2.5"))
        insert([order], "default")
        insert(lines(order, 3), "default")
        assert select_for_update(Order, "default", account="default", increment_id="1") == order
        assert update(Order, "default", {"id": order.pk}, {"status": "complete"}) == 1
    finally:
        connection.close()
    assert (Order.objects.get().status, OrderItem.objects.count()) == ("complete", 3)


# ---------------------------------------------------------------- writing


def test_insert_sets_the_keys_of_related_rows_that_were_saved_after_assignment():
    message = Message.objects.create(account="default", body=b"")
    events = [
        Event(type=f"{number}", account="default", subject_id=1, message=message, occurred_at=timezone.now())
        for number in range(5)
    ]
    calls = [ReceiverCall(event=event, signal="a", receiver=event.type) for event in reversed(events)]
    insert(events, "default")
    insert(calls, "default")
    assert list(Event.objects.order_by("pk").values_list("type", flat=True)) == ["0", "1", "2", "3", "4"]
    assert all(call.receiver == call.event.type for call in ReceiverCall.objects.select_related("event"))
    assert [call.event_id for call in calls] == [event.pk for event in reversed(events)]


def test_saving_a_deleted_row_is_an_error():
    order = Order.objects.create(account="default", increment_id="1")
    Order.objects.all().delete()
    with pytest.raises(DatabaseError):
        save(order, ["status"], "default")


def test_saving_sends_the_signals_of_djangos_save():
    order = Order.objects.create(account="default", increment_id="1")
    sent = []

    def listen(sender, instance, signal, update_fields, raw, using, **rest):
        if signal is pre_save:
            instance.status = instance.status or "set by the listener"
        sent.append((sender, instance is order, update_fields, rest.get("created"), using))

    for signal in (pre_save, post_save):
        signal.connect(listen, sender=Order)
    try:
        save(order, ["status"], "default")
        ours, sent[:] = list(sent), []
        order.save(update_fields=["status"])
    finally:
        for signal in (pre_save, post_save):
            signal.disconnect(listen, sender=Order)
    assert ours == sent
    assert len(ours) == 2
    assert Order.objects.get().status == "set by the listener"


# ---------------------------------------------------------------- asked again and again


def test_kept_query_returns_what_django_returns(post, hear):
    hear(signals.order_created)
    hear(signals.event_recorded)
    post("order")
    asked = ReceiverCall.objects.filter(signal__startswith="order").filter(event__message_id=0)
    kept = Selection(asked, ["event", "event__message"], without=["event__message__body"])
    message = Message.objects.get()
    with CaptureQueriesContext(connection) as captured:
        (call,) = kept.rows(message.pk)
        assert kept.rows(message.pk + 1) == []
    assert len(captured) == 2
    (djangos,) = ReceiverCall.objects.filter(signal="order_created").select_related("event__message")
    for ours, theirs in ((call, djangos), (call.event, djangos.event), (call.event.message, djangos.event.message)):
        assert ours._state.db == "default"
        assert not ours._state.adding
        for field in ours._meta.concrete_fields:
            if field.name != "body":
                assert getattr(ours, field.attname) == getattr(theirs, field.attname), field.name
    assert call.event.message.get_deferred_fields() == {"body"}
    assert bytes(call.event.message.body) == bytes(message.body)


def test_subject_of_an_event_is_loaded_with_its_parents_in_one_statement(post):
    for topic in ("order", "shipment", "order-payment-request"):
        post(topic)
    track = Track.objects.get()
    with CaptureQueriesContext(connection) as captured:
        arguments = BY_NAME["track"].arguments(BY_NAME["track"].load(track.pk, "default"))
    assert len(captured) == 1
    assert arguments == {"track": track, "shipment": track.shipment, "rma": None, "order": Order.objects.get()}
    PaymentRequest.objects.update(order=None)
    assert BY_NAME["payment_request"].load(PaymentRequest.objects.get().pk, "default").order is None
    assert BY_NAME["order"].load(0, "default") is None


def test_each_thread_prepares_values_for_its_own_connection(monkeypatch):
    asked = []
    field = Message._meta.get_field("applied_at")
    monkeypatch.setattr(field, "get_db_prep_save", lambda value, connection: asked.append(connection))
    statements.columns.cache_clear()
    monkeypatch.setattr(statements, "PSYCOPG_TYPES", frozenset())  # so that the field is asked on each database

    def write():
        statements.update_statement(Message, "default", {"id": 1}, {"applied_at": timezone.now()})
        asked.append(connections["default"])

    try:
        write()
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    finally:
        statements.columns.cache_clear()
    here, own, there, its_own = asked
    assert here is own is not its_own
    assert there is its_own
