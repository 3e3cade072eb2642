"""The body of a message to JSON objects, out of whatever a sender or a proxy wraps them in.

A plain JSON object costs one `json.loads`. Everything else is tried only if that fails to give a document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from stockhub_webhooks.conf import conf
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.serializers import encodings
from stockhub_webhooks.serializers.fields import Note

NUMBERS = ("increment_id", "order_increment_id", "purchase_order_increment_id")
MAX_DOCUMENTS = 1000
MAX_WRAPPINGS = 4
MAX_LISTS_BEFORE = 20  # lists in an envelope before the list of documents
SEPARATORS = " \t\r\n,;\x1e\0"  # between several documents, and after the last one


class Document(NamedTuple):
    """A JSON object of a body."""

    data: dict[str, Any]
    text: str  # the JSON text; empty if the body holds this document alone


class Body(NamedTuple):
    """The documents in a body, and how they were wrapped."""

    documents: list[Document]
    notes: list[Note]


def parse(body: bytes, headers: Mapping[str, str] | None = None) -> Body:
    """Return the documents in a body.

    Args:
        body: the exact bytes.
        headers: the headers of the request, by their names in lower case.

    Raises:
        Unreadable: `empty`, `not_json` or `not_an_object`, with the place of the fault.
    """
    headers = headers or {}
    notes: list[Note] = []
    if compression := encodings.compression_of(body, headers.get("content-encoding", "")):
        body = encodings.unpack(body, compression, conf.MAX_BODY_BYTES)
        notes.append(Note("", "compressed", compression))
    text, assumed = encodings.decode(body, headers.get("content-type", ""))
    notes += assumed
    if not text.strip(SEPARATORS):
        raise Unreadable("not_json", "the body is empty")
    try:
        return Body(_documents(text, notes, headers.get("content-type", "")), notes)
    except RecursionError:
        raise Unreadable("not_json", "the body is nested too deep") from None


def _documents(text: str, notes: list[Note], content_type: str) -> list[Document]:
    values = _values(text, notes, content_type)
    for _ in range(MAX_WRAPPINGS):
        if len(values) != 1:
            break
        (value, source) = values[0]
        inner = _unwrap(value, source, notes)
        if inner is None:
            break
        values = inner
    _limit(len(values))
    for value, _ in values:
        if not isinstance(value, dict):
            raise Unreadable("not_an_object", f"the body is a {type(value).__name__}")
    if len(values) == 1:
        return [Document(values[0][0], "")]
    return [Document(value, source or json.dumps(value, default=str)) for value, source in values]


def _limit(count: int) -> None:
    if count > MAX_DOCUMENTS:
        raise Unreadable("too_many_documents", f"more than {MAX_DOCUMENTS}")


def _values(text: str, notes: list[Note], content_type: str) -> list[tuple[Any, str]]:
    """Return the JSON values in a text, each with its source."""
    try:
        return [(_loads(text, notes), text)]
    except json.JSONDecodeError as error:
        failure = error
    trimmed = text.strip(SEPARATORS + "\ufeff")
    if trimmed[:1] not in ("{", "[", '"'):
        if value := _form_value(trimmed, content_type):
            notes.append(Note("", "wrapped", "form"))
            return _values(value, notes, "")
    elif failure.msg == "Extra data" or trimmed != text:
        values = _sequence(trimmed, notes)
        if values:
            return values
    raise Unreadable("not_json", f"{failure.msg} at line {failure.lineno} column {failure.colno}")


def _sequence(text: str, notes: list[Note]) -> list[tuple[Any, str]]:
    """Return JSON values that follow one another, as in JSON Lines; none if anything between them is no separator."""
    decoder = _decoder(notes)
    values: list[tuple[Any, str]] = []
    position = 0
    while position < len(text) and len(values) <= MAX_DOCUMENTS:
        try:
            value, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, ValueError):
            return []
        values.append((value, text[position:end]))
        position = end
        while position < len(text) and text[position] in SEPARATORS:
            position += 1
    return values


def _unwrap(value: Any, source: str, notes: list[Note]) -> list[tuple[Any, str]] | None:
    """Return what a wrapping holds; None if the value is a document, or nothing that is known."""
    if isinstance(value, str):
        if value.strip()[:1] not in ("{", "[", '"'):
            return None
        notes.append(Note("", "wrapped", "string"))
        return _values(value, notes, "")
    if isinstance(value, list):
        if not value:
            return None
        notes.append(Note("", "wrapped", "list"))
        return [(value[0], "")] if len(value) == 1 else _elements(value, source, notes)
    if not isinstance(value, dict) or any(value.get(name) is not None for name in NUMBERS):
        return None
    inner = [(name, part) for name, part in value.items() if _holds_documents(part)]
    if len(inner) != 1:
        return None
    name, part = inner[0]
    notes.append(Note(name[:60], "wrapped"))
    if isinstance(part, list):
        return _elements(part, source, notes) if len(part) > 1 else [(part[0], "")]
    return _values(part, notes, "") if isinstance(part, str) else [(part, "")]


def _holds_documents(value: Any) -> bool:
    """Return True for an object with a document's number, a list of such objects, or the JSON text of either."""
    if isinstance(value, str) and value.strip()[:1] in ("{", "["):
        try:
            value = _loads(value, [])
        except ValueError:
            return False
    candidates = value if isinstance(value, list) else [value]
    return bool(candidates) and all(
        isinstance(part, dict) and (any(part.get(name) is not None for name in NUMBERS) or _is_envelope(part))
        for part in candidates
    )


def _is_envelope(value: dict[str, Any]) -> bool:
    return len(value) == 1 and all(isinstance(part, dict) and _holds_documents(part) for part in value.values())


def _elements(values: list[Any], source: str, notes: list[Note]) -> list[tuple[Any, str]]:
    """Return the elements of a list, each with its own text: numbers keep their digits."""
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
    """Return the JSON text in a form such as `payload={...}`, "" if there is none."""
    if "=" not in text[:100] and "form" not in content_type:
        return ""
    fields = parse_qsl(text, keep_blank_values=False, max_num_fields=100) if text.count("&") < 100 else []
    return next((value for _, value in fields if value.strip()[:1] in ("{", "[")), "")


# ---------------------------------------------------------------- JSON


def _loads(text: str, notes: list[Note]) -> Any:
    try:
        return _decoder(notes).decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # an integer with thousands of digits, which Python's int refuses and Decimal takes
        return _decoder(notes, parse_int=_number).decode(text)


def _decoder(notes: list[Note], **options: Any) -> json.JSONDecoder:
    """Return a decoder that keeps the digits of numbers, takes raw control characters, and notes repeated names."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        if len(data) != len(pairs):
            notes.append(Note("", "repeated_name"))
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
    return Decimal("NaN")
