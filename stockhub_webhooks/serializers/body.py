"""Bytes to a JSON object, numbers with their digits."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

from stockhub_webhooks.exceptions import Unreadable


def parse(body: bytes) -> dict[str, Any]:
    """The object in a body; a byte order mark in front is allowed.

    Raises:
        Unreadable: `not_json` (bad UTF-8, NaN and Infinity, too deep, anything that is no JSON) or `not_an_object`.
    """
    try:
        data = _loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Unreadable("not_json", f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise Unreadable("not_json", "it is nested too deep") from None
    except json.JSONDecodeError as error:
        raise Unreadable("not_json", f"{error.msg} at line {error.lineno} column {error.colno}") from None
    except ValueError as error:
        raise Unreadable("not_json", str(error)) from None
    if not isinstance(data, dict):
        raise Unreadable("not_an_object", f"it is a {type(data).__name__}")
    return data


def _loads(text: str) -> Any:
    if not text.strip():
        raise ValueError("it is empty")
    try:
        return json.loads(text, parse_float=_number, parse_constant=_refuse)
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        if str(error).startswith(REFUSED):
            raise
        # a whole number with thousands of digits, which Python's int refuses and Decimal takes
        return json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_refuse)


REFUSED = "JSON has no"


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{REFUSED} {name}")


def _number(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except ArithmeticError:  # an exponent beyond what Decimal can hold
        return Decimal("Infinity")
