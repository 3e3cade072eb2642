"""Cells and lines as a Dutch Excel opens them: semicolons, decimal commas, a byte order mark, and no formulas."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any

from django.utils import timezone

BYTE_ORDER_MARK = "\ufeff"
# Excel computes what begins so, also after what cannot be seen: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_SIGNS = tuple("=+-@＝＋－＠")
FORMULA_STARTS = ("\t", "\r", "\n")


def lines(rows: Iterable[Iterable[Any]]) -> Iterable[str]:
    """The rows as text, each with its line end; the first has the byte order mark before it."""
    start = BYTE_ORDER_MARK
    for row in rows:
        text = StringIO()
        csv.writer(text, delimiter=";", lineterminator="\r\n").writerow([cell(value) for value in row])
        yield start + text.getvalue()
        start = ""


def cell(value: Any) -> str:
    """A value as a cell. Times are of the shop's time zone; text that Excel would compute has a ' before it."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, datetime):
        return timezone.localtime(value, timezone.get_default_timezone()).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, int):
        return str(value)
    return defused(str(value))


def number(amount: Decimal) -> str:
    """Two decimals, four where it has them."""
    places = 2 if amount == amount.quantize(Decimal("0.01")) else 4
    return f"{amount:.{places}f}".replace(".", ",")


def defused(text: str) -> str:
    """The text, never a formula, and without NUL, which no spreadsheet reads and Python 3.10 does not write."""
    seen = next((sign for sign in text if sign.isprintable() and not sign.isspace()), "")
    mark = "'" if text[:1] in FORMULA_STARTS or seen in FORMULA_SIGNS else ""
    return mark + text.replace("\0", "\ufffd")
