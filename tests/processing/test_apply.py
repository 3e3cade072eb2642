"""A newer message wins, an older one is kept and labelled, an equal one has no effect: for every topic."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import cycle

import pytest

from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import (
    RMA,
    Address,
    CreditMemo,
    Event,
    Invoice,
    Message,
    Order,
    PaymentRequest,
    Shipment,
    Track,
)
from stockhub_webhooks.processing import apply
from tests.samples import changed, contract, sample

pytestmark = pytest.mark.django_db
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
CHILDREN = pytest.mark.parametrize("topic", ["shipment", "invoice", "rma", "creditmemo"])
VERSIONED = pytest.mark.parametrize("topic", ["order", "shipment", "invoice", "creditmemo"])
UTC = timezone.utc

# a field of each topic, and another value for it
OTHER = {
    "order": {"status": "closed"},
    "shipment": {"status": "DELIVERED"},
    "invoice": {"shipping_price": 5, "grand_total": 245},
    "rma": {"status": "approved"},
    "creditmemo": {"fee_amount": 3, "grand_total": 117},
    "order-payment-request": {"pay_by_link": "https://pay.example.com/p/another"},
}


def later(body, days=1):
    """Return the body as written some days later, if the topic has an `updated_at`."""
    if "updated_at" not in body:
        return body
    moment = datetime.fromisoformat(body["updated_at"].replace("Z", "+00:00"))
    return body | {"updated_at": (moment + timedelta(days=days)).isoformat()}


def document(topic):
    return apply.BY_TOPIC[topic].model.objects.get(increment_id__in=(contract(topic).get("increment_id"), "000000003"))


def types():
    return list(Event.objects.order_by("pk").values_list("type", flat=True))


def latest_change():
    """The last event before that of the purchase."""
    return Event.objects.exclude(type="purchase.changed").latest("pk")


# ---------------------------------------------------------------- the right rows


def test_an_order_has_exact_money_utc_times_lines_and_addresses(post):
    post("order")
    order = Order.objects.get()
    assert (order.account, order.increment_id, order.po_number) == ("default", "000000701", "RESELLER_REF")
    assert (order.status, order.currency) == ("complete", "EUR")
    assert (order.subtotal, order.shipping_price, order.grand_total) == (240, Decimal("4.95"), Decimal("244.95"))
    assert order.created_at == datetime(2024, 5, 6, 9, 10, 11, tzinfo=UTC)
    assert order.updated_at == datetime(2024, 5, 6, 9, 14, 41, tzinfo=UTC)
    item = order.items.get()
    assert (item.sku, item.size, item.qty_ordered) == ("wsnl100-0123456789abcdef01234567", "L", 2)
    assert (item.item_price_inc_tax, item.row_total_inc_tax) == (120, 240)
    assert order.shipping_address.lines == ["Piet Testman", "Voorbeeldlaan 7", "1234AB Teststad", "NL"]
    assert order.shipping_address_id != order.billing_address_id
    assert Address.objects.count() == 2


def test_a_shipment_has_its_track_and_its_stub(post):
    post("shipment")
    shipment = Shipment.objects.get()
    assert shipment.created_at == datetime(2024, 4, 15, 13, 20, 30, tzinfo=UTC)
    assert shipment.collected_at == datetime(2024, 4, 18, 19, 12, 31, tzinfo=UTC)
    assert shipment.delivered_at is None
    assert not shipment.is_delivered
    assert shipment.origin_address.lines == ["Sender BV", "Magazijnweg 21", "4321BA Depotdam", "NL"]
    track = shipment.tracks.get()
    assert (track.tracking_number, track.carrier, track.rma) == ("1Z00AA000000000001", "ups", None)
    assert shipment.order.is_stub
    assert shipment.order_increment_id == "000000701"
    assert shipment.order.po_number == "RESELLER_REF"


def test_the_other_documents(post):
    for topic in topics.ALL:
        post(topic)
    invoice = Invoice.objects.get()
    assert (invoice.grand_total, invoice.order.increment_id) == (Decimal("244.95"), "000000720")
    assert invoice.items.get().qty == 2
    rma = RMA.objects.get()
    item = rma.items.get()
    assert (item.item_id, item.qty_requested, item.qty_approved) == ("61", 1, None)
    assert (item.item_return_fee, item.status, item.color) == (Decimal("2.5"), "authorized", "Zwart")
    assert rma.tracks.get().shipment is None
    memo = CreditMemo.objects.get()
    assert (memo.fee_amount, memo.grand_total) == (Decimal("2.5"), Decimal("117.5"))
    assert memo.items.get().reversal == "NONE"
    request = PaymentRequest.objects.get()
    assert (request.increment_id, request.order_increment_id) == ("000000003", "000000701")
    assert (request.tax_amount, request.payment_method) == (Decimal("42.4"), "purchaseorder")
    assert request.order == Order.objects.get(increment_id="000000701")


# ---------------------------------------------------------------- twice is once


@EACH_TOPIC
def test_duplicate_message_changes_nothing_and_has_no_events(post, topic, hear):
    from stockhub_webhooks import signals

    post(topic)
    heard = hear(signals.event_recorded)
    before = Event.objects.count()
    assert post(topic).json()["outcome"] == "unchanged"
    assert Event.objects.count() == before
    assert heard == []


@EACH_TOPIC
def test_only_a_later_time_and_unknown_fields_are_no_effect(post, topic):
    post(topic)
    assert post(topic, later(sample(topic, brand_new=1))).json()["outcome"] == "unchanged"


@VERSIONED
def test_unchanged_message_still_updates_the_version(post, topic):
    post(topic)
    post(topic, later(contract(topic), 5))
    assert post(topic, later(sample(topic, **OTHER[topic]), 3)).json()["outcome"] == "stale"


@EACH_TOPIC
def test_change_and_its_reversal_are_two_changes(post, topic):
    post(topic)
    assert post(topic, later(sample(topic, **OTHER[topic]), 1)).json()["outcome"] == "updated"
    assert post(topic, later(contract(topic), 2)).json()["outcome"] == "updated"
    assert post(topic, later(contract(topic), 2)).json()["outcome"] == "unchanged"


# ---------------------------------------------------------------- older never overwrites newer


@VERSIONED
def test_an_older_message_is_kept_and_labelled_and_changes_nothing(post, topic):
    name, new = next(iter(OTHER[topic].items()))
    post(topic, later(sample(topic, **OTHER[topic])))
    before = types()
    answer = post(topic)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "stale")
    assert getattr(document(topic), name) == new
    assert types() == before
    assert Message.objects.filter(outcome="stale").count() == 1


@EACH_TOPIC
def test_with_equal_times_the_later_received_is_the_newer(post, topic):
    name, new = next(iter(OTHER[topic].items()))
    post(topic)
    assert post(topic, sample(topic, **OTHER[topic])).json()["outcome"] == "updated"
    assert getattr(document(topic), name) == new


@EACH_TOPIC
def test_with_equal_times_what_was_received_earlier_and_applied_later_is_stale(topic):
    name, new = next(iter(OTHER[topic].items()))
    now = datetime.now(UTC)
    assert outcome(topic, sample(topic, **OTHER[topic]), now) == "created"
    assert outcome(topic, contract(topic), now - timedelta(minutes=1)) == "stale"
    assert getattr(document(topic), name) == new


@EACH_TOPIC
def test_a_copy_that_was_received_earlier_and_applied_later_changes_nothing(topic):
    now = datetime.now(UTC)
    assert outcome(topic, contract(topic), now) == "created"
    assert outcome(topic, contract(topic), now - timedelta(seconds=1)) == "unchanged"
    assert outcome(topic, sample(topic, **OTHER[topic]), now - timedelta(milliseconds=1)) == "stale"


@EACH_TOPIC
def test_a_duplicate_counts_by_when_it_was_received_itself(topic):
    now = datetime.now(UTC)
    assert outcome(topic, contract(topic), now) == "created"
    assert outcome(topic, contract(topic), now + timedelta(minutes=2)) == "unchanged"
    assert outcome(topic, sample(topic, **OTHER[topic]), now + timedelta(minutes=1)) == "stale"


@VERSIONED
def test_message_without_updated_at_keeps_the_stored_one(topic):
    now = datetime.now(UTC)
    outcome(topic, later(contract(topic), 9), now)
    assert outcome(topic, sample(topic, updated_at=None, **OTHER[topic]), now + timedelta(1)) == "updated"
    assert outcome(topic, later(contract(topic), 8), now + timedelta(2)) == "stale"


def test_messages_of_the_hour_that_comes_twice_are_in_sequence(settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"NAIVE_TIMEZONE": "Europe/Amsterdam"}
    steps = [("01:58:00", "23:58:02"), ("02:40:00", "00:40:02"), ("02:10:00", "01:10:02"), ("03:05:00", "02:05:02")]
    for hour, (local, utc) in enumerate(steps):
        day = 24 if utc.startswith("23") else 25
        body = sample("shipment", updated_at=f"2026-10-25 {local}", status=f"S{hour}")
        expected = "updated" if hour else "created"
        assert outcome("shipment", body, datetime.fromisoformat(f"2026-10-{day}T{utc}+00:00")) == expected
    assert Shipment.objects.get().status == "S3"


def outcome(topic, body, received_at):
    """Apply a body as if it had been received at this time."""
    import json

    from stockhub_webhooks.processing import pipeline
    from stockhub_webhooks.receiving import journal

    message = Message(url_topic=topic, account="default", body=json.dumps(body).encode(), received_at=received_at)
    return pipeline.process(journal.store(message, claimed=True)).outcome


# ---------------------------------------------------------------- stubs


@CHILDREN
def test_a_child_before_its_order_makes_a_silent_stub(post, topic):
    post(topic)
    order = Order.objects.get()
    assert order.is_stub
    assert (order.increment_id, order.po_number) == (contract(topic)["order_increment_id"], "RESELLER_REF")
    assert not any(kind.startswith("order.") for kind in types())


@CHILDREN
def test_the_real_order_fills_the_stub_and_is_created(post, topic):
    post(topic)
    body = sample("order", increment_id=contract(topic)["order_increment_id"], po_number=None)
    assert post("order", body).json()["outcome"] == "created"
    order = Order.objects.get()
    assert not order.is_stub
    assert order.po_number == "RESELLER_REF"  # a null never erases it
    assert types()[-2:] == ["order.created", "purchase.changed"]
    assert order.items.count() == 1


def test_stub_gets_our_order_number_from_a_later_child(post):
    post("shipment", sample("shipment", po_number=None))
    assert Order.objects.get().po_number is None
    post("rma")
    assert Order.objects.get().po_number == "RESELLER_REF"


def test_a_payment_request_without_an_order_stands_alone(post):
    body = sample(topics.PAYMENT_REQUEST, order_increment_id=None)
    assert post(topics.PAYMENT_REQUEST, body).json()["outcome"] == "created"
    assert PaymentRequest.objects.get().order is None
    assert not Order.objects.exists()
    assert post(topics.PAYMENT_REQUEST, body).json()["outcome"] == "unchanged"
    assert post(topics.PAYMENT_REQUEST).json()["outcome"] == "updated"
    assert PaymentRequest.objects.get().order == Order.objects.get()


# ---------------------------------------------------------------- nulls, lines, tracks, addresses


@EACH_TOPIC
def test_a_null_never_erases_our_order_number(post, topic):
    post(topic)
    body = contract(topic)
    body = body | {"payment": None} if topic == topics.PAYMENT_REQUEST else body | {"po_number": None}
    post(topic, later(body))
    assert document(topic).po_number == "RESELLER_REF"


@EACH_TOPIC
@pytest.mark.parametrize("items", [None, []])
def test_absent_or_empty_lines_leave_the_lines(post, topic, items):
    post(topic)
    assert post(topic, later(sample(topic, items=items))).json()["outcome"] == "unchanged"
    assert document(topic).items.count() == 1


@EACH_TOPIC
@pytest.mark.parametrize(
    "name", ["currency", "created_at", "status", "po_number", "shipping_address", "billing_address"]
)
def test_null_never_erases_what_is_not_nullable(post, topic, name):
    post(topic)
    if hasattr(document(topic), name):
        before = getattr(document(topic), name)
        assert post(topic, later(sample(topic, **{name: None}))).json()["outcome"] == "unchanged"
        assert getattr(document(topic), name) == before


@pytest.mark.parametrize(("topic", "name"), [("order", "shipping_price"), ("shipment", "collected_at")])
def test_null_erases_what_is_nullable(post, topic, name):
    post(topic, sample(topic, **{name: 5 if name == "shipping_price" else "2024-02-20 15:28:51"}))
    assert post(topic, later(sample(topic, **{name: None}))).json()["outcome"] == "updated"
    assert getattr(document(topic), name) is None


@EACH_TOPIC
def test_absent_fields_erase_nothing(post, topic):
    post(topic)
    before = document(topic)
    numbers = {name: value for name, value in contract(topic).items() if "increment_id" in name}
    body = (
        numbers if topic in ("rma", topics.PAYMENT_REQUEST) else numbers | {"updated_at": "2030-01-01T00:00:00+00:00"}
    )
    assert post(topic, body).json()["outcome"] == "unchanged"
    after = document(topic)
    values = {field.name: getattr(before, field.attname) for field in before._meta.concrete_fields}
    moved = {"received_at", "updated_at", "reading_digest"}
    assert {n: v for n, v in values.items() if n not in moved} == {
        field.name: getattr(after, field.attname) for field in after._meta.concrete_fields if field.name not in moved
    }
    assert after.items.count() == before.items.count()


@EACH_TOPIC
def test_a_value_that_cannot_be_read_leaves_the_former(post, topic):
    post(topic)
    assert post(topic, later(sample(topic, currency=["EUR"]))).json()["outcome"] == "unchanged"
    assert document(topic).currency == "EUR"
    assert {"path": "currency", "code": "not_text", "detail": ""} in Message.objects.latest("pk").notes


@EACH_TOPIC
def test_a_line_is_changed_added_and_removed(post, topic):
    body = contract(topic)
    first, second = body["items"][0], dict(body["items"][0], id=62, sku="second", mpn="M2")
    post(topic)
    pk = document(topic).items.get().pk
    assert post(topic, later(body | {"items": [second, first]}, 1)).json()["outcome"] == "updated"
    assert [item.sku for item in document(topic).items.all()] == ["second", first["sku"]]
    assert document(topic).items.get(sku=first["sku"]).pk == pk
    assert post(topic, later(body | {"items": [second, first | {"mpn": "new"}]}, 2)).json()["outcome"] == "updated"
    assert document(topic).items.get(pk=pk).mpn == "new"
    assert post(topic, later(body | {"items": [first | {"mpn": "new"}]}, 3)).json()["outcome"] == "updated"
    assert document(topic).items.get().pk == pk


def test_equal_lines_are_distinguished_by_their_order(post):
    body = contract("order")
    twin = body["items"][0]
    post("order", body | {"items": [twin, twin]})
    former = list(Order.objects.get().items.values_list("pk", flat=True))
    answer = post("order", later(body | {"items": [twin, twin | {"qty_ordered": 5}]}))
    assert answer.json()["outcome"] == "updated"
    assert list(Order.objects.get().items.values_list("pk", "qty_ordered")) == [(former[0], 2), (former[1], 5)]
    assert f"items[{twin['sku']}/L#2].qty_ordered" in latest_change().changes


def test_lines_with_similar_names_are_distinguished(post):
    body = contract("order")
    line = body["items"][0]
    alike = [
        line | {"sku": "A", "size": None},
        line | {"sku": "A", "size": None},
        line | {"sku": "A#2", "size": None},
        line | {"sku": "A/B", "size": None},
        line | {"sku": "A", "size": "B"},
    ]
    post("order", body | {"items": alike})
    changed_lines = [given | {"qty_ordered": number} for number, given in enumerate(alike)]
    post("order", later(body | {"items": changed_lines}))
    assert list(Order.objects.get().items.values_list("sku", "size", "qty_ordered")) == [
        ("A", None, 0),
        ("A", None, 1),
        ("A#2", None, 2),
        ("A/B", None, 3),
        ("A", "B", 4),
    ]


def test_a_line_that_cannot_be_read_deletes_none(post):
    body = contract("order")
    second = dict(body["items"][0], sku="second")
    post("order", body | {"items": [body["items"][0], second]})
    post("order", later(body | {"items": [body["items"][0], "second"]}))
    assert Order.objects.get().items.count() == 2


def test_an_address_that_cannot_be_read_is_not_deleted(post):
    post("order")
    post("order", later(sample("order", shipping_address={"city": ["x"]})))
    assert Order.objects.get().shipping_address.city == "Teststad"


def test_thousands_of_lines_are_changed(post):
    body = contract("order")
    lines = [dict(body["items"][0], sku=f"sku-{n}") for n in range(1500)]
    post("order", body | {"items": lines})
    assert post("order", later(body | {"items": [line | {"qty_ordered": 9} for line in lines]})).status_code == 200
    assert Order.objects.get().items.filter(qty_ordered=9).count() == 1500


def test_only_a_moved_line_is_no_effect(post):
    body = contract("order")
    other = dict(body["items"][0], sku="second")
    post("order", body | {"items": [body["items"][0], other]})
    assert post("order", later(body | {"items": [other, body["items"][0]]})).json()["outcome"] == "unchanged"
    assert Order.objects.get().items.first().sku == "second"


def test_the_items_of_a_return_match_by_their_number(post):
    post("rma")
    pk = RMA.objects.get().items.get().pk
    post("rma", sample("rma", items__sku="renamed", items__status="received"))
    assert RMA.objects.get().items.get().pk == pk
    assert types()[-3:] == ["rma_item.status_changed", "rma.updated", "purchase.changed"]


@pytest.mark.parametrize("topic", ["shipment", "rma"])
def test_tracks_accumulate(post, topic):
    post(topic)
    assert post(topic, later(sample(topic, track__tracking_number="second"), 1)).json()["outcome"] == "updated"
    assert post(topic, later(sample(topic, track=None), 2)).json()["outcome"] == "unchanged"
    assert [track.tracking_number for track in document(topic).tracks.order_by("pk")] == [
        contract(topic)["track"]["tracking_number"],
        "second",
    ]


@pytest.mark.parametrize("topic", ["shipment", "rma"])
def test_known_track_gets_its_carrier_later(post, topic):
    post(topic)
    post(topic, later(sample(topic, track__carrier="postnl")))
    assert document(topic).tracks.get().carrier == "postnl"
    number = contract(topic)["track"]["tracking_number"]
    assert latest_change().changes == {f"tracks[{number}].carrier": ["ups", "postnl"]}


def test_a_stale_message_may_add_a_track_and_nothing_else(post):
    post("shipment", later(sample("shipment", status="DELIVERED")))
    before = types()
    body = sample("shipment", track__tracking_number="older", currency="USD", items__qty=9)
    assert post("shipment", body).json()["outcome"] == "stale"
    shipment = Shipment.objects.get()
    assert (shipment.status, shipment.currency, shipment.items.get().qty) == ("DELIVERED", "EUR", 2)
    assert shipment.tracks.count() == 2
    assert types() == [*before, "track.added", "purchase.changed"]


def test_a_stale_message_does_not_change_a_track(post):
    post("shipment", later(contract("shipment")))
    post("shipment", sample("shipment", track__carrier="older"))
    assert Track.objects.get().carrier == "ups"


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("order", "shipping_address"),
        ("order", "billing_address"),
        ("shipment", "origin_address"),
        ("invoice", "billing_address"),
        ("creditmemo", "billing_address"),
        (topics.PAYMENT_REQUEST, "shipping_address"),
    ],
)
def test_an_address_is_changed_in_place_added_and_never_removed(post, topic, name):
    post(topic)
    count, key = Address.objects.count(), getattr(document(topic), f"{name}_id")
    post(topic, later(sample(topic, **{f"{name}__city": "Elders"}), 1))
    assert getattr(document(topic), f"{name}_id") == key
    assert getattr(document(topic), name).city == "Elders"
    post(topic, later(sample(topic, **{name: None}), 2))
    assert getattr(document(topic), name).city == "Elders"
    post(topic, later(sample(topic, **{name: {"city": "Assen"}}), 3))
    address = getattr(document(topic), name)
    assert (address.pk, address.city, address.postcode) == (key, "Assen", contract(topic)[name]["postcode"])
    assert Address.objects.count() == count


@CHILDREN
def test_a_document_may_move_to_another_order(post, topic):
    post(topic)
    assert post(topic, later(sample(topic, order_increment_id="000009999"))).json()["outcome"] == "updated"
    assert document(topic).order.increment_id == "000009999"
    change = latest_change()
    assert change.changes == {"order_increment_id": [contract(topic)["order_increment_id"], "000009999"]}
    assert change.order.increment_id == "000009999"


def test_equal_numbers_of_two_accounts_are_two_orders(post, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"one": "key-one", "two": "key-two"}}
    assert post("order", key="key-one").json()["outcome"] == "created"
    assert post("order", key="key-two").json()["outcome"] == "created"
    assert set(Order.objects.values_list("account", flat=True)) == {"one", "two"}


def test_equal_numbers_of_two_topics_are_two_documents(post):
    post("shipment", sample("shipment", increment_id="000000701"))
    post("order")
    assert Shipment.objects.get().increment_id == Order.objects.get().increment_id


# ---------------------------------------------------------------- events


CREATED = {
    "order": ["order.created", "purchase.changed"],
    "shipment": ["shipment.created", "track.added", "purchase.changed"],
    "invoice": ["invoice.created", "purchase.changed"],
    "rma": ["rma.created", "track.added", "purchase.changed"],
    "creditmemo": ["credit_memo.created", "purchase.changed"],
    "order-payment-request": ["payment_request.created", "purchase.changed"],
}
UPDATED = {
    "order": ["order.status_changed", "order.updated", "purchase.changed"],
    "shipment": ["shipment.status_changed", "shipment.delivered", "shipment.updated", "purchase.changed"],
    "invoice": ["invoice.updated", "purchase.changed"],
    "rma": ["rma.status_changed", "rma.updated", "purchase.changed"],
    "creditmemo": ["credit_memo.updated", "purchase.changed"],
    "order-payment-request": [],
}


@EACH_TOPIC
def test_the_events_of_a_new_document(post, topic):
    post(topic)
    assert types() == CREATED[topic]
    event = Event.objects.first()
    assert event.increment_id == document(topic).increment_id
    assert event.po_number == "RESELLER_REF"
    assert event.message == Message.objects.get()
    assert not event.is_replay


@EACH_TOPIC
def test_the_events_of_a_change_are_the_specific_ones_and_then_one_with_all(post, topic):
    post(topic)
    post(topic, later(sample(topic, **OTHER[topic])))
    assert types() == CREATED[topic] + UPDATED[topic]
    if UPDATED[topic]:
        changes = latest_change().changes
        assert set(changes) == set(OTHER[topic])


def test_parcel_that_is_first_received_as_delivered_has_a_delivered_event(post):
    post("shipment", sample("shipment", delivered_at="2024-04-20 10:00:00"))
    assert types() == ["shipment.created", "track.added", "shipment.delivered", "purchase.changed"]
    assert latest_change().occurred_at == datetime(2024, 4, 20, 10, tzinfo=UTC)


def test_delivered_event_is_recorded_only_the_first_time(post):
    post("shipment", later(sample("shipment", status="DELIVERED"), 1))
    post("shipment", later(contract("shipment"), 2))
    post("shipment", later(sample("shipment", status="DELIVERED"), 3))
    assert types().count("shipment.delivered") == 1


def test_delivery_by_time_and_then_by_status_is_one_event(post):
    post("shipment", later(sample("shipment", delivered_at="2024-04-20 10:00:00"), 1))
    post("shipment", later(sample("shipment", delivered_at="2024-04-20 10:00:00", status="DELIVERED"), 2))
    assert types().count("shipment.delivered") == 1


def test_delivery_is_one_event_even_if_the_shipment_moves_to_another_order(post):
    post("shipment", later(sample("shipment", status="DELIVERED"), 1))
    post("shipment", later(sample("shipment", order_increment_id="000009999"), 2))
    post("shipment", later(sample("shipment", order_increment_id="000009999", status="DELIVERED"), 3))
    assert types().count("shipment.delivered") == 1


def test_all_changes_are_in_the_last_event(post):
    post("order")
    body = changed(contract("order"), status="closed", items__qty_ordered=3, shipping_address__city="Elders")
    post("order", later(body))
    sku = contract("order")["items"][0]["sku"]
    assert latest_change().changes == {
        "status": ["complete", "closed"],
        "shipping_address.city": ["Teststad", "Elders"],
        f"items[{sku}/L].qty_ordered": [2, 3],
    }
    assert Event.objects.get(type="order.status_changed").changes == {"status": ["complete", "closed"]}


def test_replayed_message_is_compared_in_full(post):
    from stockhub_webhooks.operations import worker
    from stockhub_webhooks.receiving import transitions

    post("order")
    Order.objects.update(status="tampered")
    transitions.requeue([Message.objects.get().pk])
    worker.drain()
    message = Message.objects.get()
    assert (message.status, message.outcome, message.is_replay) == ("applied", "updated", True)
    assert Order.objects.get().status == "complete"
    assert latest_change().is_replay


# ---------------------------------------------------------------- lines whose key cannot be read


def lines_of(topic):
    return {item.pk: (item.sku, item.size) for item in document(topic).items.all()}


# matching is the same on all databases; a text that is too long is not, since SQLite stores one of any length
ONCE = pytest.mark.sqlite
UNREADABLE = [
    pytest.param("x" * 300, 1, id="too long"),
    *(
        pytest.param(value, place, id=f"{value!r} in line {place}", marks=ONCE)
        for place, value in zip(cycle([0, 1, 2]), (None, {"a": 1}, ["a", "b"], True, 61.5))
    ),
]


@EACH_TOPIC
@pytest.mark.parametrize(("value", "place"), UNREADABLE)
def test_an_unreadable_value_of_a_line_leaves_its_row(post, topic, value, place):
    first = contract(topic)["items"][0]
    items = [
        dict(first, id=61, sku="A", size="S"),
        dict(first, id=62, sku="A", size="M"),
        dict(first, id=63, sku="A", size="S"),
    ]
    post(topic, contract(topic) | {"items": items})
    rows = lines_of(topic)
    for count, name in enumerate(sorted(first), start=1):
        if value == 61.5 and name in ("sku", "size"):
            continue  # a size may be a number
        changed = [dict(item) for item in items]
        changed[place][name] = value
        assert post(topic, later(contract(topic) | {"items": changed}, count)).status_code == 200
        assert lines_of(topic).keys() == rows.keys(), name
        del changed[place][name]
        assert post(topic, later(contract(topic) | {"items": changed}, count)).status_code == 200
        assert lines_of(topic).keys() == rows.keys(), name
    assert post(topic, later(contract(topic) | {"items": items}, 30)).status_code == 200
    assert lines_of(topic) == rows


@pytest.mark.parametrize("number", [61.0, "061", "61 ", {"id": 61}])
def test_an_items_number_in_another_spelling_is_the_same_item(post, number):
    post("rma", sample("rma", items__id=61))
    pk = document("rma").items.get().pk
    assert post("rma", later(sample("rma", items__id=number, items__status="approved"))).json()["outcome"] == "updated"
    item = document("rma").items.get()
    assert (item.pk, item.item_id, item.status) == (pk, "61", "approved")
    assert Event.objects.filter(type="rma_item.status_changed").count() == 1


def test_a_number_that_is_given_later_is_that_of_the_same_item(post):
    post("rma", sample("rma", items__id=None))
    pk = document("rma").items.get().pk
    post("rma", later(sample("rma", items__id=61)))
    assert (document("rma").items.get().pk, document("rma").items.get().item_id) == (pk, "61")
