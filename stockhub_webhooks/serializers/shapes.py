"""Shapes and spellings that stand for a documented one: names in other spellings, keyed objects for lists.

PHP writes a list with gaps as an object with numbers as names, and a list of one where an object belongs.
"""

from __future__ import annotations

import re
from typing import Any

WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
SEPARATORS = re.compile(r"[\s\-.]+")
MAX_OTHER_NAMES = 1000  # names of an object that are compared with the documented ones, and noted
SCALAR_NAMES = ("code", "value", "amount", "label", "name", "id")
# white space, control characters, and characters without a visible form: soft hyphen, zero width, direction marks
BLANK_RANGES = (
    (0x00, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x061C, 0x061C), (0x1680, 0x1680), (0x180E, 0x180E), (0x2000, 0x200F),
    (0x2028, 0x202F), (0x205F, 0x206F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
BLANKS = "".join(chr(code) for first, last in BLANK_RANGES for code in range(first, last + 1))


def snake_case(name: str) -> str:
    """Return a field's name in the spelling of the contract: `countryId`, `Country-ID ` and `country_id` are one."""
    return SEPARATORS.sub("_", WORD_START.sub("_", name.strip(BLANKS))).lower()


def as_list(value: Any) -> Any:
    """Return the list that an object stands for: the values of a keyed object, or the object as the only entry.

    XML that was turned into JSON has a list, or its objects, in one more object: `{"item": [...]}`.
    """
    if not isinstance(value, dict) or not value:
        return value
    if all(name.isdecimal() for name in value):
        return [value[name] for name in sorted(value, key=_numeric_order)]
    entries = list(value.values())
    if all(isinstance(entry, dict) and not entry.keys() <= set(SCALAR_NAMES) for entry in entries):
        return entries
    if len(entries) == 1 and isinstance(entries[0], list) and all(isinstance(entry, dict) for entry in entries[0]):
        return entries[0]
    return [value]


def _numeric_order(digits: str) -> tuple[int, str]:
    """Return a key that sorts digits as numbers: Python's int takes 4,300 of them at most."""
    significant = digits.lstrip("0")
    return len(significant), significant


def as_object(value: Any) -> Any:
    """Return the object that a list of one or a keyed object with one entry stands for."""
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)).isdecimal():
        return next(iter(value.values()))
    return value


def as_scalar(value: Any, types: tuple[type, ...] = (str, int)) -> Any:
    """Return the code, value or label of an object, if it has one of them that is no object or list itself."""
    if isinstance(value, dict):
        for name in SCALAR_NAMES:
            if isinstance(value.get(name), types) and not isinstance(value[name], bool):
                return value[name]
    return value


def trimmed(text: str) -> str:
    """Return the text without white space and invisible characters at its ends."""
    return text.strip(BLANKS)
