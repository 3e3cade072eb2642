"""Display of bodies: any bytes give readable text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockhub_webhooks.admin.body_text import DEPTH_LIMIT, LIMIT, pretty

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_indented_json_keeps_digits_order_and_repeated_names():
    shown = pretty(b'{"b":1.10,"a":[1e400,{}, [],"x"],"a":-0,"t":"caf\\u00e9 https:\\/\\/x"}')
    assert shown == (
        '{\n  "b": 1.10,\n  "a": [\n    1e400,\n    {},\n    [],\n    "x"\n  ],\n  "a": -0,\n  "t": "café https://x"\n}'
    )


@given(ANY_JSON)
def test_indentation_does_not_change_the_value(value):
    text = json.dumps(value)
    assert json.dumps(json.loads(pretty(text.encode()))) == text


@given(st.binary(max_size=300))
def test_any_bytes_become_text_without_control_characters(body):
    shown = pretty(body)
    assert not [character for character in shown if character < " " and character not in "\t\n\r"]
    shown.encode()


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b"\xef\xbb\xbf{}", "{}"),
        (b"\xff\x00", "\ufffd\u2400"),
        (b'{"a": NaN}', '{\n  "a": NaN\n}'),
        (b"not json", "not json"),
        (b'"a\\u0000\\ud800"', '"a\\u0000\\ud800"'),
    ],
)
def test_unusual_bodies_are_shown_readably(body, shown):
    assert pretty(body) == shown


@pytest.mark.parametrize(
    "body",
    [
        b"[" * LIMIT,
        b"[" * (LIMIT // 2) + b"]" * (LIMIT // 2),
        b"[" * 300 + b"1," * 100_000 + b"1" + b"]" * 300,
        b'"' * LIMIT,
        b'"' + b"\\" * (LIMIT - 2) + b'"',
        b'{"a":' * (LIMIT // 8) + b"1",
        b"1" * LIMIT,
        b"[" + b"1," * (LIMIT // 2 - 2) + b"1]",
        b"[" + b'"\\u00e9",' * (LIMIT // 10) + b"1]",
    ],
    ids=range(9),
)
def test_large_body_is_formatted_and_does_not_grow_too_much(body):
    assert len(pretty(body)) <= 5 * LIMIT


def test_depth_of_indentation_is_limited():
    shown = pretty(b"[" * 60 + b"1" + b"]" * 60)
    assert max(len(line) - len(line.lstrip()) for line in shown.splitlines()) == 2 * DEPTH_LIMIT


def test_body_over_the_limit_is_cut_off_visibly():
    shown = pretty(b"x" * (LIMIT + 1))
    assert shown.endswith("x\n…")
    assert len(shown) == LIMIT + 2
