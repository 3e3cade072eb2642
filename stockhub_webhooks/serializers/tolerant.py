"""Base serializers, which never refuse an object for one of its fields, and the `ParsedMessage` that they make."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, cast

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import empty

from stockhub_webhooks.contract.amounts import is_too_much
from stockhub_webhooks.serializers import times
from stockhub_webhooks.serializers.extra import unknown_fields
from stockhub_webhooks.serializers.fields import (
    IMPOSSIBLE_TIMES,
    LEFT_OUT,
    BodyNote,
    TextField,
    ValueWithNotes,
    clean_text,
    unreadable,
)
from stockhub_webhooks.serializers.shapes import MAX_OTHER_NAMES, as_list, as_object, snake_case, trimmed

NOTE_LIMIT = 50
COUNTED = LEFT_OUT | IMPOSSIBLE_TIMES
KEPT_IF_NULL = frozenset({"currency", "created_at", "status"})  # a null of these says nothing
LINE_LIMIT = 10_000  # a body of 1 MiB holds half as many real lines, but thirty times as many empty ones


@dataclass
class ParsedMessage:
    """The content of a message, in Python types.

    A name that is missing from one of the dicts was not given or could not be read: the former value stays.

    Attributes:
        fields: the document's own values.
        addresses: address by field name. A message never takes an address away.
        lines: the items; None if the stored lines stay as they are.
        lines_left_out: True if some items could not be read.
        tracks: tracking numbers, each with its carrier; one in the contract.
        extra: fields that this version does not know.
    """

    topic: str
    increment_id: str
    order_increment_id: str | None = None
    po_number: str | None = None
    updated_at: datetime | None = None
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    addresses: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    lines: list[dict[str, Any]] | None = field(default=None, repr=False)
    lines_left_out: bool = False
    tracks: list[dict[str, Any]] = field(default_factory=list, repr=False)
    extra: dict[str, Any] = field(default_factory=dict, repr=False)
    notes: list[BodyNote] = field(default_factory=list, repr=False)

    @property
    def leaves_something_out(self) -> bool:
        """True if a part of the message could not be used, apart from unknown fields."""
        return any(note.code in LEFT_OUT for note in self.notes)

    @property
    def has_impossible_time(self) -> bool:
        """True if a time in the message is before 2000, or later than the message itself."""
        return any(note.code in IMPOSSIBLE_TIMES for note in self.notes)

    @cached_property
    def digest(self) -> str:
        """A hash of all that has an effect: equal digests lead to equal rows.

        `updated_at`, notes and unknown fields are left out: a change of these alone is no effect.
        """
        effect = (
            self.order_increment_id,
            self.po_number,
            self.fields,
            self.addresses,
            self.lines,
            self.tracks,
        )
        return hashlib.blake2b(repr(effect).encode(), digest_size=16).hexdigest()


@dataclass
class SeveralDocuments(ParsedMessage):
    """The content of a body with several documents, each to become a message of its own.

    Attributes:
        texts: the JSON text of each document, in UTF-8, in their sequence.
    """

    texts: list[bytes] = field(default_factory=list, repr=False)


class TolerantSerializer(serializers.Serializer[Any]):
    """Base class: notes fields that cannot be read instead of refusing the object.

    An instance holds no state, so one instance for each topic serves all threads.
    """

    # other name: name of the field. Other spellings of a name need no entry.
    ALIASES: ClassVar[dict[str, str]] = {}
    # other spellings that the contract itself has: they get no note
    DOCUMENTED_SPELLINGS: ClassVar[frozenset[str]] = frozenset()

    @cached_property
    def _readers(self) -> list[tuple[str, Callable[[Any], Any], int]]:
        """Name and reader of each field, and the length up to which plain text needs no reader, or -1."""
        return [
            (name, field.to_internal_value, field.max_length or -1 if type(field) is TextField else -1)
            for name, field in self.fields.items()
        ]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.fields)

    def run_validation(self, data: Any = empty) -> Any:
        """Return the values, or a `ValueWithNotes` if something is odd.

        Raises:
            ValidationError: the value is not an object.
        """
        return self.to_internal_value(data)

    def to_internal_value(self, data: Any) -> Any:
        values: dict[str, Any] = {}
        notes: list[BodyNote] = []
        if type(data) is not dict or not data.keys() <= self._known:
            data = self.documented(data, notes)
        for name, read, plain_length in self._readers:
            if name not in data:
                continue
            raw = data[name]
            if raw is None:
                values[name] = None
                continue
            # as `clean_text` would return it, for the text of nearly all fields
            if type(raw) is str and len(raw) <= plain_length and raw.isascii() and "\x00" not in raw:
                values[name] = raw
                continue
            try:
                value = read(raw)
            except ValidationError as error:
                notes.append(BodyNote(name, _code(error)))
                continue
            if type(value) is ValueWithNotes:
                notes.extend(note.below(name) for note in value.notes)
                value = value.value
            values[name] = value
        return ValueWithNotes(values, notes) if notes else values

    def documented(self, data: Any, notes: list[BodyNote]) -> dict[str, Any]:
        """Return the object in the shape and with the names of the contract; note what differs.

        Raises:
            ValidationError: the value is not an object.
        """
        data = as_object(data)
        if type(data) is not dict:
            unreadable("not_an_object")
        documented = {name: value for name, value in data.items() if name in self._known}
        others = [name for name in data if name not in self._known]
        for name in others[:MAX_OTHER_NAMES]:
            value = data[name]
            spelled = snake_case(name)
            known = self.ALIASES.get(spelled, spelled)
            if known in self._known and documented.get(known) is None:
                documented[known] = value
                if name not in self.DOCUMENTED_SPELLINGS:
                    notes.append(BodyNote(clean_text(name)[:60], "other_name", known))
            else:
                notes.append(BodyNote(clean_text(name)[:60], "unknown_field"))
        if len(others) > MAX_OTHER_NAMES:
            notes.append(BodyNote("", "more_notes", str(len(others) - MAX_OTHER_NAMES)))
        return documented


class LineListSerializer(serializers.ListSerializer[Any]):
    """A list of objects. Entries that are no objects, or exceed `LINE_LIMIT`, are left out with a note."""

    def to_internal_value(self, data: Any) -> Any:
        data = as_list(data)
        if type(data) is not list:
            unreadable("not_a_list")
        read = cast("TolerantSerializer", self.child).to_internal_value
        lines: list[Any] = []
        notes: list[BodyNote] = []
        for index, raw in enumerate(data[:LINE_LIMIT]):
            try:
                line = read(raw)
            except ValidationError as error:
                notes.append(BodyNote(f"[{index}]", _code(error)))
                lines.append({})  # counts as left out (`lines_left_out`), so that no stored line is deleted
                continue
            if type(line) is ValueWithNotes:
                notes.extend(note.below(f"[{index}]") for note in line.notes)
                line = line.value
                if len(notes) > MAX_OTHER_NAMES:
                    notes = limit_notes(notes)
            lines.append(line)
        if len(data) > LINE_LIMIT:
            notes.insert(0, BodyNote("", "too_many_lines", str(LINE_LIMIT)))
            lines.append({})
        return ValueWithNotes(lines, notes) if notes else lines


def _code(error: ValidationError) -> str:
    codes = error.get_codes()
    return str(codes[0] if isinstance(codes, list) else codes)


class MessageSerializer(TolerantSerializer):
    """Base class of the serializers of one topic: splits the fields of an object into a `ParsedMessage`."""

    TOPIC: ClassVar[str]
    ADDRESSES: ClassVar[tuple[str, ...]] = ()
    # in the contract's examples, grand_total is the sum of ADDED minus the sum of SUBTRACTED
    ADDED: ClassVar[tuple[str, ...]] = ()
    SUBTRACTED: ClassVar[tuple[str, ...]] = ()

    def parse_document(self, data: dict[str, Any]) -> ParsedMessage:
        """Split an object into a `ParsedMessage`; `increment_id` is "" if the object has none."""
        result = self.run_validation(data)
        values, notes = result if isinstance(result, ValueWithNotes) else (result, [])
        parsed = ParsedMessage(topic=self.TOPIC, increment_id=values.pop("increment_id", None) or "", notes=list(notes))
        parsed.order_increment_id = values.pop("order_increment_id", None)
        parsed.po_number = values.pop("po_number", None)
        parsed.updated_at = values.pop("updated_at", None)
        if parsed.updated_at and times.seconds_ahead(parsed.updated_at):
            parsed.updated_at = None  # not believed: the message is compared by its receipt
        for name in self.ADDRESSES:
            address = values.pop(name, None)
            if address and any(map(_is_filled, address.values())):
                parsed.addresses[name] = address
        lines = values.pop("items", None) or ()
        parsed.lines = [line for line in lines if any(value is not None for value in line.values())] or None
        parsed.lines_left_out = len(parsed.lines or ()) < len(lines)
        for track in values.pop("track", None) or ():
            if track.get("tracking_number"):
                parsed.tracks.append(track)
            else:
                parsed.notes.append(BodyNote("track", "no_tracking_number"))
        parsed.fields = {name: value for name, value in values.items() if value is not None or name not in KEPT_IF_NULL}
        if any(note.code == "unknown_field" for note in notes):
            parsed.extra = unknown_fields(self, data, parsed.notes)
        if self.is_too_much(values, len(lines)):
            parsed.notes.append(BodyNote("grand_total", "amounts_differ"))
        return parsed

    def is_too_much(self, values: dict[str, Any], lines: int) -> bool:
        """Return True if the total exceeds the sum of its parts, and all of them are known."""
        parts = [(values.get(name), 1) for name in self.ADDED] + [(values.get(name), -1) for name in self.SUBTRACTED]
        total = values.get("grand_total")
        if not parts or total is None or any(amount is None for amount, _ in parts):
            return False
        return is_too_much(total - sum(amount * sign for amount, sign in parts if amount is not None), lines)


def _is_filled(value: Any) -> bool:
    return bool(trimmed(value)) if isinstance(value, str) else value is not None


def limit_notes(notes: list[BodyNote]) -> list[BodyNote]:
    """Return at most `NOTE_LIMIT` notes, those of counted kinds first; the last one counts the rest."""
    if len(notes) <= NOTE_LIMIT:
        return notes
    notes = sorted(notes, key=lambda note: note.code not in COUNTED)
    kept, rest = notes[: NOTE_LIMIT - 1], notes[NOTE_LIMIT - 1 :]
    count = sum(int(note.detail) if note.code == "more_notes" else 1 for note in rest)
    return [*kept, BodyNote("", "more_notes", str(count))]
