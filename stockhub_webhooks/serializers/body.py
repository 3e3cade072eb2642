"""The body of a message to JSON objects, out of whatever a sender or a proxy wraps them in.

A plain JSON object costs one `json.loads`. Everything else is tried only if that fails to give a document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from stockhub_webhooks.conf import conf
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers import encodings
from stockhub_webhooks.serializers.fields import BodyNote

# headers of our own that a stored message has
NEARBY_ADDRESS = "nearby-address"  # the path of a message that came to no address of ours
DECLARED_LENGTH = "declared-length"  # the length of a body that did not arrive whole
ASKED_NUMBER = "asked-po-number"  # the shop's own order number that led to an order, which REST answers without it
NUMBERS = ("increment_id", "order_increment_id", "purchase_order_increment_id")
MAX_DOCUMENTS = 1000
MAX_WRAPPINGS = 4
MAX_FORM_FIELDS = 100
MAX_LISTS_BEFORE = 20  # lists in an envelope before the list of documents
NOT_A_NUMBER = Decimal("NaN")  # one object, which is equal to itself inside a list or object
SEPARATORS = " \t\r\n\x0b\x0c\u00a0\u200b,;\x1a\x1e\0"  # between several documents, and after the last one
BETWEEN = re.compile(f"[{SEPARATORS}\ufeff]*")
OPENING = ("{", "[", '"')
# bytes of memory that each of these makes: an object, a list with its first value, a name with its value
PARSED_BYTES = (("{", 80), ("[", 104), (":", 104))
DENSEST = 52  # bytes by character: of lists in lists
MAX_GROWTH = 28  # memory of the parsed values, as a multiple of MAX_BODY_BYTES; lists of documents are parsed twice
BLOCK_CHARACTERS = 64 * 1024


class JsonDocument(NamedTuple):
    """A JSON object of a body."""

    data: dict[str, Any]
    text: str  # the JSON text; empty if the body holds this document alone


class Body(NamedTuple):
    """The documents in a body, and how they were wrapped."""

    documents: list[JsonDocument]
    notes: list[BodyNote]


def parse(body: bytes, headers: Mapping[str, str] | None = None) -> Body:
    """Return the documents in a body.

    Args:
        body: the exact bytes.
        headers: the headers of the request, by their names in lower case, and our own.

    Raises:
        Unreadable: `empty`, `not_json` or `not_an_object`, with the place of the fault.
    """
    headers = headers or {}
    notes: list[BodyNote] = []
    if compression := encodings.compression_of(body, headers.get("content-encoding", "")):
        body = encodings.unpack(body, compression, conf.MAX_BODY_BYTES)
        notes.append(BodyNote("", "compressed", compression))
    text, assumed = encodings.decode(body, headers.get("content-type", ""))
    notes += assumed
    if not text.strip().strip(SEPARATORS + "\ufeff"):
        # a body that did not arrive whole is no test of the connection, but a lost message
        is_ping = not text.strip() and not assumed and DECLARED_LENGTH not in headers
        raise Unreadable(Unreadable.EMPTY if is_ping else "not_json", "the body is empty")
    _check_growth(text, conf.MAX_BODY_BYTES)
    try:
        return Body(_documents(text, notes, headers.get("content-type", "")), notes)
    except RecursionError:
        raise Unreadable("not_json", "the body is nested too deep") from None


def _check_growth(text: str, limit: int) -> None:
    """Refuse a text, before it is parsed, that could take far more memory than a message: most of it is brackets.

    Raises:
        Unreadable: `not_json`.
    """
    most = MAX_GROWTH * limit
    if DENSEST * len(text) > most and sum(text.count(mark) * size for mark, size in PARSED_BYTES) > most:
        raise Unreadable("not_json", "the body has too many objects and lists for its size")


def _documents(text: str, notes: list[BodyNote], content_type: str) -> list[JsonDocument]:
    values = _values(text, notes, content_type)
    if len(values) == 1 and _has_number(values[0][0]):
        return [JsonDocument(values[0][0], "")]
    for _ in range(MAX_WRAPPINGS):
        if len(values) != 1:
            break
        (value, source) = values[0]
        inner = _unwrap(value, source, notes)
        if inner is None:
            break
        values = inner
    _limit(len(values))
    if all(value == {} for value, _ in values):
        raise Unreadable(Unreadable.EMPTY, "the body is an empty object")
    for value, _ in values:
        if not isinstance(value, dict):
            raise Unreadable("not_an_object", f"the body is a {type(value).__name__}")
    if len(values) == 1:
        return [JsonDocument(values[0][0], "")]
    return [JsonDocument(value, source or _json_text(value)) for value, source in values]


def _has_number(value: Any) -> bool:
    """Return True for an object with the number of a document."""
    if type(value) is dict:
        for name in NUMBERS:
            if value.get(name) is not None:
                return True
    return False


def _limit(count: int) -> None:
    if count > MAX_DOCUMENTS:
        raise Unreadable("too_many_documents", f"more than {MAX_DOCUMENTS}")


def _values(text: str, notes: list[BodyNote], content_type: str) -> list[tuple[Any, str]]:
    """Return the JSON values in a text, each with its source."""
    start = BETWEEN.match(text).end()  # type: ignore[union-attr]  # it matches nothing, too
    if not text.startswith(OPENING, start) and (value := _form_value(text[start:], content_type)):
        notes.append(BodyNote("", "wrapped", "form"))
        return _values(value, notes, "")
    try:
        return _sequence(text, start, notes)
    except json.JSONDecodeError as error:
        raise Unreadable("not_json", f"{error.msg} at line {error.lineno} column {error.colno}") from None


def _sequence(text: str, position: int, notes: list[BodyNote]) -> list[tuple[Any, str]]:
    """Return JSON values that follow one another, as in JSON Lines; almost always it is one.

    Raises:
        json.JSONDecodeError: something is no JSON, or anything between the values is no separator.
    """
    decoder = _decoder(notes)
    values: list[tuple[Any, str]] = []
    while position < len(text) and len(values) <= MAX_DOCUMENTS:
        value, end = _decode(text, position, decoder, notes)
        values.append((value, text[position:end]))
        position = BETWEEN.match(text, end).end()  # type: ignore[union-attr]
    return values


def _unwrap(value: Any, source: str, notes: list[BodyNote]) -> list[tuple[Any, str]] | None:
    """Return what a wrapping holds; None if the value is a document, or nothing that is known."""
    if isinstance(value, str):
        if not value.strip().startswith(OPENING):
            return None
        notes.append(BodyNote("", "wrapped", "string"))
        return _values(value, notes, "")
    if isinstance(value, list):
        if not value:
            return None
        notes.append(BodyNote("", "wrapped", "list"))
        return [(value[0], source)] if len(value) == 1 else _elements(value, source)
    if not isinstance(value, dict) or _has_number(value):
        return None
    inner = [(name, part) for name, part in value.items() if _holds_documents(part)]
    if len(inner) != 1:
        return None
    name, part = inner[0]
    notes.append(BodyNote(name[:60], "wrapped"))
    if isinstance(part, list):
        return _elements(part, source) if len(part) > 1 else [(part[0], source)]
    return _values(part, notes, "") if isinstance(part, str) else [(part, source)]


def _holds_documents(value: Any) -> bool:
    """Return True for an object with a document's number, a list of such objects, or the JSON text of either."""
    if isinstance(value, str):
        try:
            return value.strip().startswith(OPENING) and _holds_documents(
                _decode(value.strip(), 0, _decoder([]), [])[0]
            )
        except ValueError:
            return False
    candidates = value if isinstance(value, list) else [value]
    return bool(candidates) and all(
        isinstance(part, dict) and (_has_number(part) or _is_envelope(part)) for part in candidates
    )


def _is_envelope(value: dict[str, Any]) -> bool:
    return len(value) == 1 and all(
        isinstance(part, (dict, list, str)) and _holds_documents(part) for part in value.values()
    )


def _elements(values: list[Any], source: str) -> list[tuple[Any, str]]:
    """Return the elements of a list, each with its own text, or with "" if the text of the list is not found.

    Args:
        values: the elements.
        source: a JSON text that holds the list somewhere.
    """
    _limit(len(values))
    decoder = _decoder([])
    start = source.find("[")
    for _ in range(MAX_LISTS_BEFORE):
        if start < 0:
            break
        position, elements = start + 1, []
        for value in values:
            while position < len(source) and source[position] in SEPARATORS:
                position += 1
            try:
                element, end = decoder.raw_decode(source, position)
            except (json.JSONDecodeError, ValueError):
                break
            if element != value:
                break
            elements.append((value, source[position:end]))
            position = end
        if len(elements) == len(values):
            return elements
        start = source.find("[", start + 1)
    return [(value, "") for value in values]


def _form_value(text: str, content_type: str) -> str:
    """Return the JSON text in a form such as `payload={...}` or one of several parts, "" if there is none."""
    if text.startswith("--"):
        return _part_value(text)
    if ("=" not in text[:100] and "form" not in content_type) or text.count("&") >= MAX_FORM_FIELDS:
        return ""
    start = text.find("=") + 1
    if text.startswith("{", start):  # nothing is escaped, so an ampersand need not end the field
        with suppress(ValueError):
            return text[start : _decode(text, start, _decoder([]), [])[1]]
    for field in text.split("&"):
        for value in reversed(field.partition("=")):  # a JSON text alone is the name of a field
            if _unquote(value[:100]).strip().startswith(OPENING):
                return _unquote(value)
    return ""


def _part_value(text: str) -> str:
    """Return the JSON text in a form of type `multipart/form-data`, "" if there is none."""
    boundary = text.partition("\n")[0].strip()
    for part in text.split(boundary, MAX_FORM_FIELDS):
        content = part.replace("\r\n", "\n").partition("\n\n")[2].strip()
        if content.startswith(OPENING):
            return content
    return ""


def _unquote(text: str) -> str:
    """Return a form's value without its escapes; in blocks, since each escape takes more than 200 bytes meanwhile."""
    blocks, position = [], 0
    while position < len(text):
        end = position + BLOCK_CHARACTERS
        if (escape := text.rfind("%", end - 2, end)) > position:
            end = escape
        blocks.append(unquote_to_bytes(text[position:end].replace("+", " ")))
        position = end
    return b"".join(blocks).decode(errors="replace")


# ---------------------------------------------------------------- JSON


def _json_text(value: Any) -> str:
    """Return a JSON text of a value that was parsed here; numbers keep their digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {_json_text(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json_text, value)) + "]"
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else "NaN"
    return json.dumps(value)


def _decode(text: str, position: int, decoder: json.JSONDecoder, notes: list[BodyNote]) -> tuple[Any, int]:
    """Return the JSON value at a position, and its end."""
    try:
        return decoder.raw_decode(text, position)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # an integer with thousands of digits, which Python's int refuses and Decimal takes
        return _decoder(notes, parse_int=_number).raw_decode(text, position)


def _decoder(notes: list[BodyNote], **options: Any) -> json.JSONDecoder:
    """Return a decoder that keeps the digits of numbers, takes raw control characters, and notes repeated names."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        if len(data) != len(pairs):
            notes.append(BodyNote("", "repeated_name"))
        return data

    return json.JSONDecoder(
        strict=False, object_pairs_hook=unique, parse_float=_number, parse_constant=_not_a_number, **options
    )


def _number(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except ArithmeticError:  # an exponent beyond what Decimal can hold
        return Decimal("Infinity")


def _not_a_number(name: str) -> Decimal:
    """Return a value that no field can read: NaN and Infinity are left out."""
    return NOT_A_NUMBER
