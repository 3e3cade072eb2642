"""Each field: the values that it accepts, notes or refuses."""

from datetime import datetime, timezone
from decimal import Decimal

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from stockhub_webhooks.contract import statuses
from stockhub_webhooks.serializers.fields import (
    IdentifierField,
    ItemNumberField,
    MoneyField,
    OpenChoiceField,
    TextField,
    TolerantDateTimeField,
    ValueWithNotes,
    WholeNumberField,
    clean_text,
)

UTC = timezone.utc


def read(field, value):
    """Return (value, codes of notes), or the code of the refusal."""
    try:
        result = field.to_internal_value(value)
    except ValidationError as error:
        return error.get_codes()[0]
    if isinstance(result, ValueWithNotes):
        return result.value, [note.code for note in result.notes]
    return result, []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (120, (Decimal("120"), [])),
        (Decimal("244.95"), (Decimal("244.95"), [])),
        (Decimal("-2.5"), (Decimal("-2.5"), [])),
        (Decimal("-0.0"), (Decimal("0"), [])),
        (Decimal("1E+2"), (Decimal("100"), [])),
        (Decimal("0.00005"), (Decimal("0.0000"), ["rounded"])),
        (Decimal("244.95000000000002"), (Decimal("244.95"), ["rounded"])),
        (Decimal("99999999999.9999"), (Decimal("99999999999.9999"), [])),
        (Decimal("99999999999.99999"), "out_of_range"),
        (Decimal("1e400"), "out_of_range"),
        (Decimal("1e999999"), "out_of_range"),
        (Decimal("1e-999999"), (Decimal(0), ["rounded"])),
        (10**400, "out_of_range"),
        ("12.50", (Decimal("12.5"), ["text_as_number"])),
        ("twelve", "not_a_number"),
        ("NaN", "not_a_number"),
        ("Infinity", "not_a_number"),
        (Decimal("Infinity"), "not_a_number"),
        (True, "not_a_number"),
        (1.5, "not_a_number"),
        ([1], "not_a_number"),
        ({}, "not_a_number"),
    ],
)
def test_money_keeps_its_digits(given, expected):
    assert read(MoneyField(), given) == expected


def test_money_always_has_four_decimals():
    assert str(MoneyField().to_internal_value(120)) == "120.0000"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (2, (2, [])),
        (-1, (-1, [])),
        (Decimal("2.0"), (2, [])),
        ("3", (3, ["text_as_number"])),
        (Decimal("1.5"), "not_whole"),
        (Decimal("1e-99999"), "not_whole"),
        (2**31, "out_of_range"),
        (Decimal("1e400"), "out_of_range"),
        (True, "not_a_number"),
        ("many", "not_a_number"),
        ([], "not_a_number"),
    ],
)
def test_whole_number_accepts_integers_only(given, expected):
    assert read(WholeNumberField(), given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2024-05-06T09:10:11.000+00:00", datetime(2024, 5, 6, 9, 10, 11, tzinfo=UTC)),
        ("2024-05-06T11:10:11+02:00", datetime(2024, 5, 6, 9, 10, 11, tzinfo=UTC)),
        ("2024-05-06T11:10:11+0200", datetime(2024, 5, 6, 9, 10, 11, tzinfo=UTC)),
        ("2024-05-06T09:10:11Z", datetime(2024, 5, 6, 9, 10, 11, tzinfo=UTC)),
        ("2024-05-06T09:10:11.123456Z", datetime(2024, 5, 6, 9, 10, 11, 123456, tzinfo=UTC)),
        ("2024-02-20 15:28:51", datetime(2024, 2, 20, 15, 28, 51, tzinfo=UTC)),
        (" 2024-02-20 15:28:51 ", datetime(2024, 2, 20, 15, 28, 51, tzinfo=UTC)),
        ("2024-02-20", datetime(2024, 2, 20, tzinfo=UTC)),
    ],
)
def test_each_time_format_is_converted_to_utc(given, expected):
    value, notes = read(TolerantDateTimeField(), given)
    assert (value, notes) == (expected, [])
    assert value.utcoffset().total_seconds() == 0


@override_settings(STOCKHUB_WEBHOOKS={"NAIVE_TIMEZONE": "Europe/Amsterdam"})
def test_time_without_a_zone_is_in_the_zone_of_the_setting():
    assert read(TolerantDateTimeField(), "2024-07-20 15:28:51") == (datetime(2024, 7, 20, 13, 28, 51, tzinfo=UTC), [])


@pytest.mark.parametrize("given", ["0000-00-00 00:00:00", "", "  "])
def test_empty_time_is_none(given):
    assert read(TolerantDateTimeField(), given) == (None, [])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("yesterday", "not_a_time"),
        ("2024-13-45 99:99:99", "not_a_time"),
        ("2024-02-30", "not_a_time"),
        ("0001-01-01T00:00:00+14:00", "impossible_time"),
        ("9999-12-31T23:59:59-12:00", "impossible_time"),
        ("1850-01-01T00:00:00Z", "impossible_time"),
        (7, "not_a_time"),
        ("1999-12-31T23:59:59Z", "impossible_time"),
        ("1970-01-01 00:00:00", "impossible_time"),
        (True, "not_a_time"),
        ({}, "not_a_time"),
    ],
)
def test_other_values_are_refused_as_a_time(given, code):
    assert read(TolerantDateTimeField(), given) == code


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Käse & <b>", ("Käse & <b>", [])),
        ("", ("", [])),
        ("a\x00b", ("a\ufffdb", [])),
        ("é\x00", ("é\ufffd", [])),
        ("\ud800x", ("\ufffdx", [])),
        ("😀", ("😀", [])),
        (7, ("7", ["number_as_text"])),
        (Decimal("7.50"), ("7.50", ["number_as_text"])),
        (10**300, (str(10**300)[:255], ["number_as_text", "cut_off"])),
        (True, "not_text"),
        (["a"], "not_text"),
        ({"a": 1}, "not_text"),
        ("x" * 256, ("x" * 255, ["cut_off"])),
        ({"value": "M"}, ("M", ["wrapped"])),
        ({"code": 7, "label": "x"}, ("7", ["number_as_text"])),
        ({"label": {"value": 1}}, "not_text"),
    ],
)
def test_text_is_kept_cleaned_or_refused(given, expected):
    assert read(TextField(max_length=255), given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("000000701", ("000000701", [])),
        (" 000000701\n", ("000000701", [])),
        ("   ", (None, [])),
        (701, ("000000701", ["number_as_text"])),
        (Decimal("880118.0"), ("000880118", ["number_as_text"])),
        ("701", ("701", [])),
        ("\u00a0000000701\u200b", ("000000701", [])),
        (10**100, "too_long"),
        (Decimal("7.5"), "not_text"),
        (True, "not_text"),
        ("x" * 65, "too_long"),
    ],
)
def test_identifier_keeps_its_leading_zeros(given, expected):
    assert read(IdentifierField(max_length=64), given) == expected


@pytest.mark.parametrize("given", [61, "61"])
def test_item_number_may_be_a_number_or_text(given):
    assert read(ItemNumberField(max_length=64), given) == ("61", [])


def test_unknown_code_is_kept_and_noted():
    field = OpenChoiceField({"known": "known"}, max_length=255)
    assert read(field, "known") == ("known", [])
    assert read(field, "teleported") == ("teleported", ["unknown_value"])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (" DELIVERED ", "DELIVERED"),
        ("delivered", "DELIVERED"),
        ("Exception\n", "EXCEPTION"),
        ("\u00a0in_transit\u200b", "IN_TRANSIT"),
        ("\ufeffIn Transit\u3000", "IN_TRANSIT"),
        ("ready-for-pickup\t", "READY_FOR_PICKUP"),
    ],
)
def test_code_is_known_without_regard_to_case_and_blanks(given, code):
    assert read(OpenChoiceField(statuses.SHIPMENT, max_length=255), given) == (code, [])


@pytest.mark.parametrize(
    ("given", "code"), [("Complete", "complete"), (" CANCELED", "canceled"), ("Holded ", "holded")]
)
def test_code_of_an_order_has_the_spelling_of_the_contract(given, code):
    assert read(OpenChoiceField(statuses.ORDER, max_length=255), given) == (code, [])


def test_unknown_code_is_trimmed_and_a_blank_one_is_absent():
    field = OpenChoiceField(statuses.ORDER, max_length=255)
    assert read(field, "\u200b Teleported\n") == ("Teleported", ["unknown_value"])
    assert read(field, " \u00a0") == (None, [])


@given(st.text())
def test_clean_text_can_be_stored_in_each_database(text):
    cleaned = clean_text(text)
    assert "\x00" not in cleaned
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert clean_text(cleaned) == cleaned


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.decimals(), st.text(), st.lists(st.integers()), st.just({"a": 1})
    )
)
def test_field_accepts_or_refuses_any_value_without_another_error(value):
    fields = (
        MoneyField(),
        WholeNumberField(),
        TolerantDateTimeField(),
        TextField(max_length=255),
        IdentifierField(max_length=64),
        ItemNumberField(max_length=64),
        OpenChoiceField({}, max_length=255),
    )
    if value is not None:
        for field in fields:
            read(field, value)
