"""CSV for a Dutch Excel: semicolons, decimal commas, a byte order mark, and no formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any

from django.utils import timezone

from stockhub_webhooks.visible import ODD, visible

BYTE_ORDER_MARK = "\ufeff"
# Excel runs text with these prefixes, even after invisible characters: owasp.org/www-community/attacks/CSV_Injection
FORMULA_SIGNS = "=+@＝＋－＠-"
SEPARATORS = ",;|:\t\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
UNSEEN = f'(?:[\\s"{ODD}])*'
FORMULA_START = re.compile(rf"\A(?=[\t\n])|(?:\A|(?<=[{SEPARATORS}]))(?=\t|{UNSEEN}[{FORMULA_SIGNS}])")


def lines(rows: Iterable[Iterable[Any]]) -> Iterable[str]:
    """Yield each row as a CSV line; the first line starts with a byte order mark."""
    start = BYTE_ORDER_MARK
    for row in rows:
        text = StringIO()
        csv.writer(text, delimiter=";", lineterminator="\r\n").writerow([cell(value) for value in row])
        yield start + text.getvalue()
        start = ""


def cell(value: Any) -> str:
    """Return a value as cell text: times in the shop's time zone, and text without formulas."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, datetime):
        return shop_time(value).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, int):
        return str(value)
    return escape_formula(str(value))


def shop_time(at: datetime) -> datetime:
    """Return a time in the shop's time zone."""
    return timezone.localtime(at, timezone.get_default_timezone())


def number(amount: Decimal) -> str:
    """Return an amount with a decimal comma and two decimals, or four if it has more than two."""
    places = 2 if amount == amount.quantize(Decimal("0.01")) else 4
    return f"{amount:.{places}f}".replace(".", ",")


def escape_formula(text: str) -> str:
    """Return text without invisible characters, with an apostrophe before whatever a program may run as a formula.

    The file may be split at other separators than ours, so each part of the text is a beginning of a cell.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return visible(FORMULA_START.sub("'", lines))
