"""Write the parts of a document: addresses, lines and tracks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stockhub_webhooks.db.writes import insert
from stockhub_webhooks.models import Address, Track
from stockhub_webhooks.processing.apply.changes import Changes, field_values, set_values, with_prefix
from stockhub_webhooks.processing.apply.document_types import DocumentType

Values = dict[str, Any]
LineKey = tuple[tuple[Any, ...], int]  # the values that identify a line, and its number among lines with equal ones

UPDATE_BATCH = 200  # one UPDATE with a CASE for thousands of rows takes seconds


@dataclass
class PartChanges:
    """Changes of a document's addresses or lines."""

    changes: Changes = field(default_factory=dict, repr=False)
    written: list[str] = field(default_factory=list)  # the document's own fields that must be saved
    # each line that existed before, with its changes
    items: list[tuple[Any, Changes]] = field(default_factory=list, repr=False)


# ---------------------------------------------------------------- addresses


def create_addresses(document: Any, wanted: dict[str, Values | None], using: str) -> None:
    """Insert the addresses of a new document and set them on it. The caller saves the document."""
    addresses = {name: Address(**values) for name, values in wanted.items() if values}
    insert(list(addresses.values()), using)
    for name, address in addresses.items():
        setattr(document, name, address)


def update_addresses(document: Any, wanted: dict[str, Values | None], using: str) -> PartChanges:
    """Update each address in place, insert a new one, and delete one without values. The caller saves the document."""
    result = PartChanges()
    keys = {name: getattr(document, f"{name}_id") for name in wanted}
    stored = Address.objects.using(using).in_bulk([key for key in keys.values() if key])
    for name, values in wanted.items():
        address = stored.get(keys[name])
        if address and values:
            changes = set_values(address, values)
            if changes:
                address.save(using=using, update_fields=list(changes))
            result.changes |= with_prefix(name, changes)
        elif address or values:
            new = Address(**values) if values else None
            insert([new] if new else [], using)
            setattr(document, name, new)
            result.written.append(name)
            result.changes[name] = (field_values(address) if address else None, values)
            if address:
                document.save(using=using, update_fields=[name])  # it must not point at a deleted row
                address.delete(using=using)
    return result


# ---------------------------------------------------------------- lines


def create_lines(document: Any, document_type: DocumentType, lines: Sequence[Values], using: str) -> None:
    """Insert the lines of a new document."""
    insert([_line(document, document_type, position, values) for position, values in enumerate(lines)], using)


def update_lines(
    document: Any, document_type: DocumentType, lines: Sequence[Values], using: str, *, whole: bool
) -> PartChanges:
    """Update the document's lines by their keys, insert new ones, and delete the others.

    Args:
        document: a saved row.
        document_type: its type.
        lines: the values of each line of the message.
        using: the alias of the database.
        whole: False if the message has lines that could not be read; then no line is deleted.
    """
    result = PartChanges()
    rows = document_type.item_model.objects.using(using)
    stored = list(rows.filter(**{document_type.name: document}).order_by("position", "pk"))
    unmatched = dict(zip(_keys(document_type, [field_values(row) for row in stored]), stored, strict=True))
    new_rows, changed_rows, changed_fields = [], [], set()
    for position, (key, values) in enumerate(zip(_keys(document_type, lines), lines, strict=True)):
        row = unmatched.pop(key, None)
        if row is None:
            new_rows.append(_line(document, document_type, position, values))
            result.changes[f"items[{_label(key)}]"] = (None, values)
            continue
        changes = set_values(row, _by_field_name(values))
        result.changes |= with_prefix(f"items[{_label(key)}]", changes)
        result.items.append((row, changes))
        to_save = changes.keys() | set_values(row, {"position": position}).keys()
        if to_save:
            changed_rows.append(row)
            changed_fields |= to_save
    if unmatched and whole:
        rows.filter(pk__in=[row.pk for row in unmatched.values()]).delete()
        result.changes |= {f"items[{_label(key)}]": (field_values(row), None) for key, row in unmatched.items()}
    if changed_rows:
        rows.bulk_update(changed_rows, sorted(changed_fields), batch_size=UPDATE_BATCH)
    insert(new_rows, using)
    return result


def _keys(document_type: DocumentType, lines: Sequence[Values]) -> list[LineKey]:
    """Return the key that finds each line again in a later message: its id, or else SKU and size."""
    counts: Counter[tuple[Any, ...]] = Counter()
    keys = []
    for values in lines:
        number = (values.get("item_id") or values.get("id")) if document_type.numbered_items else None
        identity = (number,) if number else (values.get("sku"), values.get("size"))
        counts[identity] += 1
        keys.append((identity, counts[identity]))
    return keys


def _label(key: LineKey) -> str:
    """Return the key as it is written in names of changes: `SKU/size`, or `SKU/size#2` for the second such line."""
    identity, number = key
    label = "/".join(filter(None, identity)) or "?"
    return label if number == 1 else f"{label}#{number}"


def _by_field_name(values: Values) -> Values:
    # Django's `id` is the primary key, so the sender's `id` is stored as `item_id`
    return {("item_id" if name == "id" else name): value for name, value in values.items()}


def _line(document: Any, document_type: DocumentType, position: int, values: Values) -> Any:
    return document_type.item_model(
        position=position, **{f"{document_type.name}_id": document.pk}, **_by_field_name(values)
    )


# ---------------------------------------------------------------- tracks


def create_track(document: Any, document_type: DocumentType, values: Values, using: str) -> Track:
    """Insert a track."""
    track = Track(**{document_type.name: document}, **values)
    insert([track], using)
    return track


def find_track(document: Any, document_type: DocumentType, values: Values, using: str) -> Track | None:
    """Return the document's track with the same number; None if there is none."""
    tracks = Track.objects.using(using).filter(**{document_type.name: document})
    return tracks.filter(tracking_number=values["tracking_number"]).first()


def update_track(track: Track, values: Values, using: str) -> Changes:
    """Update the carrier and the link of a known number."""
    changes = set_values(track, values)
    if changes:
        track.save(using=using, update_fields=list(changes))
    return with_prefix(f"tracks[{track.tracking_number}]", changes)
