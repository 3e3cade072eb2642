"""Fields that this version does not know: a receiver can use them."""

import json
from decimal import Decimal

import pytest

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Event, Order, Shipment
from stockhub_webhooks.operations import worker
from stockhub_webhooks.processing.apply import BY_TOPIC
from stockhub_webhooks.serializers import read
from stockhub_webhooks.serializers.extra import MAX_BYTES
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)


def extra_of(**fields):
    return read(json.dumps(contract("order") | fields).encode(), "order").extra


@EACH_TOPIC
def test_unknown_field_is_kept_for_receivers(post, topic):
    post(topic, contract(topic) | {"package_point": {"id": 7, "name": "Kiosk"}})
    document = BY_TOPIC[topic].model.objects.get()
    assert document.extra == {"package_point": {"id": 7, "name": "Kiosk"}}


@EACH_TOPIC
def test_document_without_unknown_fields_has_an_empty_extra(post, topic):
    post(topic)
    document = BY_TOPIC[topic].model.objects.get()
    assert document.extra == {}


def test_row_of_former_code_has_an_empty_extra(post):
    post("order")
    Order.objects.update(extra=None)
    order = Order.objects.get()
    assert order.extra == {}
    post("order", contract("order") | {"gift": True, "updated_at": "2031-01-01T00:00:00+00:00"})
    assert Order.objects.get().extra == {"gift": True}


def test_unknown_fields_of_items_and_addresses_are_kept_where_they_belong():
    body = contract("rma")
    body["items"][0] |= {"condition": "worn", "qty_received": 1}
    parsed = read(json.dumps(body).encode(), "rma")
    item = body["items"][0]
    keys = {name: item[name] for name in ("id", "sku", "size")}
    assert parsed.extra == {"items": [keys | {"condition": "worn", "qty_received": 1}]}
    order = contract("order")
    order["shipping_address"]["floor"] = "3"
    assert read(json.dumps(order).encode(), "order").extra == {"shipping_address": {"floor": "3"}}


def test_field_that_a_later_message_leaves_out_stays_and_null_is_kept(post):
    post("shipment", contract("shipment") | {"addressee": "X", "package_point": "A"})
    post("shipment", sample("shipment", status="DELIVERED") | {"package_point": None})
    assert Shipment.objects.get().extra == {"addressee": "X", "package_point": None}


def test_outdated_message_changes_no_unknown_field(post):
    post("order", sample("order", updated_at="2024-06-01T00:00:00+00:00") | {"gift": "new"})
    post("order", sample("order", updated_at="2024-05-01T00:00:00+00:00") | {"gift": "old"})
    assert Order.objects.get().extra == {"gift": "new"}


def test_change_of_an_unknown_field_alone_is_kept_and_is_no_effect(post):
    post("order", contract("order") | {"gift": "a"})
    events = Event.objects.count()
    assert post("order", contract("order") | {"gift": "b"}).json()["outcome"] == "unchanged"
    assert Order.objects.get().extra == {"gift": "b"}
    assert Event.objects.count() == events


def test_receiver_sees_the_unknown_fields(post, hear):
    heard = hear(signals.order_created)
    post("order", contract("order") | {"gift": "a"})
    worker.drain()
    assert heard[0]["order"].extra == {"gift": "a"}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a\x00b\ud800", "a\ufffdb\ufffd"),
        (1.10, 1.1),
        (2**60, str(2**60)),
        (True, True),
        (None, None),
        ([{"a\x00": [1, None]}], [{"a\ufffd": [1, None]}]),
    ],
)
def test_any_json_value_is_kept_in_a_form_that_each_database_takes(post, value, kept):
    post("order", json.dumps(contract("order") | {"new": value}).encode())
    assert Order.objects.get().extra == {"new": kept}


def test_number_that_a_float_would_change_is_a_text():
    body = json.dumps(contract("order") | {"new": 1})[:-2] + "0.1234567890123456789}"
    assert read(body.encode(), "order").extra == {"new": "0.1234567890123456789"}
    assert Decimal("0.1234567890123456789") != Decimal(repr(0.1234567890123456789))


def test_deep_and_long_fields_are_bounded(post):
    deep = "1"
    for _ in range(200):
        deep = [deep]
    body = contract("order") | {"deep": deep, "long": "x" * MAX_BYTES, "short": "y"}
    assert post("order", body).status_code == 200
    order = Order.objects.get()
    assert order.extra["short"] == "y"
    assert "long" not in order.extra
    for number in range(20):
        post("order", body | {f"new{number}": "z" * 10_000})
    assert len(json.dumps(Order.objects.get().extra)) <= MAX_BYTES


def test_other_spelling_of_a_known_field_is_not_unknown():
    assert extra_of(**{"Created-At": None}) == {}
