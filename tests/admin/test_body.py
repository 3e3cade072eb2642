"""Whatever the bytes are, they can be looked at."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockhub_webhooks.admin.body_text import DEPTH_LIMIT, LIMIT, pretty

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_json_has_one_value_a_line_and_keeps_its_digits_order_and_doubles():
    shown = pretty(b'{"b":1.10,"a":[1e400,{}, [],"x"],"a":-0,"t":"caf\\u00e9 https:\\/\\/x"}')
    assert shown == (
        '{\n  "b": 1.10,\n  "a": [\n    1e400,\n    {},\n    [],\n    "x"\n  ],\n  "a": -0,\n  "t": "café https://x"\n}'
    )


@given(ANY_JSON)
def test_indenting_changes_nothing_of_what_is_said(value):
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
def test_oddities(body, shown):
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
def test_a_large_body_is_shown_soon_and_does_not_blow_up(body):
    start = time.perf_counter()
    shown = pretty(body)
    assert time.perf_counter() - start < 10
    assert len(shown) <= 5 * LIMIT


def test_indents_end_somewhere():
    shown = pretty(b"[" * 60 + b"1" + b"]" * 60)
    assert max(len(line) - len(line.lstrip()) for line in shown.splitlines()) == 2 * DEPTH_LIMIT


def test_more_than_the_limit_is_cut_off_and_says_so():
    shown = pretty(b"x" * (LIMIT + 1))
    assert shown.endswith("x\n…")
    assert len(shown) == LIMIT + 2
