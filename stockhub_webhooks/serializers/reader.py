"""How a tolerant reader walks a JSON object: never refuses a field, notes what was odd, keeps what it can."""

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
LINE_LIMIT = 10_000  # a body of 1 MiB holds half as many real ones, and thirty times as many empty ones


@dataclass
class ParsedMessage:
    """What a message says, in our types. A name that is missing from a dict could not be read: keep what you have.

    `fields` are the document's own values, `addresses` by name (None: there is none), `lines` its items (None:
    leave them as they are), `lines_left_out` whether some could not be read, `track` at most one parcel number
    with its carrier.
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
        """A fingerprint of the effect: equal digests leave equal rows. Times of writing and notes are no effect."""
        effect = (
            self.order_increment_id,
            self.po_number,
            self.fields,
            self.addresses,
            self.lines,
            self.track,
        )
        return hashlib.blake2b(repr(effect).encode(), digest_size=16).hexdigest()


class Reader(serializers.Serializer[Any]):
    """A DRF serializer that never says no to a field. Make one instance a module; it holds no state."""

    # contract spellings that mean the same field
    ALIASES: ClassVar[dict[str, str]] = {}

    @cached_property
    def _plan(self) -> list[tuple[str, str | None, Callable[[Any], Any]]]:
        spellings = {name: spelling for spelling, name in self.ALIASES.items()}
        return [(name, spellings.get(name), field.to_internal_value) for name, field in self.fields.items()]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.fields) | frozenset(self.ALIASES)

    def run_validation(self, data: Any = empty) -> Any:
        """Read an object; `Noted` where something was odd.

        Raises:
            ValidationError: it is no object.
        """
        return self.to_internal_value(data)

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not dict:
            unreadable("not_an_object")
        values: dict[str, Any] = {}
        notes: list[Note] = []
        for name, spelling, read in self._plan:
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


class Lines(serializers.ListSerializer[Any]):
    """A list of objects; what is no object is left out, and what is over `LINE_LIMIT`, with a note."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not list:
            unreadable("not_a_list")
        read = cast("Reader", self.child).to_internal_value
        lines: list[Any] = []
        notes: list[Note] = []
        for index, given in enumerate(data[:LINE_LIMIT]):
            try:
                line = read(given)
            except ValidationError as error:
                notes.append(Note(f"[{index}]", _code(error)))
                lines.append({})  # something was there: what we have of it is not to be deleted
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


class DocumentReader(Reader):
    """The reader of one topic. Subclasses name the fields; this splits them into a `Reading`."""

    TOPIC: ClassVar[str]
    ADDRESSES: ClassVar[tuple[str, ...]] = ()
    # grand_total = all that is added, less all that is taken off, as in the contract's examples
    ADDED: ClassVar[tuple[str, ...]] = ()
    TAKEN_OFF: ClassVar[tuple[str, ...]] = ()
    PERHAPS_TAKEN_OFF: ClassVar[str] = ""

    def reading(self, data: dict[str, Any]) -> ParsedMessage:
        """What the object says. Its `increment_id` is "" where the body names no document."""
        read = self.run_validation(data)
        values, notes = read if isinstance(read, ValueWithNotes) else (read, [])
        reading = ParsedMessage(
            topic=self.TOPIC, increment_id=values.pop("increment_id", None) or "", notes=list(notes)
        )
        reading.order_increment_id = values.pop("order_increment_id", None)
        reading.po_number = values.pop("po_number", None)
        reading.updated_at = values.pop("updated_at", None)
        for name in self.ADDRESSES:
            if name in values:
                address = values.pop(name)
                told = address and (
                    any(address.values()) or len(address) < len(cast("Reader", self.fields[name]).fields)
                )
                reading.addresses[name] = address if told else None
        lines = values.pop("items", None) or ()
        reading.lines = [line for line in lines if any(value is not None for value in line.values())] or None
        reading.lines_left_out = len(reading.lines or ()) < len(lines)
        reading.track = values.pop("track", None)
        if reading.track and not reading.track.get("tracking_number"):
            reading.notes.append(Note("track", "no_tracking_number"))
            reading.track = None
        reading.fields = values
        if not self.adds_up(values):
            reading.notes.append(Note("grand_total", "amounts_differ"))
        return reading

    def adds_up(self, values: dict[str, Any]) -> bool:
        """Whether the amounts make the total, as far as they are told. A difference is a note, never a refusal."""
        parts = [(values.get(name), 1) for name in self.ADDED] + [(values.get(name), -1) for name in self.TAKEN_OFF]
        total = values.get("grand_total")
        if not parts or total is None or any(amount is None for amount, _ in parts):
            return True
        due = sum(amount * sign for amount, sign in parts if amount is not None)
        return total in (due, due - (values.get(self.PERHAPS_TAKEN_OFF) or 0))


def capped(notes: list[Note]) -> list[Note]:
    """At most `NOTE_LIMIT` notes, the last of which counts the rest."""
    if len(notes) <= NOTE_LIMIT:
        return notes
    kept = notes[: NOTE_LIMIT - 1]
    return [*kept, Note("", "more_notes", str(len(notes) - len(kept)))]
