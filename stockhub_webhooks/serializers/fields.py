"""Fields that read what a sender without a schema may write: text, whole numbers, money, moments, open choices.

Each is DRF's own field, so that it also shows and documents itself. `to_internal_value` returns the value, or
`Noted` with the value and what was odd about it, or raises `ValidationError` whose code says why it cannot be
read. None is never given to a field: absent and null are the reader's business.
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
    """Something odd: where (`items[0].qty`), what (a code of `NOTE_CODES`), and at most a few characters of it."""

    path: str
    code: str
    detail: str = ""

    def below(self, parent: str) -> Note:
        """The same note as seen from the object that holds `parent`."""
        joint = "" if not self.path or self.path.startswith("[") else "."
        return self._replace(path=f"{parent}{joint}{self.path}")


class ValueWithNotes(NamedTuple):
    """A value that was read, and what was odd about it."""

    value: Any
    notes: list[Note]

    def __repr__(self) -> str:
        """Without the value, which may be a whole address."""
        return f"Noted({len(self.notes)} notes)"


def unreadable(code: str) -> NoReturn:
    """Say that a value cannot be read, and why."""
    raise ValidationError(code, code=code)


def clean_text(text: str) -> str:
    """The text with NUL and lone surrogates, which no database takes, replaced by U+FFFD."""
    if text.isascii():
        return text.replace("\x00", "\ufffd") if "\x00" in text else text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", "\ufffd")


class TextField(serializers.CharField):
    """Text of at most `max_length` characters, kept as it is; a number is taken as its digits, with a note."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not str:
            if isinstance(data, bool) or not isinstance(data, (int, Decimal)) or not Decimal(data).is_finite():
                unreadable("not_text")
            return ValueWithNotes(self.fitting(str(data)), [Note("", "number_as_text")])
        text = data if data.isascii() and "\x00" not in data else clean_text(data)
        return self.fitting(text)

    def fitting(self, text: str) -> str:
        """The text, if it fits our column."""
        if self.max_length is not None and len(text) > self.max_length:
            unreadable("too_long")
        return text


class IdentifierField(TextField):
    """A number of Stock Hub, which is text: zeros in front count. Blank is the same as absent."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Decimal):
            unreadable("not_text")
        read = super().to_internal_value(data)
        if isinstance(read, ValueWithNotes):
            return read
        return read.strip() or None


class ItemNumberField(IdentifierField):
    """The number of a returned item, which the contract writes as a JSON number; it is text for us all the same."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(str(data) if type(data) is int else data)


class WholeNumberField(serializers.IntegerField):
    """A number of pieces; `2.0` is 2, and digits in quotes are read with a note. `1.5` is not a whole number."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is int and -WHOLE_NUMBER_LIMIT <= data <= WHOLE_NUMBER_LIMIT:
            return data
        read = _decimal(data)
        number = read.value if isinstance(read, ValueWithNotes) else read
        if number.copy_abs() > WHOLE_NUMBER_LIMIT:
            unreadable("out_of_range")
        if number != number.to_integral_value():
            unreadable("not_whole")
        return ValueWithNotes(int(number), read.notes) if isinstance(read, ValueWithNotes) else int(number)


class MoneyField(serializers.DecimalField):
    """An amount in the document's `currency`, VAT included, as `Decimal` with four places.

    Magento keeps four decimals; more are rounded half to even, with a note.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=MONEY_DIGITS, decimal_places=MONEY_PLACES, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        read = _decimal(data)
        amount, notes = read if isinstance(read, ValueWithNotes) else (read, [])
        if amount.copy_abs() >= MONEY_LIMIT:
            unreadable("out_of_range")
        rounded = amount.quantize(MONEY_STEP, rounding=ROUND_HALF_EVEN)
        if abs(rounded) >= MONEY_LIMIT:
            unreadable("out_of_range")
        if rounded != amount:
            notes = [*notes, Note("", "rounded")]
        rounded = rounded if rounded else abs(rounded)  # there is no negative zero in money
        return ValueWithNotes(rounded, notes) if notes else rounded


def _decimal(data: Any) -> Any:
    """A finite number with its digits; never from a boolean, nor from a float."""
    if type(data) is int or type(data) is Decimal:
        number, notes = Decimal(data), []
    elif type(data) is str:
        try:
            number, notes = Decimal(data.strip()), [Note("", "text_as_number")]
        except InvalidOperation:
            unreadable("not_a_number")
    else:
        unreadable("not_a_number")
    if not number.is_finite():
        unreadable("not_a_number")
    return ValueWithNotes(number, notes) if notes else number


class MomentField(serializers.DateTimeField):
    """A point in time, aware, in UTC.

    Read are ISO 8601 with an offset, `2024-02-20 15:28:51` without one (then `NAIVE_TIMEZONE` holds), and a
    date alone (its midnight). Magento's zero date `0000-00-00 00:00:00` is none.
    """

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not str:
            unreadable("not_a_time")
        text = data.strip()
        if text.startswith("0000-00-00") or not text:
            return None
        try:
            moment = parse_datetime(text)
            if moment is None:
                day = parse_date(text)
                moment = dt.datetime.combine(day, dt.time()) if day else None
            if moment is None:
                unreadable("not_a_time")
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=conf.naive_timezone())
            moment = moment.astimezone(dt.timezone.utc)
        except (ValueError, OverflowError):
            unreadable("not_a_time")
        if not EARLIEST <= moment <= LATEST:
            unreadable("out_of_range")
        return moment


class OpenChoiceField(TextField):
    """A code from a set that the sender may grow: an unknown one is kept, with a note."""

    def __init__(self, known: Mapping[str, object], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.known = known

    def to_internal_value(self, data: Any) -> Any:
        read = super().to_internal_value(data)
        if isinstance(read, ValueWithNotes) or read in self.known:
            return read
        return ValueWithNotes(read, [Note("", "unknown_value", read[:40])])
