"""Cells of a file that a Dutch Excel opens."""

import csv
from datetime import datetime, timezone
from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockhub_webhooks.office.export import sheet


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (Decimal("-1234.5"), "-1234,50"),
        (Decimal("0.1234"), "0,1234"),
        (Decimal("0.0000"), "0,00"),
        (-3, "-3"),
        (datetime(2024, 3, 31, 1, 30, tzinfo=timezone.utc), "2024-03-31 03:30:00"),
        ("000000701", "000000701"),
        ("O'Neill & co.", "O'Neill & co."),
        ("=1+1", "'=1+1"),
        (" \u00a0=1+1", "' \u00a0=1+1"),
        ("-1", "'-1"),
        ("+31600000001", "'+31600000001"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\n'=1"),
        ("a,=1;-2", "a,'=1;'-2"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("＝1", "'＝1"),
    ],
)
def test_values_are_formatted_as_cells(value, cell):
    assert sheet.cell(value) == cell


@given(st.lists(st.lists(st.text(), min_size=1), min_size=1))
def test_no_text_becomes_a_formula_or_breaks_a_row(rows):
    text = "".join(sheet.lines(rows))
    assert text.startswith("\ufeff")
    assert text.endswith("\r\n")
    read = list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";"))
    assert [len(row) for row in read] == [len(row) for row in rows]
    assert not [cell for row in read for cell in row if cell.strip()[:1] in ("=", "+", "-", "@")]
