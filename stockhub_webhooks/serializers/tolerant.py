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

from stockhub_webhooks.serializers.fields import Note, ValueWithNotes, clean_text, unreadable

NOTE_LIMIT = 50
LINE_LIMIT = 10_000  # a body of 1 MiB holds half as many real lines, but thirty times as many empty ones


@dataclass
class ParsedMessage:
    """The content of a message, in Python types.

    A name that is missing from one of the dicts could not be read: the former value stays.

    Attributes:
        fields: the document's own values.
        addresses: address by field name; None if the message has none.
        lines: the items; None if the stored lines stay as they are.
        lines_left_out: True if some items could not be read.
        track: at most one tracking number, with its carrier.
    """

    topic: str
    increment_id: str
    order_increment_id: str | None = None
    po_number: str | None = None
    updated_at: datetime | None = None
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    addresses: dict[str, dict[str, Any] | None] = field(default_factory=dict, repr=False)
    lines: list[dict[str, Any]] | None = field(default=None, repr=False)
    lines_left_out: bool = False
    track: dict[str, Any] | None = field(default=None, repr=False)
    notes: list[Note] = field(default_factory=list, repr=False)

    @cached_property
    def digest(self) -> str:
        """A hash of all that has an effect: equal digests lead to equal rows. `updated_at` and notes are left out."""
        effect = (
            self.order_increment_id,
            self.po_number,
            self.fields,
            self.addresses,
            self.lines,
            self.track,
        )
        return hashlib.blake2b(repr(effect).encode(), digest_size=16).hexdigest()


class TolerantSerializer(serializers.Serializer[Any]):
    """Base class: notes fields that cannot be read instead of refusing the object.

    An instance holds no state, so one instance for each topic serves all threads.
    """

    # other spelling: name of the field
    ALIASES: ClassVar[dict[str, str]] = {}

    @cached_property
    def _readers(self) -> list[tuple[str, str | None, Callable[[Any], Any]]]:
        spellings = {name: spelling for spelling, name in self.ALIASES.items()}
        return [(name, spellings.get(name), field.to_internal_value) for name, field in self.fields.items()]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.fields) | frozenset(self.ALIASES)

    def run_validation(self, data: Any = empty) -> Any:
        """Return the values, or a `ValueWithNotes` if something is odd.

        Raises:
            ValidationError: the value is not an object.
        """
        return self.to_internal_value(data)

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not dict:
            unreadable("not_an_object")
        values: dict[str, Any] = {}
        notes: list[Note] = []
        for name, spelling, read in self._readers:
            given = data.get(name)
            if given is None and spelling:
                given = data.get(spelling)
            if given is None:
                values[name] = None
                continue
            try:
                value = read(given)
            except ValidationError as error:
                notes.append(Note(name, _code(error)))
                continue
            if type(value) is ValueWithNotes:
                notes.extend(note.below(name) for note in value.notes)
                value = value.value
            values[name] = value
        if not data.keys() <= self._known:
            notes.extend(Note(clean_text(name)[:60], "unknown_field") for name in data if name not in self._known)
        return ValueWithNotes(values, notes) if notes else values


class LineListSerializer(serializers.ListSerializer[Any]):
    """A list of objects. Entries that are no objects, or exceed `LINE_LIMIT`, are left out with a note."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not list:
            unreadable("not_a_list")
        read = cast("TolerantSerializer", self.child).to_internal_value
        lines: list[Any] = []
        notes: list[Note] = []
        for index, given in enumerate(data[:LINE_LIMIT]):
            try:
                line = read(given)
            except ValidationError as error:
                notes.append(Note(f"[{index}]", _code(error)))
                lines.append({})  # keeps the place of the line, so that its stored row is not deleted
                continue
            if type(line) is ValueWithNotes:
                notes.extend(note.below(f"[{index}]") for note in line.notes)
                line = line.value
            lines.append(line)
        if len(data) > LINE_LIMIT:
            notes.insert(0, Note("", "too_many_lines", str(LINE_LIMIT)))
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
    PERHAPS_SUBTRACTED: ClassVar[str] = ""

    def parse_document(self, data: dict[str, Any]) -> ParsedMessage:
        """Split an object into a `ParsedMessage`; `increment_id` is "" if the object has none."""
        result = self.run_validation(data)
        values, notes = result if isinstance(result, ValueWithNotes) else (result, [])
        parsed = ParsedMessage(topic=self.TOPIC, increment_id=values.pop("increment_id", None) or "", notes=list(notes))
        parsed.order_increment_id = values.pop("order_increment_id", None)
        parsed.po_number = values.pop("po_number", None)
        parsed.updated_at = values.pop("updated_at", None)
        for name in self.ADDRESSES:
            if name in values:
                address = values.pop(name)
                # an address of nulls is no address, unless some of its fields could not be read
                all_fields = cast("TolerantSerializer", self.fields[name]).fields
                has_content = address and (any(address.values()) or len(address) < len(all_fields))
                parsed.addresses[name] = address if has_content else None
        lines = values.pop("items", None) or ()
        parsed.lines = [line for line in lines if any(value is not None for value in line.values())] or None
        parsed.lines_left_out = len(parsed.lines or ()) < len(lines)
        parsed.track = values.pop("track", None)
        if parsed.track and not parsed.track.get("tracking_number"):
            parsed.notes.append(Note("track", "no_tracking_number"))
            parsed.track = None
        parsed.fields = values
        if not self.adds_up(values):
            parsed.notes.append(Note("grand_total", "amounts_differ"))
        return parsed

    def adds_up(self, values: dict[str, Any]) -> bool:
        """Return False if the total differs from the sum of its parts, and all of them are known."""
        parts = [(values.get(name), 1) for name in self.ADDED] + [(values.get(name), -1) for name in self.SUBTRACTED]
        total = values.get("grand_total")
        if not parts or total is None or any(amount is None for amount, _ in parts):
            return True
        due = sum(amount * sign for amount, sign in parts if amount is not None)
        return total in (due, due - (values.get(self.PERHAPS_SUBTRACTED) or 0))


def limit_notes(notes: list[Note]) -> list[Note]:
    """Return at most `NOTE_LIMIT` notes; the last one counts the rest."""
    if len(notes) <= NOTE_LIMIT:
        return notes
    kept = notes[: NOTE_LIMIT - 1]
    return [*kept, Note("", "more_notes", str(len(notes) - len(kept)))]
