"""Write the parts of a document: addresses, lines and tracks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stockhub_webhooks.db.row_locks import lock_rows
from stockhub_webhooks.db.writes import insert
from stockhub_webhooks.models import Address, Track
from stockhub_webhooks.models.shipment import normalize_tracking_number
from stockhub_webhooks.processing.apply.changes import Changes, field_values, set_values, with_prefix
from stockhub_webhooks.processing.apply.document_types import DocumentType
from stockhub_webhooks.processing.apply.line_matching import LineKey, line_key, match_lines

Values = dict[str, Any]
KEPT_IF_NULL = frozenset({"item_id", "sku", "size", "status"})  # a null leaves the stored value
UPDATE_BATCH = 200  # one UPDATE with a CASE for thousands of rows takes seconds


@dataclass
class PartChanges:
    """Changes of a document's addresses or lines.

    Attributes:
        changes: old and new values, by names such as `items[SKU].qty`.
        written: the names of the document's own fields that must be saved.
        items: each line that existed before, with its changes, which may be none.
    """

    changes: Changes = field(default_factory=dict, repr=False)
    written: list[str] = field(default_factory=list)
    items: list[tuple[Any, Changes]] = field(default_factory=list, repr=False)


# ---------------------------------------------------------------- addresses


def create_addresses(document: Any, wanted: dict[str, Values], using: str) -> None:
    """Insert the addresses of a new document and set them on it. The caller saves the document."""
    addresses = {name: Address(**values) for name, values in wanted.items()}
    for address in addresses.values():
        address.set_search_keys()
    insert(list(addresses.values()), using)
    for name, address in addresses.items():
        setattr(document, name, address)


def update_addresses(document: Any, wanted: dict[str, Values], using: str) -> PartChanges:
    """Update each address in place, and insert a new one. The caller saves the document."""
    result = PartChanges()
    keys = {name: getattr(document, f"{name}_id") for name in wanted}
    known = sorted(key for key in keys.values() if key)
    rows = Address.objects.using(using).filter(pk__in=known).order_by("pk")
    stored = {row.pk: row for row in lock_rows(rows, {"id": known[0]})} if known else {}
    for name, values in wanted.items():
        address = stored.get(keys[name])
        if address:
            changes = set_values(address, values)
            if changes:
                address.save(using=using, update_fields=list(changes))
            result.changes |= with_prefix(name, changes)
        else:
            new = Address(**values)
            new.set_search_keys()
            insert([new], using)
            setattr(document, name, new)
            result.written.append(name)
            result.changes[name] = (None, values)
    return result


# ---------------------------------------------------------------- lines


def create_lines(document: Any, document_type: DocumentType, lines: Sequence[Values], using: str) -> None:
    """Insert the lines of a new document."""
    rows = [_line(document, document_type, position, _by_field_name(values)) for position, values in enumerate(lines)]
    insert(rows, using)


@dataclass
class MatchedLines:
    """The lines of a message with the stored lines.

    Attributes:
        lines: the values of each line, as the message gives them.
        given: the same by the names of the model.
        keys: the key of each line.
        rows: the stored lines.
        row_keys: the key of each stored line.
        matches: for each line the index of its row; None if it is new.
    """

    lines: Sequence[Values] = field(repr=False)
    given: list[Values] = field(repr=False)
    keys: list[LineKey]
    rows: list[Any]
    row_keys: list[LineKey]
    matches: list[int | None]

    def pairs(self) -> list[tuple[Values, Values]]:
        """Return the values of each line with the stored ones, which are empty if the line is new."""
        return _pairs(self.given, [vars(row) for row in self.rows], self.matches)


def match_stored_lines(document: Any, document_type: DocumentType, lines: Sequence[Values], using: str) -> MatchedLines:
    """Load and lock the lines of a document, and match those of a message with them."""
    owner = {document_type.name: document.pk}
    rows = lock_rows(document_type.item_model.objects.using(using).filter(**owner).order_by("position", "pk"), owner)
    given = [_by_field_name(values) for values in lines]
    keys, row_keys = _keys(given, document_type), _keys(map(vars, rows), document_type)
    return MatchedLines(lines, given, keys, rows, row_keys, match_lines(keys, row_keys))


def match_lines_of(
    lines: Sequence[Values], others: Sequence[Values], document_type: DocumentType
) -> list[tuple[Values, Values]]:
    """Match the lines of two messages; return the values of each line with the other's, which may be empty."""
    given, stored = [[_by_field_name(values) for values in each] for each in (lines, others)]
    return _pairs(given, stored, match_lines(_keys(given, document_type), _keys(stored, document_type)))


def _pairs(
    given: Sequence[Values], stored: Sequence[Values], matches: Sequence[int | None]
) -> list[tuple[Values, Values]]:
    return [(values, {} if match is None else stored[match]) for values, match in zip(given, matches, strict=True)]


def _keys(lines: Iterable[Values], document_type: DocumentType) -> list[LineKey]:
    return [line_key(values, is_numbered=document_type.numbered_items) for values in lines]


def update_lines(
    document: Any,
    document_type: DocumentType,
    matched: MatchedLines,
    using: str,
    *,
    whole: bool,
    kept_if_null: Collection[str] = (),
) -> PartChanges:
    """Update the lines of a document to those of a message.

    A key that can't be read deletes no row, and a message never takes away a part of a key or a status.

    Args:
        document: a saved row.
        document_type: its type.
        matched: the lines of the message with the stored ones.
        using: the alias of the database.
        whole: True if these are all lines, so that stored lines without a match are deleted.
        kept_if_null: further fields whose stored value a null does not erase.
    """
    result = PartChanges()
    kept_if_null = KEPT_IF_NULL.union(kept_if_null)
    stored, row_keys, keys = matched.rows, matched.row_keys, matched.keys
    labels, row_labels = _labels(keys), _labels(row_keys)
    new_rows, changed_rows, changed_fields = [], [], set()
    for position, (values, match) in enumerate(zip(matched.given, matched.matches, strict=True)):
        if match is None:
            new_rows.append(_line(document, document_type, position, values))
            result.changes[f"items[{labels[position]}]"] = (None, matched.lines[position])
            continue
        row = stored[match]
        written = {name: value for name, value in values.items() if value is not None or name not in kept_if_null}
        if row_keys[match].number == keys[position].number:
            written.pop("item_id", None)  # they differ by leading zeros at most
        changes = set_values(row, written)
        result.changes |= with_prefix(f"items[{row_labels[match]}]", changes)
        result.items.append((row, changes))
        to_save = changes.keys() | set_values(row, {"position": position}).keys()
        if to_save:
            changed_rows.append(row)
            changed_fields |= to_save
    kept = set(matched.matches)
    gone = {index: row for index, row in enumerate(stored) if index not in kept}
    rows = document_type.item_model.objects.using(using)
    if gone and whole:
        rows.filter(pk__in=[row.pk for row in gone.values()]).delete()
        result.changes |= {f"items[{row_labels[index]}]": (field_values(row), None) for index, row in gone.items()}
    if changed_rows:
        rows.bulk_update(changed_rows, sorted(changed_fields), batch_size=UPDATE_BATCH)
    insert(new_rows, using)
    return result


def _labels(keys: Sequence[LineKey]) -> list[str]:
    """Return a name for each line: `SKU/size`, and `SKU/size#2` for the second one of that name."""
    counts: Counter[str] = Counter()
    labels = []
    for key in keys:
        counts[key.label] += 1
        labels.append(key.label if counts[key.label] == 1 else f"{key.label}#{counts[key.label]}")
    return labels


def _line(document: Any, document_type: DocumentType, position: int, values: Values) -> Any:
    return document_type.item_model(position=position, **{f"{document_type.name}_id": document.pk}, **values)


def _by_field_name(values: Values) -> Values:
    """Return the values by the names of the model, where `id` is the primary key."""
    return {("item_id" if name == "id" else name): value for name, value in values.items()}


# ---------------------------------------------------------------- tracks


def create_track(document: Any, document_type: DocumentType, values: Values, using: str) -> Track:
    """Insert a track."""
    track = Track(**{document_type.name: document}, **values)
    insert([track], using)
    return track


def distinct_tracks(tracks: Iterable[Values]) -> list[Values]:
    """Return one track for each number; of several spellings, the first one."""
    by_number: dict[str, Values] = {}
    for track in tracks:
        by_number.setdefault(normalize_tracking_number(track["tracking_number"]), track)
    return list(by_number.values())


def find_track(document: Any, document_type: DocumentType, values: Values, using: str) -> Track | None:
    """Return the document's track with the same number, locked, in whatever spelling; None if there is none."""
    number = normalize_tracking_number(values["tracking_number"])
    owner = {document_type.name: document.pk}
    tracks = lock_rows(Track.objects.using(using).filter(**owner).order_by("pk"), owner)
    # compared here, since the databases differ in the upper case of letters outside of ASCII
    return next((track for track in tracks if normalize_tracking_number(track.tracking_number) == number), None)


def update_track(track: Track, values: Values, using: str) -> Changes:
    """Update the carrier and the link of a known number, which keeps its spelling."""
    changes = set_values(track, {name: value for name, value in values.items() if name != "tracking_number"})
    if changes:
        track.save(using=using, update_fields=list(changes))
    return with_prefix(f"tracks[{track.tracking_number}]", changes)
