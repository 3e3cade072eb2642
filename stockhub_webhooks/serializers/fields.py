"""Tolerant DRF fields: text, whole numbers, money, times and open choices.

`to_internal_value` returns the value, or a `ValueWithNotes` if something about it is odd. It raises `ValidationError`
if the value cannot be read; the code says why. Serializers never pass None: they handle absent fields and nulls.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, NamedTuple, NoReturn

from django.utils.dateparse import parse_date, parse_datetime
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from stockhub_webhooks.conf import conf

WHOLE_NUMBER_LIMIT = 2**31 - 1
MONEY_DIGITS, MONEY_PLACES = 15, 4
MONEY_STEP = Decimal(1).scaleb(-MONEY_PLACES)
MONEY_LIMIT = Decimal(10) ** (MONEY_DIGITS - MONEY_PLACES)
EARLIEST, LATEST = (dt.datetime(year, 1, 1, tzinfo=dt.timezone.utc) for year in (1900, 9000))


class Note(NamedTuple):
    """An odd detail of a body.

    Attributes:
        path: the place, such as `items[0].qty`.
        code: the reason, such as "unknown_field".
        detail: at most a few characters of the value.
    """

    path: str
    code: str
    detail: str = ""

    def below(self, parent: str) -> Note:
        """Return the note with its path seen from the object that has the field `parent`."""
        separator = "" if not self.path or self.path.startswith("[") else "."
        return self._replace(path=f"{parent}{separator}{self.path}")


class ValueWithNotes(NamedTuple):
    """A value, and notes on its odd details."""

    value: Any
    notes: list[Note]

    def __repr__(self) -> str:
        """Leave out the value, which may be a whole address."""
        return f"ValueWithNotes({len(self.notes)} notes)"


def unreadable(code: str) -> NoReturn:
    """Raise `ValidationError` for a value that cannot be read."""
    raise ValidationError(code, code=code)


def clean_text(text: str) -> str:
    """Replace NUL and lone surrogates by U+FFFD, since databases reject them."""
    if text.isascii():
        return text.replace("\x00", "\ufffd") if "\x00" in text else text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", "\ufffd")


class TextField(serializers.CharField):
    """Text of at most `max_length` characters; a number becomes its digits, with a note."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not str:
            if isinstance(data, bool) or not isinstance(data, (int, Decimal)) or not Decimal(data).is_finite():
                unreadable("not_text")
            return ValueWithNotes(self.check_length(str(data)), [Note("", "number_as_text")])
        return self.check_length(clean_text(data))

    def check_length(self, text: str) -> str:
        """Return the text if it fits the column."""
        if self.max_length is not None and len(text) > self.max_length:
            unreadable("too_long")
        return text


class IdentifierField(TextField):
    """A Stock Hub number, which is text since leading zeros count. A blank value is the same as an absent one."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Decimal):
            unreadable("not_text")
        value = super().to_internal_value(data)
        return value if isinstance(value, ValueWithNotes) else value.strip() or None


class ItemNumberField(IdentifierField):
    """The `id` of a returned item: a JSON number in the contract, stored as text."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(str(data) if type(data) is int else data)


class WholeNumberField(serializers.IntegerField):
    """A number of pieces. `2.0` is read as 2, digits in quotes are read with a note, `1.5` is refused."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is int and -WHOLE_NUMBER_LIMIT <= data <= WHOLE_NUMBER_LIMIT:
            return data
        number, notes = _decimal(data)
        if number.copy_abs() > WHOLE_NUMBER_LIMIT:
            unreadable("out_of_range")
        if number != number.to_integral_value():
            unreadable("not_whole")
        return ValueWithNotes(int(number), notes) if notes else int(number)


class MoneyField(serializers.DecimalField):
    """An amount in the document's `currency`, VAT included, as `Decimal` with four decimals.

    Magento keeps four; further decimals are rounded half to even, with a note.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=MONEY_DIGITS, decimal_places=MONEY_PLACES, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        amount, notes = _decimal(data)
        if amount.copy_abs() >= MONEY_LIMIT:
            unreadable("out_of_range")
        rounded = amount.quantize(MONEY_STEP, rounding=ROUND_HALF_EVEN)
        if abs(rounded) >= MONEY_LIMIT:
            unreadable("out_of_range")
        if rounded != amount:
            notes = [*notes, Note("", "rounded")]
        rounded = rounded if rounded else abs(rounded)  # -0 becomes 0
        return ValueWithNotes(rounded, notes) if notes else rounded


def _decimal(data: Any) -> tuple[Decimal, list[Note]]:
    """Return a finite number with all of its digits, and notes; refuse booleans, which Decimal would accept."""
    notes: list[Note] = []
    if type(data) is int or type(data) is Decimal:
        number = Decimal(data)
    elif type(data) is str:
        try:
            number = Decimal(data.strip())
            notes = [Note("", "text_as_number")]
        except InvalidOperation:
            unreadable("not_a_number")
    else:
        unreadable("not_a_number")
    if not number.is_finite():
        unreadable("not_a_number")
    return number, notes


class TolerantDateTimeField(serializers.DateTimeField):
    """An aware time in UTC.

    Accepts ISO 8601 with an offset, a time without an offset such as `2024-02-20 15:28:51` (in `NAIVE_TIMEZONE`), and
    a date alone (its midnight). Magento's zero date `0000-00-00 00:00:00` is read as None.
    """

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not str:
            unreadable("not_a_time")
        text = data.strip()
        if text.startswith("0000-00-00") or not text:
            return None
        try:
            value = parse_datetime(text)
            if value is None:
                day = parse_date(text)
                value = dt.datetime.combine(day, dt.time()) if day else None
            if value is None:
                unreadable("not_a_time")
            if value.tzinfo is None:
                value = value.replace(tzinfo=conf.naive_timezone())
            value = value.astimezone(dt.timezone.utc)
        except (ValueError, OverflowError):
            unreadable("not_a_time")
        if not EARLIEST <= value <= LATEST:
            unreadable("out_of_range")
        return value


class OpenChoiceField(TextField):
    """A code of an open set; an unknown code is kept, with a note."""

    def __init__(self, known: Mapping[str, object], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.known = known

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if isinstance(value, ValueWithNotes) or value in self.known:
            return value
        return ValueWithNotes(value, [Note("", "unknown_value", value[:40])])
