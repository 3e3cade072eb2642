"""Samples: documented format, amounts that add up, the same messages for the same seed."""

import json
import re
from decimal import Decimal

import pytest

from stockhub_webhooks import serializers
from stockhub_webhooks.contract import topics
from stockhub_webhooks.testing import samples
from tests.samples import contract

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
EACH_LIFE = pytest.mark.parametrize("name", samples.LIVES)
SEEDS = range(25)


def money(body, name):
    """Return an amount with the digits of its JSON."""
    return Decimal(json.dumps(body[name]))


def keys(body):
    return {name: sorted((value[0] if isinstance(value, list) else value) or ()) if name in PARTS else None
            for name, value in body.items()}  # fmt: skip


PARTS = ("items", "shipping_address", "billing_address", "origin_address", "track", "payment")


@EACH_TOPIC
def test_payload_has_the_keys_of_the_documented_example(topic):
    assert keys(samples.payload(topic)) == keys(contract(topic))


@EACH_TOPIC
def test_identifiers_and_times_have_the_documented_format(topic):
    mine, documented = samples.payload(topic), contract(topic)
    for name, value in documented.items():
        if isinstance(value, str) and (name.endswith(("increment_id", "_at")) or name.startswith("date_")):
            assert re.sub(r"\d", "0", mine[name]) == re.sub(r"\d", "0", value), name


@EACH_TOPIC
def test_payload_is_parsed_without_a_note(topic):
    for seed in SEEDS:
        reading = serializers.read(json.dumps(samples.payload(topic, seed=seed)).encode(), "")
        assert (reading.topic, reading.notes) == (topic, [])


@EACH_TOPIC
def test_same_seed_gives_the_same_order_and_another_seed_another_order(topic):
    assert samples.payload(topic, seed=4) == samples.payload(topic, seed=4) != samples.payload(topic, seed=5)


@EACH_LIFE
def test_life_is_parsed_without_a_note_and_belongs_to_one_order(name):
    for seed in SEEDS:
        life = samples.life(name, seed)
        for topic, payload, _ in life:
            reading = serializers.read(json.dumps(payload).encode(), topic)
            assert reading.notes == []
            number = payload["increment_id"] if topic == "order" else payload["order_increment_id"]
            assert number == life.increment_id
            assert life.po_number in (payload.get("po_number"), payload.get("payment", {}).get("po_number"))


@EACH_LIFE
def test_amounts_add_up_to_the_cent(name):
    for seed in SEEDS:
        for topic, payload, _ in samples.life(name, seed):
            if "grand_total" not in payload:
                continue
            rows = [money(item, "row_total_inc_tax") for item in payload["items"]]
            for item, row in zip(payload["items"], rows, strict=True):
                quantity = item["qty_ordered" if topic == "order" else "qty"]
                assert money(item, "item_price_inc_tax") * quantity == row
            total = sum(rows) + money(payload, "shipping_price")
            if topic == "creditmemo":
                total += money(payload, "adjustment") - money(payload, "fee_amount")
            assert (money(payload, "subtotal"), money(payload, "grand_total")) == (sum(rows), total)


@EACH_LIFE
def test_messages_of_a_life_have_rising_times(name):
    life = samples.life(name, 3)
    assert [step.at for step in life] == sorted(step.at for step in life)
    same_document = [(step.topic, step.number, step.at) for step in life]
    assert len(set(same_document)) == len(life)


def test_invoices_and_credit_notes_of_a_life_match_its_order():
    for seed in SEEDS:
        life = samples.life("parcels", seed)
        ends = life.ending
        invoiced = sum(money(payload, "grand_total") for (topic, _), payload in ends.items() if topic == "invoice")
        assert invoiced == money(ends["order", life.increment_id], "grand_total")
        sent = [item["sku"] for (topic, _), p in ends.items() if topic == "shipment" for item in p["items"]]
        assert sorted(sent) == sorted(item["sku"] for item in ends["order", life.increment_id]["items"])


def test_numbers_of_different_orders_are_different():
    numbers = [key for seed in range(300) for key in samples.life("parcels", seed).ending]
    assert len(numbers) == len(set(numbers))


def test_customers_cannot_be_real_people():
    for seed in SEEDS:
        for topic, payload, _ in samples.life("returned", seed):
            for name in ("shipping_address", "billing_address", "origin_address"):
                address = payload.get(name) or contract("order")["billing_address"]
                assert address["email"].endswith("@example.com"), topic
                assert re.match(r"\+31(6?0|20)0|\+3200", address["telephone"])


def test_changes_set_a_field_a_nested_field_and_a_field_of_the_first_line():
    body = samples.payload("shipment", status="DELIVERED", items__qty=9, shipping_address__city="Delft", new=1)
    assert (body["status"], body["items"][0]["qty"], body["shipping_address"]["city"]) == ("DELIVERED", 9, "Delft")
    assert body["new"] == 1
    assert samples.changed({"track": None}, track__carrier="ups") == {"track": {"carrier": "ups"}}
    assert samples.payload("shipment", track=None)["track"] is None


def test_order_number_of_the_shop_can_be_given():
    life = samples.life("returned", po_number="MINE-7")
    assert {step.payload["po_number"] for step in life} == {"MINE-7"}


@EACH_LIFE
@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_lines_of_the_shop_are_those_of_every_document(name, pieces):
    life = samples.life(name, items=[{"sku": "A-1", "size": "42", "qty": pieces, "item_price_inc_tax": 19.95}])
    for topic, payload, _ in life:
        reading = serializers.read(json.dumps(payload).encode(), topic)
        assert reading.notes == []
        assert {(item["sku"], item["size"]) for item in payload["items"]} == {("A-1", "42")}
    (line,) = life.ending["order", life.increment_id]["items"]
    assert (line["qty_ordered"], line["item_price_inc_tax"]) == (pieces, 19.95)
    sent = [item["qty"] for (topic, _), body in life.ending.items() if topic == "shipment" for item in body["items"]]
    gone = [item["qty"] for step in life for item in step.payload["items"] if item.get("reversal") == "CANCELLED"]
    assert sum(sent) + sum(gone) == (0 if name == "cancelled" else pieces)


@pytest.mark.parametrize(
    "item", [{}, {"size": "42"}, {"sku": "A", "quantity": 1}, {"sku": "A", "qty": 0}, {"sku": "A", "qty": "2"}]
)
def test_item_that_is_not_understood_is_an_error(item):
    with pytest.raises(ValueError, match=r"sku|pieces"):
        samples.life(items=[item])


def test_items_of_a_message_are_items_of_a_life():
    items = samples.payload("order", seed=5)["items"]
    assert samples.life(items=items).steps[0].payload["items"] == items


def test_unknown_life_is_an_error():
    with pytest.raises(KeyError):
        samples.life("eternal")


def test_duplicate_repeats_each_message_at_once():
    life = samples.life("happy")
    twice = list(samples.duplicate(life))
    assert twice[::2] == twice[1::2] == list(life)


@EACH_LIFE
def test_shuffled_life_has_the_same_messages_and_the_same_end(name):
    life = samples.life(name, 2)
    shuffled = samples.shuffle(life, seed=1)
    assert sorted(map(repr, shuffled)) == sorted(map(repr, life))
    assert shuffled.ending == life.ending


def test_shuffle_changes_the_sequence_by_its_seed():
    life = samples.life("returned")
    assert samples.shuffle(life, 1) != life
    assert samples.shuffle(life, 1) == samples.shuffle(life, 1) != samples.shuffle(life, 2)


def test_without_parent_sends_the_order_last():
    life = samples.without_parent(samples.life("returned"))
    topics_ = [step.topic for step in life]
    assert "order" not in topics_[: -topics_.count("order")]
    assert life.ending == samples.life("returned").ending


def test_names_that_do_not_exist_are_errors_that_say_which_do():
    for call, wanted in (
        (lambda: samples.payload("credit_memo"), "creditmemo"),
        (lambda: samples.life("eternal"), "happy"),
        (lambda: samples.payload("order", items__qty=3), "qty_ordered"),
        (lambda: samples.payload("order", shipping_address__cityy="Delft"), "city"),
    ):
        with pytest.raises(KeyError, match=wanted):
            call()
