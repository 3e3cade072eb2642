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

Values = dict[str, Any]
Key = tuple[tuple[Any, ...], int]

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
    insert([_line(document, kind, position, values) for position, values in enumerate(lines)], using)


def update_lines(document: Any, kind: DocumentType, lines: Sequence[Values], using: str, *, whole: bool) -> PartChanges:
    """Make these the document's lines, all there are where they are told `whole`; they match by their keys."""
    result = PartChanges()
    rows = kind.item_model.objects.using(using)
    there = list(rows.filter(**{kind.name: document}).order_by("position", "pk"))
    former = dict(zip(_keys(kind, [field_values(row) for row in there]), there, strict=True))
    added, moved, columns = [], [], set()
    for position, (key, values) in enumerate(zip(_keys(kind, lines), lines, strict=True)):
        row = former.pop(key, None)
        if row is None:
            added.append(_line(document, kind, position, values))
            result.changes[f"items[{_label(key)}]"] = (None, values)
            continue
        changed = differences(row, _by_our_names(values))
        result.changes |= below(f"items[{_label(key)}]", changed)
        result.items.append((row, changed))
        touched = changed.keys() | differences(row, {"position": position}).keys()
        if touched:
            moved.append(row)
            columns |= touched
    if former and whole:
        rows.filter(pk__in=[row.pk for row in former.values()]).delete()
        result.changes |= {f"items[{_label(key)}]": (field_values(row), None) for key, row in former.items()}
    if moved:
        rows.bulk_update(moved, sorted(columns), batch_size=UPDATE_BATCH)
    insert(added, using)
    return result


def _keys(kind: DocumentType, lines: Sequence[Values]) -> list[Key]:
    """What each line is known by in the next message: its number, else SKU and size, and its turn among equals."""
    turns: Counter[tuple[Any, ...]] = Counter()
    keys = []
    for values in lines:
        number = (values.get("item_id") or values.get("id")) if kind.numbered_items else None
        name = (number,) if number else (values.get("sku"), values.get("size"))
        turns[name] += 1
        keys.append((name, turns[name]))
    return keys


def _label(key: Key) -> str:
    """The key in the names of changes: `SKU/size`, `SKU/size#2` for the second of its kind."""
    name, turn = key
    label = "/".join(filter(None, name)) or "?"
    return label if turn == 1 else f"{label}#{turn}"


def _by_our_names(values: Values) -> Values:
    """Django keeps `id` for the primary key."""
    return {("item_id" if name == "id" else name): value for name, value in values.items()}


def _line(document: Any, kind: DocumentType, position: int, values: Values) -> Any:
    return kind.item_model(position=position, **{f"{kind.name}_id": document.pk}, **_by_our_names(values))


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
