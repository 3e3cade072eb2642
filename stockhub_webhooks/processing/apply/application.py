"""Apply one message: create, update or leave its document, and list the events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.writes import insert, save
from stockhub_webhooks.delivery import host_orders
from stockhub_webhooks.models import Document, Event, Message, Order, Shipment
from stockhub_webhooks.models.message import OUTDATED_RETURN
from stockhub_webhooks.processing.apply import delivery_dates, parts, precedence
from stockhub_webhooks.processing.apply.changes import Changes, set_values
from stockhub_webhooks.processing.apply.document_types import BY_TOPIC
from stockhub_webhooks.processing.apply.erased import without_personal_data
from stockhub_webhooks.processing.apply.events import DELIVERED, delivered_changes, new_event, purchase_events
from stockhub_webhooks.processing.apply.loading import load
from stockhub_webhooks.processing.apply.progress import Progress, compare_progress
from stockhub_webhooks.serializers import BodyNote, ParsedMessage
from stockhub_webhooks.serializers.extra import merged_extra


@dataclass
class Applied:
    """Result of applying a message.

    Attributes:
        document: the stored document.
        outcome: a `Message.Outcome`.
        events: the events, unsaved and in order.
        notes: notes that only the comparison with the stored document gives.
        is_erased: True if the order was erased: nothing personal of the message was stored.
    """

    document: Document
    outcome: str
    events: list[Event] = field(default_factory=list)
    notes: list[BodyNote] = field(default_factory=list)
    is_erased: bool = False


def apply(parsed: ParsedMessage, message: Message) -> Applied:
    """Write the difference between the message and the stored rows, if the message is the newer one.

    Runs in the caller's transaction, which must begin with a write or a lock. Locks the order, then the document with
    its lines, addresses and tracks. A row that another transaction holds is not waited for.

    Raises:
        OrderLocked: another transaction holds a row.
        django.db.Error: the database failed; the caller must roll the transaction back.
    """
    return _Application(parsed, message).run()


def apply_outdated(parsed: ParsedMessage, message: Message) -> Applied:
    """Apply a message about a return even if it is outdated, since a person has asked for it.

    Messages of other topics have an `updated_at` that shows which one is the newer: they are applied as by `apply`.
    """
    application = _Application(parsed, message)
    application.accepts_outdated = bool(application.document_type.progress_fields)
    return application.run()


class _Application:
    """A message while it is applied: the stored rows, and the changes and events so far."""

    def __init__(self, parsed: ParsedMessage, message: Message) -> None:
        self.parsed = parsed
        self.message = message
        self.document_type = BY_TOPIC[parsed.topic]
        self.using = database_alias()
        self.order: Order | None = None
        self.left_order: Order | None = None  # that the document belonged to before this message
        self.document: Any = None
        self.accepts_outdated = False
        self.progress = Progress()
        self.changes: Changes = {}
        self.events: list[Event] = []
        self.notes: list[BodyNote] = []

    def run(self) -> Applied:
        """Apply the message, without personal data if its order was erased."""
        self.order, self.document, order_changes = load(self.parsed, self.message, self.document_type, self.using)
        if self.order and order_changes and not self.order.is_stub:
            self.add_event("order.updated", self.order.pk, order_changes, document=self.order)
        owner = self.order or self.document
        known_number = None if order_changes else owner and owner.po_number
        is_erased = self.is_erased()
        if is_erased:
            self.parsed = without_personal_data(self.parsed, self.document_type.model)
        applied = self.write()
        applied.is_erased = is_erased
        if owner and owner.po_number != known_number:
            host_orders.note_number(owner)
        applied.events += purchase_events(applied.events, self.left_order)  # after all others
        return applied

    def write(self) -> Applied:
        """Create, update or leave the document."""
        if self.document is None or self.is_filling_a_stub():
            return self.create()
        if self.is_stale():
            if not self.accepts_outdated:
                return self.leave_as_stale()
            self.notes.append(BodyNote("", "applied_outdated"))
        if self.is_duplicate() and not self.message.is_replay:
            return self.leave_unchanged()
        return self.update()

    # ------------------------------------------------------------ comparison with the stored state

    def is_erased(self) -> bool:
        """Return True if the personal data of the order was erased, or of a payment request that names no order."""
        owner = self.order or self.document
        return owner is not None and owner.erased_at is not None

    def is_filling_a_stub(self) -> bool:
        """Return True if the message is the order itself, and only its stub is stored."""
        return self.document_type.model is Order and bool(self.document.is_stub)

    def is_duplicate(self) -> bool:
        """Return True if the document's state comes from a message with the same content."""
        digest = self.parsed.digest  # "" if the order was erased
        return bool(digest) and bool(self.document.reading_digest == digest)

    def is_stale(self) -> bool:
        """Return True if the document's state is newer: by its times, or, for a return, by its progress."""
        is_older = precedence.is_older(self.document, self.parsed, self.message, self.using)
        if not self.document_type.progress_fields or self.is_duplicate():
            return is_older
        lines = self.matched_lines.pairs() if self.matched_lines else []
        progress = compare_progress(self.document_type, self.parsed.fields, vars(self.document), lines)
        if is_older:
            may_be_newer = progress.is_further and not progress.nulled
            return not may_be_newer or not precedence.was_overtaken(
                self.document, self.parsed, self.document_type, self.using
            )
        self.progress = progress
        return progress.is_outdated

    @cached_property
    def matched_lines(self) -> parts.MatchedLines | None:
        """The lines of the message with the stored ones; None if the message says nothing about lines."""
        if self.parsed.lines is None:
            return None
        return parts.match_stored_lines(self.document, self.document_type, self.parsed.lines, self.using)

    def is_copy(self) -> bool:
        """Return True for a duplicate with the same `updated_at`: of copies sent at once, any may be applied first."""
        return self.is_duplicate() and self.parsed.updated_at in (None, getattr(self.document, "updated_at", None))

    # ------------------------------------------------------------ the four outcomes

    def create(self) -> Applied:
        """Insert the document, or fill the stub of an order."""
        if self.document is None:
            self.document = self.document_type.model(
                account=self.message.account, increment_id=self.parsed.increment_id
            )
        document, parsed = self.document, self.parsed
        if self.document_type.model is not Order:
            document.order = self.order
        written = list(set_values(document, self.values()))
        parts.create_addresses(document, parsed.addresses, self.using)
        written += [*parsed.addresses, *self.stamp(), *delivery_dates.set_due(self.document, self.message)]
        if document.pk is None:
            insert([document], self.using)
        else:
            document.save(using=self.using, update_fields=written)
        parts.create_lines(document, self.document_type, parsed.lines or (), self.using)
        values: Changes = {name: (None, value) for name, value in parsed.fields.items() if value is not None}
        self.add_event(f"{self.document_type.name}.created", document.pk, values)
        for track in self.tracks():
            self.add_track(track)
        if isinstance(document, Shipment) and document.is_delivered:
            self.add_delivered_event()
        return Applied(document, Message.Outcome.CREATED, self.events)

    def leave_as_stale(self) -> Applied:
        """Keep the document as it is; an older message may only add a track."""
        for track in self.tracks():
            if not parts.find_track(self.document, self.document_type, track, self.using):
                self.add_track(track)
        notes = [BodyNote(path, OUTDATED_RETURN) for path in self.progress.nulled[:1]]
        outcome = Message.Outcome.UNCHANGED if self.is_copy() else Message.Outcome.STALE
        return Applied(self.document, outcome, self.events, notes)

    def leave_unchanged(self) -> Applied:
        """Write only the time of receipt of the state, which later messages are compared with."""
        save(self.document, [*self.stamp(), *delivery_dates.set_due(self.document, self.message)], self.using)
        return Applied(self.document, Message.Outcome.UNCHANGED, self.events)

    def update(self) -> Applied:
        """Write what differs: values of the document, addresses, lines and tracks."""
        document, parsed = self.document, self.parsed
        was_delivered = delivery_dates.was_recorded(document, self.message)
        self.changes |= set_values(document, self.values())
        written = [
            *self.changes,
            *self.move_to_order(),
            *self.stamp(),
            *delivery_dates.set_due(self.document, self.message),
        ]
        addresses = parts.update_addresses(document, parsed.addresses, self.using)
        self.changes |= addresses.changes
        document.save(using=self.using, update_fields=[*written, *addresses.written])
        lines = parts.PartChanges()
        if self.matched_lines:
            lines = parts.update_lines(
                document,
                self.document_type,
                self.matched_lines,
                self.using,
                whole=not parsed.lines_left_out,
                kept_if_null=() if self.accepts_outdated else self.document_type.item_progress_fields,
            )
        self.changes |= lines.changes
        for track in self.tracks():
            self.update_track(track)
        if not self.accepts_outdated:
            self.notes += [BodyNote(path, "already_known") for path in self.progress.nulled]
        if not self.changes:
            return Applied(document, Message.Outcome.UNCHANGED, self.events, self.notes)
        self.add_update_events(lines, was_delivered)
        return Applied(document, Message.Outcome.UPDATED, self.events, self.notes)

    # ------------------------------------------------------------ the document's own fields

    def values(self) -> dict[str, Any]:
        """Return the document's own values, without the nulls that erase nothing."""
        po_number = {"po_number": self.parsed.po_number} if self.parsed.po_number else {}
        fields = self.parsed.fields
        if not self.accepts_outdated:
            kept_if_null = self.document_type.progress_fields
            fields = {name: value for name, value in fields.items() if value is not None or name not in kept_if_null}
        return fields | po_number

    def stamp(self) -> list[str]:
        """Set the fields that say which message the state comes from, and the unknown ones; return their names."""
        document = self.document
        if not (self.accepts_outdated and document.received_at and document.received_at > self.message.received_at):
            document.received_at = self.message.received_at
        document.reading_digest = self.parsed.digest
        written = ["received_at", "reading_digest"]
        if self.parsed.updated_at:  # not every type of document has the field
            document.updated_at = self.parsed.updated_at
            written.append("updated_at")
        if self.parsed.extra:
            document.extra = merged_extra(document.extra, self.parsed.extra)
            written.append("extra")
        return written

    def move_to_order(self) -> list[str]:
        """Assign the document to the order that the message names; return the names of the changed fields."""
        document, order = self.document, self.order
        if order is None or self.document_type.model is Order or document.order_id == order.pk:
            return []
        old_order = Order.objects.using(self.using).filter(pk=document.order_id).first()
        self.changes["order_increment_id"] = (old_order.increment_id if old_order else None, order.increment_id)
        self.left_order = old_order
        document.order = order
        return ["order"]

    # ------------------------------------------------------------ tracks, which are never removed

    def tracks(self) -> list[dict[str, Any]]:
        """Return the tracks of the message; none if documents of its topic have no tracks."""
        return parts.distinct_tracks(self.parsed.tracks) if self.document_type.has_tracks else []

    def add_track(self, values: dict[str, Any]) -> None:
        number = values["tracking_number"]
        track = parts.create_track(self.document, self.document_type, values, self.using)
        self.changes[f"tracks[{number}]"] = (None, values)
        self.add_event("track.added", track.pk, {"tracking_number": (None, number)})

    def update_track(self, values: dict[str, Any]) -> None:
        track = parts.find_track(self.document, self.document_type, values, self.using)
        if track is None:
            self.add_track(values)
        else:
            self.changes |= parts.update_track(track, values, self.using)

    # ------------------------------------------------------------ events

    def add_update_events(self, lines: parts.PartChanges, was_delivered: bool) -> None:
        """Add the specific events first, then one with all changes."""
        document, name = self.document, self.document_type.name
        for item, changed in lines.items:
            if self.document_type.numbered_items and "status" in changed:
                self.add_event(f"{name}_item.status_changed", item.pk, {"status": changed["status"]})
        if self.document_type.has_status and "status" in self.changes:
            self.add_event(f"{name}.status_changed", document.pk, {"status": self.changes["status"]})
        if isinstance(document, Shipment) and document.is_delivered and not was_delivered:
            earlier = Event.objects.using(self.using).filter(type=DELIVERED, subject_id=document.pk)
            if not earlier.exists():
                self.add_delivered_event()
        if self.document_type.has_update_events:
            self.add_event(f"{name}.updated", document.pk, self.changes)

    def add_delivered_event(self) -> None:
        shipment = self.document
        self.add_event(DELIVERED, shipment.pk, delivered_changes(shipment), shipment.delivered_at)

    def add_event(
        self,
        event_type: str,
        subject_id: int,
        changes: Changes,
        occurred_at: datetime | None = None,
        document: Document | None = None,
    ) -> None:
        event = new_event(
            event_type,
            subject_id,
            changes,
            document=document or self.document,
            order=self.order,
            message=self.message,
            occurred_at=occurred_at or self.parsed.updated_at,
        )
        event.is_replay = self.message.is_replay
        self.events.append(event)
