"""From bytes to a parsed message: only identifiers are required, and odd details are noted."""

import json
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockhub_webhooks import serializers
from stockhub_webhooks.contract import topics
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers.tolerant import NOTE_LIMIT
from tests.samples import changed, contract, sample

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)


def read(body, url_topic=""):
    return serializers.read(body if isinstance(body, bytes) else json.dumps(body).encode(), url_topic)


def codes(parsed):
    return [(note.path, note.code) for note in parsed.notes]


@EACH_TOPIC
def test_documented_example_is_read_without_a_note(topic):
    parsed = read(contract(topic), topic)
    assert parsed.topic == topic
    assert parsed.notes == []
    assert parsed.lines
    assert None not in parsed.addresses.values()


def test_values_of_an_order_are_exact():
    parsed = read(contract("order"), "order")
    assert parsed.increment_id == "000000701"
    assert parsed.order_increment_id is None
    assert parsed.po_number == "RESELLER_REF"
    assert parsed.updated_at == datetime(2024, 5, 6, 9, 14, 41, tzinfo=timezone.utc)
    assert parsed.fields["grand_total"] == Decimal("244.95")
    assert parsed.fields["status"] == "complete"
    assert parsed.lines[0]["qty_ordered"] == 2
    assert parsed.addresses["shipping_address"]["house_number"] == "7"


@EACH_TOPIC
def test_absent_field_says_nothing_and_null_is_a_value(topic):
    body = contract(topic)
    nulls = {name: (value if "increment_id" in name else None) for name, value in body.items()}
    only = {name: value for name, value in nulls.items() if value is not None}
    with_nulls, without = read(nulls, topic), read(only, topic)
    erased = with_nulls.fields.keys() - without.fields.keys()
    assert all(with_nulls.fields[name] is None for name in erased)
    assert not erased & {"currency", "created_at", "status", "po_number", "updated_at"}
    assert not without.addresses
    assert not with_nulls.addresses
    assert with_nulls.lines is without.lines is None


@EACH_TOPIC
def test_only_identifiers_are_required(topic):
    body = {name: value for name, value in contract(topic).items() if "increment_id" in name}
    assert read(body, topic).increment_id


@EACH_TOPIC
def test_body_without_identifiers_is_unreadable(topic):
    body = {name: value for name, value in contract(topic).items() if "increment_id" not in name}
    with pytest.raises(Unreadable) as refusal:
        read(body, topic)
    assert refusal.value.reason == "no_identifier"
    assert refusal.value.topic == topic


@pytest.mark.parametrize("topic", sorted(serializers.NEEDS_ORDER))
def test_child_must_name_its_order(topic):
    with pytest.raises(Unreadable) as refusal:
        read(sample(topic, order_increment_id=None), topic)
    assert refusal.value.increment_id == contract(topic)["increment_id"]


@EACH_TOPIC
@pytest.mark.parametrize("wrong", [None, True, 1, 1.5, "text", [], {}, [[]], {"a": {"b": []}}, "x" * 3000])
def test_wrong_type_in_a_field_never_makes_the_message_unreadable(topic, wrong):
    body = contract(topic)
    for name in body:
        if "increment_id" not in name:
            read(body | {name: wrong}, topic)
    for name in body["items"][0]:
        read(changed(body, **{f"items__{name}": wrong}), topic)


@EACH_TOPIC
def test_unknown_field_is_noted_at_each_level(topic):
    body = changed(contract(topic), brand_new=1, items__brand_new=2)
    assert set(codes(read(body, topic))) == {("items[0].brand_new", "unknown_field"), ("brand_new", "unknown_field")}


def test_unreadable_value_is_left_out_and_noted():
    parsed = read(sample("order", grand_total="a lot", shipping_address__city=["x"], items__qty_ordered=1.5), "order")
    assert "grand_total" not in parsed.fields
    assert "city" not in parsed.addresses["shipping_address"]
    assert "qty_ordered" not in parsed.lines[0]
    assert set(codes(parsed)) == {
        ("grand_total", "not_a_number"),
        ("shipping_address.city", "not_text"),
        ("items[0].qty_ordered", "not_whole"),
    }


def test_both_spellings_of_the_house_number_are_read():
    body = contract("order")
    body["shipping_address"]["houseNumber"] = body["shipping_address"].pop("house_number")
    parsed = read(body, "order")
    assert parsed.addresses["shipping_address"]["house_number"] == "7"
    assert parsed.notes == []


def test_item_that_is_no_object_is_left_out_and_noted():
    body = contract("order")
    body["items"] = ["x", *body["items"], None]
    parsed = read(body, "order")
    assert len(parsed.lines) == 1
    assert codes(parsed) == [("items[0]", "not_an_object"), ("items[2]", "not_an_object")]


@pytest.mark.parametrize("items", [None, [], "none", [None]])
def test_absent_or_empty_items_leave_the_lines_as_they_are(items):
    assert read(sample("order", items=items), "order").lines is None


@pytest.mark.parametrize("city", [None, "", "  "])
def test_blank_address_is_no_address(city):
    address = {"city": city, "street": ""}
    assert "shipping_address" not in read(sample("order", shipping_address=address), "order").addresses


def test_track_without_a_number_is_noted():
    parsed = read(sample("shipment", track={"carrier": "ups"}), "shipment")
    assert parsed.tracks == []
    assert codes(parsed) == [("track", "no_tracking_number")]


@pytest.mark.parametrize(
    ("topic", "changes"),
    [
        ("order", {"grand_total": 1000}),
        ("order", {"grand_total": 244.9601}),
        ("creditmemo", {"grand_total": 120}),
        ("creditmemo", {"return_fee_amount": 1, "grand_total": 118}),
    ],
)
def test_amounts_that_do_not_add_up_are_noted(topic, changes):
    assert codes(read(sample(topic, **changes), topic)) == [("grand_total", "amounts_differ")]


@pytest.mark.parametrize(("topic", "total"), [("order", 1), ("order", 220.46), ("creditmemo", 105.5)])
def test_total_below_its_parts_is_a_discount(topic, total):
    assert codes(read(sample(topic, grand_total=total), topic)) == []


@pytest.mark.parametrize(("lines", "difference", "noted"), [(1, 0.01, 0), (1, 0.02, 1), (3, 0.03, 0), (3, 0.0301, 1)])
def test_difference_of_a_cent_for_each_line_is_rounding(lines, difference, noted):
    body = sample("order", subtotal=240, shipping_price=0, grand_total=round(240 + difference, 4))
    body["items"] = [{**body["items"][0], "sku": f"sku-{number}"} for number in range(lines)]
    assert len(codes(read(body, "order"))) == noted


@pytest.mark.parametrize("total", [117.5, 116.5])
def test_return_fee_may_be_subtracted_or_not(total):
    assert read(sample("creditmemo", return_fee_amount=1, grand_total=total), "creditmemo").notes == []


BLANKS = " \t\r\n\u00a0\u00ad\u2003\u200b\u200c\u200d\u200e\u202f\u2060\u3000\ufeff"


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("topic", topics.ALL)
def test_order_number_of_the_shop_is_trimmed(topic, blank):
    number = f"{blank}SHOP 1042{blank}{blank}"
    changes = {"payment__po_number": number} if topic == topics.PAYMENT_REQUEST else {"po_number": number}
    assert read(sample(topic, **changes), topic).po_number == "SHOP 1042"


def test_blank_status_says_nothing():
    assert "status" not in read(sample("order", status="  "), "order").fields


def test_payment_is_split_into_two_fields():
    parsed = read(contract(topics.PAYMENT_REQUEST), topics.PAYMENT_REQUEST)
    assert parsed.increment_id == "000000003"
    assert parsed.po_number == "RESELLER_REF"
    assert parsed.fields["payment_method"] == "purchaseorder"
    assert "payment" not in parsed.fields


def test_payment_request_without_a_purchase_order_is_identified_by_its_order():
    parsed = read(sample(topics.PAYMENT_REQUEST, purchase_order_increment_id=None), topics.PAYMENT_REQUEST)
    assert parsed.increment_id == "000000701"


def test_unreadable_payment_leaves_the_method_out():
    parsed = read(sample(topics.PAYMENT_REQUEST, payment="cash"), topics.PAYMENT_REQUEST)
    assert "payment_method" not in parsed.fields


def test_digest_depends_on_the_effect_only():
    plain = read(contract("order"), "order")
    assert plain.digest == read(sample("order", updated_at="2030-01-01T00:00:00Z", extra=1), "order").digest
    assert plain.digest == read(sample("order", grand_total=244.950), "order").digest
    assert plain.digest != read(sample("order", grand_total=244.96), "order").digest
    assert plain.digest != read(sample("order", items__size="M"), "order").digest


def test_number_of_notes_is_limited():
    parsed = read(contract("order") | {f"field{n}": 1 for n in range(500)}, "order")
    assert len(parsed.notes) == NOTE_LIMIT
    assert parsed.notes[-1].code == "more_notes"
    assert parsed.notes[-1].detail == str(500 - NOTE_LIMIT + 1)


# ---------------------------------------------------------------- bytes


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\xef\xbb\xbf \t", "empty"),
        (b"\0", "not_json"),
        (b"\xff\xfe", "not_json"),
        ("\u00a0\u2003".encode(), "empty"),
        (b"{}", "empty"),
        (b" { }\r\n", "empty"),
        (b"[{}]", "empty"),
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
def test_body_that_is_no_json_object_is_unreadable(body, reason):
    with pytest.raises(Unreadable) as refusal:
        read(body, "order")
    assert refusal.value.reason == reason
    assert str(refusal.value).startswith(reason)


def test_byte_order_mark_is_accepted():
    assert read(b"\xef\xbb\xbf" + json.dumps(contract("order")).encode(), "order").increment_id == "000000701"


def test_huge_numbers_are_noted_and_left_out():
    big = b"9" * 5000
    parsed = read(
        b'{"increment_id": "1", "grand_total": 1e400, "subtotal": '
        + big
        + b', "shipping_price": 1e99999999999999999999}',
        "order",
    )
    assert {(path, code) for path, code in codes(parsed) if code != "missing_field"} == {
        ("grand_total", "out_of_range"),
        ("subtotal", "out_of_range"),
        ("shipping_price", "not_a_number"),
    }
    assert not parsed.fields.keys() & {"grand_total", "subtotal", "shipping_price"}


def test_nul_and_lone_surrogates_become_replacement_characters():
    parsed = read(b'{"increment_id": "1", "po_number": "a\\u0000b\\ud800c"}', "order")
    assert parsed.po_number == "a\ufffdb\ufffdc"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(topics.ALL),
    st.dictionaries(st.sampled_from([name for topic in topics.ALL for name in contract(topic)]), JSON, max_size=12),
)
def test_any_json_is_parsed_or_unreadable(topic, body):
    try:
        parsed = read(body, topic)
    except Unreadable as refusal:
        assert refusal.reason in Unreadable.REASONS
    else:
        assert parsed.increment_id
        assert isinstance(parsed.digest, str)


@given(st.sampled_from(topics.ALL), st.binary(max_size=200))
def test_any_bytes_are_parsed_or_unreadable(topic, body):
    try:
        read(body, topic)
    except Unreadable as refusal:
        assert refusal.reason in Unreadable.REASONS
