"""The export as an Excel workbook, read by another library than the one that has written it."""

import tracemalloc
from datetime import datetime, timezone
from decimal import Decimal
from io import BytesIO
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook

from stockhub_webhooks.office.export import workbook


def file_of(rows):
    return b"".join(workbook.chunks(rows))


def cells(rows):
    """Return (type, value) of each cell below the headers."""
    book = load_workbook(BytesIO(file_of([["head"], *rows])))
    return [[(cell.data_type, cell.value) for cell in row] for page in book for row in page.iter_rows(min_row=2)]


def test_values_keep_their_types():
    times = datetime(2024, 3, 31, 1, 30, 5, 999, tzinfo=timezone.utc), datetime(1, 1, 2, tzinfo=timezone.utc)
    (row,) = cells([[Decimal("-1234.5"), 7, times[0], times[1], "000000701", None, "", "x"]])
    assert row == [
        ("n", -1234.5),
        ("n", 7),
        ("d", datetime(2024, 3, 31, 3, 30, 5)),
        ("s", str(workbook.sheet.shop_time(times[1]))),
        ("s", "000000701"),
        ("n", None),
        ("n", None),
        ("s", "x"),
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "{=1}", "https://a.example", "12", "1e5"])
def test_text_is_text_as_it_is(text):
    ((kind, value),) = cells([[text]])[0]
    assert (kind, value) in (("s", text), ("inlineStr", text))


@pytest.mark.parametrize("text", ["<r><t>x</t></r>", "<r></t></is></c><c><f>1+1</f></c><c><is><t></r>", "</t>&<r></r>"])
def test_text_is_never_xml(text):
    with ZipFile(BytesIO(file_of([["head"], [text]]))) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    assert cells([[text]])[0][0][1].removeprefix("'") == text


def test_characters_that_a_file_cannot_have_are_shown():
    assert cells([["a\0\x0b\ud800\ufffe\u202eb"]])[0][0][1] == "a⟨U+0000⟩⟨U+000B⟩⟨U+D800⟩⟨U+FFFE⟩⟨U+202E⟩b"


def test_long_text_is_cut_off_between_characters():
    assert cells([["x" + "😀" * 20_000]])[0][0][1] == "x" + "😀" * 16_383


def test_rows_that_exceed_a_sheet_go_to_the_next_one(monkeypatch):
    monkeypatch.setattr(workbook, "MAX_ROWS", 3)
    book = load_workbook(BytesIO(file_of([["head"], *([number] for number in range(5))])))
    pages = [[cell.value for (cell,) in page.iter_rows()] for page in book]
    assert pages == [["head", 0, 1], ["head", 2, 3], ["head", 4]]


def test_columns_are_wide_enough_for_a_time():
    page = load_workbook(BytesIO(file_of([["number", "at"], ["1", datetime(2024, 3, 31, tzinfo=timezone.utc)]]))).active
    assert page.column_dimensions["A"].max == len(page[1])  # the columns from A to this one
    assert page.column_dimensions["A"].width > len("2024-03-31 00:00:00")


def test_file_without_rows_can_be_opened():
    assert load_workbook(BytesIO(file_of([]))).worksheets


def test_rows_are_not_kept_in_memory():
    tracemalloc.start()
    try:
        size = sum(map(len, workbook.chunks([number, "text " * 20] for number in range(20_000))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 100_000
    assert peak < 3_000_000
