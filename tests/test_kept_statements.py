"""The statements that are written once and kept do what Django's own would."""

from decimal import Decimal

import pytest
from django.db import connection
from django.db.models.signals import post_save, pre_save
from django.test.utils import CaptureQueriesContext

from stockhub_webhooks.models import Address, Message, Order, OrderItem, statements
from stockhub_webhooks.models.database import NOW, from_now

pytestmark = pytest.mark.django_db


def lines(order, count):
    return [OrderItem(order=order, position=n, sku=f"sku-{n}", row_total_inc_tax=Decimal("1.5")) for n in range(count)]


@pytest.mark.parametrize("count", [0, 1, statements.ROWS_AT_ONCE + 1])
def test_rows_are_inserted_and_know_their_keys(count):
    order = Order(account="default", increment_id="1")
    statements.insert([order], "default")
    items = lines(order, count)
    statements.insert(items, "default")
    assert [item.pk for item in items] == list(OrderItem.objects.order_by("position").values_list("pk", flat=True))
    assert all(item._state.db == "default" and not item._state.adding for item in items)
    assert set(OrderItem.objects.values_list("row_total_inc_tax", flat=True)) <= {Decimal("1.5000")}


def test_a_database_that_does_not_tell_the_keys_of_many_rows_is_given_them_one_by_one(monkeypatch):
    monkeypatch.setattr(type(connection.features), "can_return_rows_from_bulk_insert", False)
    addresses = [Address(city="Assen"), Address(city="Breda")]
    with CaptureQueriesContext(connection) as captured:
        statements.insert(addresses, "default")
    assert len(captured) == 2
    assert [address.city for address in Address.objects.order_by("pk")] == ["Assen", "Breda"]
    assert all(address.pk for address in addresses)


@pytest.mark.parametrize("left_out", [frozenset(), Message.FOUND_OUT_LATER])
def test_every_kind_of_value_comes_back_as_it_was(left_out):
    message = Message(url_topic="order", account="é", body=b"\x00\xff{%s}", headers={"x": "%s ☃"}, due_at=NOW)
    statements.insert([message], "default", left_out=left_out)
    stored = Message.objects.get()
    for field in Message._meta.concrete_fields:
        if field.name not in {"due_at", "body"}:
            assert getattr(stored, field.attname) == getattr(message, field.attname), field.name
    assert bytes(stored.body) == message.body
    assert abs((stored.due_at - stored.received_at).total_seconds()) < 300


def test_the_same_statement_takes_other_expressions():
    now = Message(account="a", body=b"", due_at=NOW)
    later = Message(account="a", body=b"", due_at=from_now(3600))
    statements.insert([now, later], "default")
    first, second = Message.objects.order_by("pk")
    assert 3500 < (second.due_at - first.due_at).total_seconds() < 3700


def test_who_listens_to_djangos_own_signals_hears_of_them():
    heard = []

    def listen(sender, instance, signal, **rest):
        heard.append(("pre" if signal is pre_save else "post", instance.pk is not None, rest.get("created")))

    for signal in (pre_save, post_save):
        signal.connect(listen, sender=Order)
    try:
        statements.insert([Order(account="default", increment_id="1")], "default")
    finally:
        for signal in (pre_save, post_save):
            signal.disconnect(listen, sender=Order)
    assert heard == [("pre", False, None), ("post", True, True)]


def test_a_row_is_found_and_held_by_its_values():
    order = Order.objects.create(account="default", increment_id="1", grand_total=Decimal("2.50"))
    with CaptureQueriesContext(connection) as captured:
        found = statements.locked(Order, "default", account="default", increment_id="1")
        assert statements.locked(Order, "default", account="other", increment_id="1") is None
    assert (found, found.grand_total, found.received_at) == (order, Decimal("2.5"), None)
    held = connection.features.has_select_for_update
    assert all(query["sql"].endswith("FOR UPDATE") is held for query in captured.captured_queries)


def test_an_update_says_how_many_rows_were_as_described():
    order = Order.objects.create(account="default", increment_id="1", status="pending")
    where = {"id": order.pk, "status": "pending"}
    assert statements.update(Order, "default", where, {"status": "complete", "grand_total": Decimal("3")}) == 1
    assert statements.update(Order, "default", where, {"status": "closed"}) == 0
    order.refresh_from_db()
    assert (order.status, order.grand_total) == ("complete", Decimal("3"))


@pytest.mark.postgresql
def test_a_connection_keeps_one_cursor_for_them_and_a_new_connection_has_a_new_one(transactional_db):
    def cursor_of_insert():
        statements.insert([Address(city="Assen")], "default")
        return getattr(connection, statements.KEPT)

    first = cursor_of_insert()
    assert cursor_of_insert() is first
    connection.close()
    assert cursor_of_insert() is not first
    assert type(connection.connection.cursor()) is not type(first)  # Django's own stays what it was


@pytest.mark.postgresql
def test_a_statement_that_is_logged_shows_its_values(transactional_db):
    connection.ensure_connection()
    connection.connection.prepare_threshold = 0
    try:
        with CaptureQueriesContext(connection) as captured:
            statements.insert([Address(city="Assen")], "default")
    finally:
        connection.close()
    assert "'Assen'" in captured[0]["sql"]


@pytest.mark.postgresql
def test_statements_whose_plans_are_kept_do_the_same(transactional_db):
    connection.ensure_connection()
    connection.connection.prepare_threshold = 0
    try:
        order = Order(account="default", increment_id="1", grand_total=Decimal("2.5"))
        statements.insert([order], "default")
        statements.insert(lines(order, 3), "default")
        assert statements.locked(Order, "default", account="default", increment_id="1") == order
        assert statements.update(Order, "default", {"id": order.pk}, {"status": "complete"}) == 1
    finally:
        connection.close()
    assert (Order.objects.get().status, OrderItem.objects.count()) == ("complete", 3)
