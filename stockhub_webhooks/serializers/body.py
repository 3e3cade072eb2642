"""Decoding of bytes to a JSON object whose numbers keep their digits."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

from stockhub_webhooks.exceptions import Unreadable


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body, which may begin with a byte order mark.

    Raises:
        Unreadable: `not_json` (also for bad UTF-8, NaN, Infinity and too much nesting) or `not_an_object`.
    """
    try:
        data = _loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Unreadable("not_json", f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise Unreadable("not_json", "the body is nested too deep") from None
    except json.JSONDecodeError as error:
        raise Unreadable("not_json", f"{error.msg} at line {error.lineno} column {error.colno}") from None
    except ValueError as error:
        raise Unreadable("not_json", str(error)) from None
    if not isinstance(data, dict):
        raise Unreadable("not_an_object", f"the body is a {type(data).__name__}")
    return data


def _loads(text: str) -> Any:
    if not text.strip():
        raise ValueError("the body is empty")
    try:
        return json.loads(text, parse_float=_number, parse_constant=_refuse)
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        if str(error).startswith(REFUSED):
            raise
        # an integer of more than 4,300 digits: Python's int refuses it, Decimal takes it
        return json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_refuse)


REFUSED = "JSON has no"


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{REFUSED} {name}")


def _number(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except ArithmeticError:  # the exponent is too large for Decimal
        return Decimal("Infinity")
