"""Excel workbook (.xlsx): each cell has a type, so no text is a formula and no separator is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial
from importlib.util import find_spec
from tempfile import TemporaryFile
from typing import IO, Any

from stockhub_webhooks.office.export import sheet
from stockhub_webhooks.visible import visible

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHUNK_BYTES = 64 * 1024
# Excel's limits
MAX_ROWS = 1_048_576
MAX_UTF16_BYTES = 2 * 32_767
FIRST_YEAR = 1900
COLUMN_CHARS = 20  # a time has 19, and Excel shows "####" if it does not fit
RICH_TEXT = "<r>"  # XlsxWriter writes such text into the file as it is, as XML
OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def is_available() -> bool:
    """Return True if the extra `xlsx` is installed."""
    return find_spec("xlsxwriter") is not None


def chunks(rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """Yield the file of a table whose first row has the headers; rows are kept on disk, not in memory."""
    with TemporaryFile() as file:
        write(file, rows)
        file.seek(0)
        yield from iter(partial(file.read, CHUNK_BYTES), b"")


def write(file: IO[bytes], rows: Iterable[Iterable[Any]]) -> None:
    """Write the workbook, with a further sheet for each `MAX_ROWS` rows."""
    from xlsxwriter import Workbook

    with Workbook(file, OPTIONS) as book:
        formats = {
            Decimal: book.add_format({"num_format": "0.00##"}),
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        remaining = iter(rows)
        headers = list(next(remaining, []))
        page, number = _new_page(book, headers), 1
        for row in remaining:
            if number == MAX_ROWS:
                page, number = _new_page(book, headers), 1
            for column, value in enumerate(row):
                _write_cell(page, number, column, value, formats)
            number += 1


def _new_page(book: Any, headers: list[Any]) -> Any:
    page = book.add_worksheet()
    page.freeze_panes(1, 0)
    page.set_column(0, max(len(headers) - 1, 0), COLUMN_CHARS)
    for column, value in enumerate(headers):
        page.write_string(0, column, text_cell(value))
    return page


def _write_cell(page: Any, row: int, column: int, value: Any, formats: dict[type, Any]) -> None:
    if isinstance(value, datetime):
        value = sheet.shop_time(value)
    if value is None or value == "":
        return
    if isinstance(value, datetime) and value.year >= FIRST_YEAR:
        page.write_datetime(row, column, value.replace(tzinfo=None, microsecond=0), formats[datetime])
    elif isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        page.write_number(row, column, value, formats.get(type(value)))
    else:
        page.write_string(row, column, text_cell(value))


def text_cell(value: Any) -> str:
    """Return a value as text that fits a cell and is no XML."""
    text = visible(str(value))
    text = f"'{text}" if text.startswith(RICH_TEXT) else text
    return text.encode("utf-16-le")[:MAX_UTF16_BYTES].decode("utf-16-le", "ignore")
