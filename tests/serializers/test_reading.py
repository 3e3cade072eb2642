"""From bytes to a reading: only identifiers are required, everything odd is noted."""

import json
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockhub_webhooks import serializers
from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers.reader import NOTE_LIMIT
from tests.samples import changed, contract, sample

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)


def read(body, url_topic=""):
    return serializers.read(body if isinstance(body, bytes) else json.dumps(body).encode(), url_topic)


def codes(reading):
    return [(note.path, note.code) for note in reading.notes]


@EACH_TOPIC
def test_the_documented_example_is_read_without_a_note(topic):
    reading = read(contract(topic), topic)
    assert reading.topic == topic
    assert reading.notes == []
    assert reading.lines
    assert None not in reading.addresses.values()


def test_an_order_is_read_to_the_digit():
    reading = read(contract("order"), "order")
    assert reading.increment_id == "000000701"
    assert reading.order_increment_id is None
    assert reading.po_number == "RESELLER_REF"
    assert reading.updated_at == datetime(2024, 5, 6, 9, 14, 41, tzinfo=timezone.utc)
    assert reading.fields["grand_total"] == Decimal("244.95")
    assert reading.fields["status"] == "complete"
    assert reading.lines[0]["qty_ordered"] == 2
    assert reading.addresses["shipping_address"]["house_number"] == "7"


@EACH_TOPIC
def test_absent_is_the_same_as_null(topic):
    body = contract(topic)
    nulls = {name: (value if "increment_id" in name else None) for name, value in body.items()}
    only = {name: value for name, value in nulls.items() if value is not None}
    with_nulls, without = read(nulls, topic), read(only, topic)
    assert with_nulls == without
    assert with_nulls.digest == without.digest


@EACH_TOPIC
def test_identifiers_are_all_it_needs(topic):
    body = {name: value for name, value in contract(topic).items() if "increment_id" in name}
    assert read(body, topic).increment_id


@EACH_TOPIC
def test_without_identifiers_it_is_not_readable(topic):
    body = {name: value for name, value in contract(topic).items() if "increment_id" not in name}
    with pytest.raises(Unreadable) as refusal:
        read(body, topic)
    assert refusal.value.reason == "no_identifier"
    assert refusal.value.topic == topic


@pytest.mark.parametrize("topic", sorted(serializers.NEEDS_ORDER))
def test_a_child_must_name_its_order(topic):
    with pytest.raises(Unreadable) as refusal:
        read(sample(topic, order_increment_id=None), topic)
    assert refusal.value.increment_id == contract(topic)["increment_id"]


@EACH_TOPIC
@pytest.mark.parametrize("wrong", [None, True, 1, 1.5, "text", [], {}, [[]], {"a": {"b": []}}, "x" * 3000])
def test_a_wrong_type_in_any_field_never_refuses_the_message(topic, wrong):
    body = contract(topic)
    for name in body:
        if "increment_id" not in name:
            read(body | {name: wrong}, topic)
    for part in ("items",):
        for name in body[part][0]:
            read(changed(body, **{f"items__{name}": wrong}), topic)


@EACH_TOPIC
def test_an_unknown_field_is_noted_wherever_it_is(topic):
    body = changed(contract(topic), brand_new=1, items__brand_new=2)
    assert codes(read(body, topic)) == [("items[0].brand_new", "unknown_field"), ("brand_new", "unknown_field")]


def test_a_value_that_cannot_be_read_is_left_out_and_noted():
    reading = read(sample("order", grand_total="a lot", shipping_address__city=["x"], items__qty_ordered=1.5), "order")
    assert "grand_total" not in reading.fields
    assert "city" not in reading.addresses["shipping_address"]
    assert "qty_ordered" not in reading.lines[0]
    assert set(codes(reading)) == {
        ("grand_total", "not_a_number"),
        ("shipping_address.city", "not_text"),
        ("items[0].qty_ordered", "not_whole"),
    }


def test_both_spellings_of_the_house_number_are_read():
    body = contract("order")
    body["shipping_address"]["houseNumber"] = body["shipping_address"].pop("house_number")
    reading = read(body, "order")
    assert reading.addresses["shipping_address"]["house_number"] == "7"
    assert reading.notes == []


def test_what_is_no_line_is_left_out_and_noted():
    body = contract("order")
    body["items"] = ["x", *body["items"], None]
    reading = read(body, "order")
    assert len(reading.lines) == 1
    assert codes(reading) == [("items[0]", "not_an_object"), ("items[2]", "not_an_object")]


@pytest.mark.parametrize("items", [None, [], "none", [None]])
def test_absent_or_empty_lines_are_left_as_they_are(items):
    assert read(sample("order", items=items), "order").lines is None


def test_an_address_of_nulls_is_none():
    assert read(sample("order", shipping_address={"city": None}), "order").addresses["shipping_address"] is None


def test_a_track_without_a_number_is_noted():
    reading = read(sample("shipment", track={"carrier": "ups"}), "shipment")
    assert reading.track is None
    assert codes(reading) == [("track", "no_tracking_number")]


@pytest.mark.parametrize(
    ("topic", "changes"),
    [
        ("order", {"grand_total": 1}),
        ("creditmemo", {"grand_total": 120}),
        ("creditmemo", {"return_fee_amount": 1, "grand_total": 115}),
    ],
)
def test_amounts_that_do_not_add_up_are_noted(topic, changes):
    assert codes(read(sample(topic, **changes), topic)) == [("grand_total", "amounts_differ")]


@pytest.mark.parametrize("total", [117.5, 116.5])
def test_the_return_fee_may_be_taken_off_or_not(total):
    assert read(sample("creditmemo", return_fee_amount=1, grand_total=total), "creditmemo").notes == []


def test_the_payment_is_taken_apart():
    reading = read(contract(topics.PAYMENT_REQUEST), topics.PAYMENT_REQUEST)
    assert reading.increment_id == "000000003"
    assert reading.po_number == "RESELLER_REF"
    assert reading.fields["payment_method"] == "purchaseorder"
    assert "payment" not in reading.fields


def test_a_payment_request_without_a_purchase_order_is_known_by_its_order():
    reading = read(sample(topics.PAYMENT_REQUEST, purchase_order_increment_id=None), topics.PAYMENT_REQUEST)
    assert reading.increment_id == "000000701"


def test_a_payment_that_cannot_be_read_leaves_the_method_out():
    reading = read(sample(topics.PAYMENT_REQUEST, payment="cash"), topics.PAYMENT_REQUEST)
    assert "payment_method" not in reading.fields


def test_the_digest_follows_the_effect_and_nothing_else():
    plain = read(contract("order"), "order")
    assert plain.digest == read(sample("order", updated_at="2030-01-01T00:00:00Z", extra=1), "order").digest
    assert plain.digest == read(sample("order", grand_total=244.950), "order").digest
    assert plain.digest != read(sample("order", grand_total=244.96), "order").digest
    assert plain.digest != read(sample("order", items__size="M"), "order").digest


def test_notes_are_bounded():
    reading = read(contract("order") | {f"field{n}": 1 for n in range(500)}, "order")
    assert len(reading.notes) == NOTE_LIMIT
    assert reading.notes[-1].code == "more_notes"
    assert reading.notes[-1].detail == str(500 - NOTE_LIMIT + 1)


# ---------------------------------------------------------------- bytes


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"  \n", "not_json"),
        (b"not json", "not_json"),
        (b'{"increment_id": "1"', "not_json"),
        (b"[" * 100_000 + b"]" * 100_000, "not_json"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "not_json"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"12", "not_an_object"),
    ],
)
def test_what_is_no_json_object_is_not_readable(body, reason):
    with pytest.raises(Unreadable) as refusal:
        read(body, "order")
    assert refusal.value.reason == reason
    assert str(refusal.value).startswith(reason)


def test_a_byte_order_mark_is_accepted():
    assert read(b"\xef\xbb\xbf" + json.dumps(contract("order")).encode(), "order").increment_id == "000000701"


def test_numbers_beyond_all_bounds_are_read_as_far_as_they_go():
    big = b"9" * 5000
    reading = read(
        b'{"increment_id": "1", "grand_total": 1e400, "subtotal": '
        + big
        + b', "shipping_price": 1e99999999999999999999}',
        "order",
    )
    assert set(codes(reading)) == {
        ("grand_total", "out_of_range"),
        ("subtotal", "out_of_range"),
        ("shipping_price", "not_a_number"),
    }
    assert not reading.fields.keys() & {"grand_total", "subtotal", "shipping_price"}


def test_nul_and_lone_surrogates_become_replacement_characters():
    reading = read(b'{"increment_id": "1", "po_number": "a\\u0000b\\ud800c"}', "order")
    assert reading.po_number == "a\ufffdb\ufffdc"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(topics.ALL),
    st.dictionaries(st.sampled_from([name for topic in topics.ALL for name in contract(topic)]), JSON, max_size=12),
)
def test_any_json_is_read_or_refused_and_nothing_else(topic, body):
    try:
        reading = read(body, topic)
    except Unreadable as refusal:
        assert refusal.reason in Unreadable.REASONS
    else:
        assert reading.increment_id
        assert isinstance(reading.digest, str)


@given(st.sampled_from(topics.ALL), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(topic, body):
    try:
        read(body, topic)
    except Unreadable as refusal:
        assert refusal.reason in Unreadable.REASONS
