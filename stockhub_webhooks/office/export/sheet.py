"""CSV for a Dutch Excel: semicolons, decimal commas, a byte order mark, and no formulas."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any

from django.utils import timezone

BYTE_ORDER_MARK = "\ufeff"
# Excel runs text with these prefixes, even after invisible characters: owasp.org/www-community/attacks/CSV_Injection
FORMULA_SIGNS = tuple("=+-@＝＋－＠")
FORMULA_STARTS = ("\t", "\r", "\n")


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
        return timezone.localtime(value, timezone.get_default_timezone()).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, int):
        return str(value)
    return escape_formula(str(value))


def number(amount: Decimal) -> str:
    """Return an amount with a decimal comma and two decimals, or four if it has more than two."""
    places = 2 if amount == amount.quantize(Decimal("0.01")) else 4
    return f"{amount:.{places}f}".replace(".", ",")


def escape_formula(text: str) -> str:
    """Prefix text that Excel would run as a formula with an apostrophe, and replace NUL characters."""
    first_visible = next((character for character in text if character.isprintable() and not character.isspace()), "")
    prefix = "'" if text[:1] in FORMULA_STARTS or first_visible in FORMULA_SIGNS else ""
    return prefix + text.replace("\0", "\ufffd")  # csv on Python 3.10 cannot write NUL
