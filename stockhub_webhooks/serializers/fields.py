"""Tolerant DRF fields: text, whole numbers, money, times and open choices.

`to_internal_value` returns the value, or a `ValueWithNotes` if something about it is odd. It raises `ValidationError`
if the value cannot be read; the code says why. Serializers never pass None: they handle absent fields and nulls.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import cached_property
from typing import Any, NamedTuple, NoReturn

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from stockhub_webhooks.serializers import times
from stockhub_webhooks.serializers.shapes import as_list, as_scalar, trimmed

WHOLE_NUMBER_LIMIT = 2**31 - 1
MONEY_DIGITS, MONEY_PLACES = 15, 4
MONEY_STEP = Decimal(1).scaleb(-MONEY_PLACES)
WHOLE_MONEY_LIMIT = 10 ** (MONEY_DIGITS - MONEY_PLACES)
MONEY_LIMIT = Decimal(WHOLE_MONEY_LIMIT)
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)  # earlier times are some language's "no date"
LATEST = dt.datetime(9000, 1, 1, tzinfo=dt.timezone.utc)
STOCK_HUB_DIGITS = 9
DECIMAL_COMMA = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})*,\d{1,4}|[+-]?\d+,\d{1,2}")
CURRENCY = re.compile(r"^(?:[€$£]|[A-Z]{3})[ \u00a0]*(?=[+-]?\d)|(?<=\d)[ \u00a0]*(?:[€$£]|[A-Z]{3})$")
CODE_SEPARATORS = re.compile(r"[\s-]+")
THOUSANDS_SPACE = re.compile(r"[ '\u00a0\u202f\u2019]")
SPACED_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:[ '\u00a0\u202f\u2019]\d{3})+(?:[.,]\d{1,4})?")
THOUSANDS_COMMA = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d+")


# The codes of notes that a part of a message was left out: such a message is applied in part.
LEFT_OUT = frozenset(
    {
        "cut_off",
        "impossible_time",
        "no_tracking_number",
        "not_a_list",
        "not_a_number",
        "not_a_time",
        "not_an_object",
        "not_text",
        "not_whole",
        "out_of_range",
        "too_long",
        "too_many_lines",
    }
)
# The codes of notes that a time cannot be true.
IMPOSSIBLE_TIMES = frozenset({"impossible_time", "in_the_future"})


class BodyNote(NamedTuple):
    """An odd detail of a body.

    Attributes:
        path: the place, such as `items[0].qty`.
        code: the reason, such as "unknown_field".
        detail: at most a few characters of the value.
    """

    path: str
    code: str
    detail: str = ""

    def below(self, parent: str) -> BodyNote:
        """Return the note with its path seen from the object that has the field `parent`."""
        separator = "" if not self.path or self.path.startswith("[") else "."
        return self._replace(path=f"{parent}{separator}{self.path}")


class ValueWithNotes(NamedTuple):
    """A value, and notes on its odd details."""

    value: Any
    notes: list[BodyNote]

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
    """Text. A number becomes its digits, and text that is too long is cut, both with a note."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is str and (self.max_length is None or len(data) <= self.max_length):
            return clean_text(data)
        notes: list[BodyNote] = []
        if type(data) is not str:
            text, notes = self.from_other(data)
        else:
            text = data
        text = clean_text(text)
        if self.max_length is not None and len(text) > self.max_length:
            text = self.shorten(text)
            notes = [*notes, BodyNote("", "cut_off")]
        return ValueWithNotes(text, notes)

    def from_other(self, data: Any) -> tuple[str, list[BodyNote]]:
        """Return the text of a value that is not text, and notes."""
        scalar = as_scalar(data)
        if isinstance(scalar, str):
            return scalar, [BodyNote("", "wrapped")]
        if isinstance(scalar, bool) or not isinstance(scalar, (int, Decimal)) or not Decimal(scalar).is_finite():
            unreadable("not_text")
        return str(scalar), [BodyNote("", "number_as_text")]

    def shorten(self, text: str) -> str:
        """Return as much of a text as fits the column."""
        return text[: self.max_length]


class NaturalKeyField(TextField):
    """Text that a row is known by: trimmed, never cut. A blank value is the same as an absent one."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is str and 0 < len(data) <= (self.max_length or 0) and data.isascii() and data.isprintable():
            return data if data[0] != " " != data[-1] else data.strip(" ") or None
        value = super().to_internal_value(data)
        if type(value) is ValueWithNotes:
            return value._replace(value=trimmed(value.value) or None)
        return trimmed(value) or None

    def shorten(self, text: str) -> str:
        """Refuse the text: a cut key could be the key of another row."""
        if len(trimmed(text)) > (self.max_length or 0):
            unreadable("too_long")
        return trimmed(text)


class IdentifierField(NaturalKeyField):
    """A Stock Hub number, which is text since leading zeros count.

    A JSON number has lost its zeros: it is padded to nine digits, with a note. Text is never padded.
    """

    digits = STOCK_HUB_DIGITS

    def from_other(self, data: Any) -> tuple[str, list[BodyNote]]:
        if isinstance(data, Decimal) and data.is_finite() and data == data.to_integral_value():
            data = int(data) if data.adjusted() < MONEY_DIGITS else data
        if isinstance(data, Decimal):
            unreadable("not_text")
        text, notes = super().from_other(data)
        return (text.zfill(self.digits) if isinstance(data, int) and data >= 0 else text), notes


class ItemNumberField(IdentifierField):
    """The `id` of a returned item: a JSON number in the contract, stored as text without padding."""

    digits = 0

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(str(data) if type(data) is int else data)


class StreetField(TextField):
    """A street. Magento keeps it as a list of lines, which are joined."""

    def from_other(self, data: Any) -> tuple[str, list[BodyNote]]:
        lines = as_list(data)
        if isinstance(lines, list) and lines and all(type(line) in (str, int, type(None)) for line in lines):
            texts = [trimmed(str(line)) for line in lines if line is not None]
            return " ".join(filter(None, texts)), [BodyNote("", "wrapped")]
        return super().from_other(data)


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
        if type(data) is int and abs(data) < WHOLE_MONEY_LIMIT:
            return Decimal(data).quantize(MONEY_STEP)
        amount, notes = _decimal(data)
        if amount.copy_abs() >= MONEY_LIMIT:
            unreadable("out_of_range")
        rounded = amount.quantize(MONEY_STEP, rounding=ROUND_HALF_EVEN)
        if abs(rounded) >= MONEY_LIMIT:
            unreadable("out_of_range")
        if rounded != amount:
            notes = [*notes, BodyNote("", "rounded")]
        rounded = rounded if rounded else abs(rounded)  # -0 becomes 0
        return ValueWithNotes(rounded, notes) if notes else rounded


def _decimal(data: Any) -> tuple[Decimal, list[BodyNote]]:
    """Return a finite number with all of its digits, and notes; refuse booleans, which Decimal would accept."""
    notes: list[BodyNote] = []
    if type(data) is dict:
        data, notes = as_scalar(data, (str, int, Decimal)), [BodyNote("", "wrapped")]
    if type(data) is int or type(data) is Decimal:
        number = Decimal(data)
    elif type(data) is str:
        try:
            number = Decimal(_with_point(trimmed(data)))
            notes = [BodyNote("", "text_as_number")]
        except InvalidOperation:
            unreadable("not_a_number")
    else:
        unreadable("not_a_number")
    if not number.is_finite():
        unreadable("not_a_number")
    return number, notes


def _with_point(text: str) -> str:
    """Return a number that is written with a currency, spaces or a decimal comma as Python reads it.

    It stays as it is if it can mean anything else.
    """
    if not text.isascii() or text[:1].isalpha() or text[-1:].isalpha() or text.startswith(("$", "€")):
        text = CURRENCY.sub("", text)
    if SPACED_THOUSANDS.fullmatch(text):
        text = THOUSANDS_SPACE.sub("", text)
    if "," not in text:
        return text
    if DECIMAL_COMMA.fullmatch(text):
        is_ambiguous = "." not in text and len(text.rpartition(",")[2]) == 3  # "1,234" may be a thousand
        return text if is_ambiguous else text.replace(".", "").replace(",", ".")
    return text.replace(",", "") if THOUSANDS_COMMA.fullmatch(text) else text


class TolerantDateTimeField(serializers.DateTimeField):
    """An aware time in UTC, in each notation of `times.parse_time`. A time before 2000 stands for "no date".

    The detail of the note `in_the_future` is the number of seconds after the receipt of the message.
    """

    def to_internal_value(self, data: Any) -> Any:
        try:
            value = times.parse_time(data)
        except ValueError:
            unreadable("not_a_time")
        except OverflowError:  # a year that Python does not know in UTC
            unreadable("impossible_time")
        if value is None:
            return None
        if not EARLIEST <= value <= LATEST:
            unreadable("impossible_time")
        if seconds := times.seconds_ahead(value):
            return ValueWithNotes(value, [BodyNote("", "in_the_future", str(seconds))])
        return value


class OpenChoiceField(TextField):
    """A code of an open set, without regard to case and blanks; an unknown code is kept, with a note.

    A blank value is the same as an absent one.
    """

    def __init__(self, known: Mapping[str, object], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.known = known

    @cached_property
    def _by_folded_code(self) -> dict[str, str]:
        return {_folded(code): code for code in self.known}

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is str and data in self.known:
            return data
        value = super().to_internal_value(data)
        text, notes = value if type(value) is ValueWithNotes else (value, [])
        text = trimmed(text)
        text = self._by_folded_code.get(_folded(text), text)
        if text and text not in self.known:
            notes = [*notes, BodyNote("", "unknown_value", text[:40])]
        return ValueWithNotes(text or None, notes) if notes else text or None


def _folded(code: str) -> str:
    """Return a code without regard to case and to the characters between its words."""
    return CODE_SEPARATORS.sub("_", code.casefold())
