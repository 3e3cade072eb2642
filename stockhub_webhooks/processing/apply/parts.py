"""What belongs to a document: its addresses, its lines, its tracks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stockhub_webhooks.db.writes import insert
from stockhub_webhooks.models import Address, Track
from stockhub_webhooks.processing.apply.changes import Changes, below, differences, field_values
from stockhub_webhooks.processing.apply.document_types import DocumentType
from stockhub_webhooks.processing.apply.line_matching import LineKey, line_key, match_lines

Values = dict[str, Any]
KEY_FIELDS = frozenset({"item_id", "sku", "size"})

UPDATE_BATCH = 200  # one UPDATE with a CASE for thousands of rows takes seconds


@dataclass
class PartChanges:
    """What became of a document's parts."""

    changes: Changes = field(default_factory=dict, repr=False)
    written: list[str] = field(default_factory=list)  # the document's own fields that now differ
    # each line that was there, with what changed in it
    items: list[tuple[Any, Changes]] = field(default_factory=list, repr=False)


# ---------------------------------------------------------------- addresses


def create_addresses(document: Any, wanted: dict[str, Values], using: str) -> None:
    """Insert the addresses of a new document, before the document itself."""
    addresses = {name: Address(**values) for name, values in wanted.items() if values}
    insert(list(addresses.values()), using)
    for name, address in addresses.items():
        setattr(document, name, address)


def update_addresses(document: Any, wanted: dict[str, Values], using: str) -> PartChanges:
    """Change each address in place; one that is told no more is deleted, a new one inserted."""
    result = PartChanges()
    keys = {name: getattr(document, f"{name}_id") for name in wanted}
    there = Address.objects.using(using).in_bulk([key for key in keys.values() if key])
    for name, values in wanted.items():
        former = there.get(keys[name])
        if former and values:
            changed = differences(former, values)
            if changed:
                former.save(using=using, update_fields=list(changed))
            result.changes |= below(name, changed)
        elif former or values:
            address = Address(**values) if values else None
            insert([address] if address else [], using)
            setattr(document, name, address)
            result.written.append(name)
            result.changes[name] = (field_values(former) if former else None, values)
            if former:
                document.save(using=using, update_fields=[name])
                former.delete(using=using)
    return result


# ---------------------------------------------------------------- lines


def create_lines(document: Any, kind: DocumentType, lines: Sequence[Values], using: str) -> None:
    """Insert the lines of a new document."""
    rows = [
        kind.item_model(position=position, **{f"{kind.name}_id": document.pk}, **_by_our_names(values))
        for position, values in enumerate(lines)
    ]
    insert(rows, using)


def update_lines(document: Any, kind: DocumentType, lines: Sequence[Values], using: str, *, whole: bool) -> PartChanges:
    """Update the lines of a document to those of a message.

    A key that can't be read deletes no row, and a message never takes away a part of a key.

    Args:
        document: the saved document.
        kind: the type of the document.
        lines: the values of each line.
        using: the alias of the database.
        whole: True if these are all lines, so that stored lines without a match are deleted.
    """
    result = PartChanges()
    rows = kind.item_model.objects.using(using)
    stored = list(rows.filter(**{kind.name: document}).order_by("position", "pk"))
    given = [_by_our_names(values) for values in lines]
    row_keys = [line_key(field_values(row), is_numbered=kind.numbered_items) for row in stored]
    keys = [line_key(values, is_numbered=kind.numbered_items) for values in given]
    labels, row_labels = _labels(keys), _labels(row_keys)
    added, moved, columns = [], [], set()
    matches = match_lines(keys, row_keys)
    for position, (values, match) in enumerate(zip(given, matches, strict=True)):
        if match is None:
            added.append(kind.item_model(position=position, **{f"{kind.name}_id": document.pk}, **values))
            result.changes[f"items[{labels[position]}]"] = (None, lines[position])
            continue
        row = stored[match]
        if row_keys[match].number == keys[position].number:
            values.pop("item_id", None)  # zeros in front of it do not count
        changed = differences(row, {n: v for n, v in values.items() if v is not None or n not in KEY_FIELDS})
        result.changes |= below(f"items[{row_labels[match]}]", changed)
        result.items.append((row, changed))
        touched = changed.keys() | differences(row, {"position": position}).keys()
        if touched:
            moved.append(row)
            columns |= touched
    gone = {index: row for index, row in enumerate(stored) if index not in matches}
    if gone and whole:
        rows.filter(pk__in=[row.pk for row in gone.values()]).delete()
        result.changes |= {f"items[{row_labels[index]}]": (field_values(row), None) for index, row in gone.items()}
    if moved:
        rows.bulk_update(moved, sorted(columns), batch_size=UPDATE_BATCH)
    insert(added, using)
    return result


def _labels(keys: Sequence[LineKey]) -> list[str]:
    """Return a name for each line: `SKU/size`, and `SKU/size#2` for the second one of that name."""
    counts: Counter[str] = Counter()
    labels = []
    for key in keys:
        counts[key.label] += 1
        labels.append(key.label if counts[key.label] == 1 else f"{key.label}#{counts[key.label]}")
    return labels


def _by_our_names(values: Values) -> Values:
    """Return the values by the names of the model, where `id` is the primary key."""
    return {("item_id" if name == "id" else name): value for name, value in values.items()}


# ---------------------------------------------------------------- tracks


def create_track(document: Any, kind: DocumentType, wanted: Values, using: str) -> Track:
    """A number that the document does not have yet."""
    track = Track(**{kind.name: document}, **wanted)
    insert([track], using)
    return track


def find_track(document: Any, kind: DocumentType, wanted: Values, using: str) -> Track | None:
    """The document's track of that number."""
    tracks = Track.objects.using(using).filter(**{kind.name: document})
    return tracks.filter(tracking_number=wanted["tracking_number"]).first()


def update_track(track: Track, wanted: Values, using: str) -> Changes:
    """A known number may learn its carrier and link."""
    changed = differences(track, wanted)
    if changed:
        track.save(using=using, update_fields=list(changed))
    return below(f"tracks[{track.tracking_number}]", changed)
