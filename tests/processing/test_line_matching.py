"""Which stored line a line of a message speaks of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockhub_webhooks.processing.apply.line_matching import LineKey, line_key, match_lines

TEXT = st.sampled_from(["A", "B", "C"])
NAMED = st.builds(LineKey, st.none(), TEXT, st.one_of(st.none(), TEXT))


def keys(*names):
    return [LineKey(None, *(part if part != "?" else None for part in name.split("/"))) for name in names]


def numbered(*numbers):
    return [LineKey(number, f"sku-{index}", "M") for index, number in enumerate(numbers)]


@pytest.mark.parametrize(
    ("lines", "rows", "expected"),
    [
        (keys("A/S", "B/M"), keys("A/S", "B/M"), [0, 1]),
        (keys("B/M", "A/S"), keys("A/S", "B/M"), [1, 0]),  # another sequence
        (keys("A/S", "A/S"), keys("A/S", "A/S"), [0, 1]),  # twins
        (keys("A/?", "A/S"), keys("A/S", "A/S"), [0, 1]),  # the key of a twin can't be read
        (keys("A/?", "A/M"), keys("A/S", "A/M"), [0, 1]),  # the rest of the key
        (keys("?/?", "B/M"), keys("A/S", "B/M"), [0, 1]),  # the position
        (keys("B/M", "?/?"), keys("A/S", "B/M"), [1, 0]),  # the only row that is left
        (keys("A/M"), keys("A/S"), [None]),  # a readable other key is another line
        (keys("A/S", "C/S"), keys("A/S"), [0, None]),
        (keys("A/S"), keys("A/?"), [0]),  # the size is given later
        ([], keys("A/S"), []),
    ],
)
def test_lines_match_by_key_then_by_its_readable_part_then_by_position(lines, rows, expected):
    assert match_lines(lines, rows) == expected


def test_the_number_of_an_item_outweighs_sku_and_size():
    rows = numbered("61", "62")
    assert match_lines([LineKey("62", "sku-0", "M"), LineKey("61", "other", None)], rows) == [1, 0]
    assert match_lines([LineKey(None, "sku-1", "M"), LineKey("61", None, None)], rows) == [1, 0]
    assert match_lines([LineKey("63", "sku-0", "M")], rows) == [None]


def test_zeros_in_front_of_an_items_number_do_not_count():
    assert line_key({"item_id": "061"}, is_numbered=True) == line_key({"item_id": "61"}, is_numbered=True)
    assert line_key({"item_id": "61", "sku": "A"}, is_numbered=False).number is None


@given(st.lists(NAMED, max_size=6), st.lists(NAMED, max_size=6))
def test_no_row_is_matched_twice_and_only_with_a_key_that_may_be_equal(lines, rows):
    matches = match_lines(lines, rows)
    taken = [row for row in matches if row is not None]
    assert len(taken) == len(set(taken))
    assert all(row is None or line.may_equal(rows[row]) for line, row in zip(lines, matches, strict=True))


@given(st.lists(NAMED, min_size=1, max_size=6), st.data())
def test_one_unreadable_part_leaves_every_line_with_its_row(rows, data):
    place = data.draw(st.integers(0, len(rows) - 1))
    lines = list(rows)
    lines[place] = lines[place]._replace(**{data.draw(st.sampled_from(["sku", "size"])): None})
    matches = match_lines(lines, rows)
    assert sorted(row for row in matches if row is not None) == list(range(len(rows)))


def test_thousands_of_lines_are_matched_in_linear_time():
    rows = [LineKey(None, f"A{number}", None) for number in range(10_000)]
    lines = [LineKey(None, f"B{number}", None) for number in range(10_000)]
    calls = []
    compare = LineKey.may_equal
    try:
        LineKey.may_equal = lambda self, other: calls.append(1) or compare(self, other)
        assert match_lines(lines, rows) == [None] * len(lines)
        assert match_lines([LineKey(None, None, None)] * len(rows), rows) == list(range(len(rows)))
    finally:
        LineKey.may_equal = compare
    assert len(calls) <= 4 * len(rows)
