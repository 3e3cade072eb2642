"""One message being applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stockhub_webhooks.db import statements
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.writes import insert, save
from stockhub_webhooks.models import Document, Event, Message, Order, Shipment
from stockhub_webhooks.processing.apply import parts
from stockhub_webhooks.processing.apply.changes import Changes, differences, to_json_value
from stockhub_webhooks.processing.apply.document_types import BY_TOPIC
from stockhub_webhooks.serializers import ParsedMessage


@dataclass
class Applied:
    """The result of applying a message: the document, a `Message.Outcome`, and the unsaved events in their sequence."""

    document: Document
    outcome: str
    events: list[Event] = field(default_factory=list)


def apply(reading: ParsedMessage, message: Message) -> Applied:
    """Bring the rows up to what the message says, if it is newer than what we have.

    Runs in a transaction of the caller (`pipeline` opens it), locks the order's row alone, and writes the difference
    between the message and the stored rows.

    Raises:
        django.db.Error: the database would not; nothing may be kept of this attempt.
    """
    return _Application(reading, message).run()


class _Application:
    """What the message says, what is there, and what has changed so far."""

    def __init__(self, reading: ParsedMessage, message: Message) -> None:
        self.reading = reading
        self.message = message
        self.kind = BY_TOPIC[reading.topic]
        self.using = database_alias()
        self.order: Order | None = None
        self.document: Any = None
        self.changes: Changes = {}
        self.events: list[Event] = []

    def run(self) -> Applied:
        self.find()
        if self.document is None or self.is_filling_a_stub():
            return self.create()
        if self.is_stale():
            return self.leave_as_stale()
        if self.document.reading_digest == self.reading.digest and not self.message.is_replay:
            return self.leave_unchanged()
        return self.update()

    # ------------------------------------------------------------ finding, under the order's lock

    def find(self) -> None:
        is_order = self.kind.model is Order
        number = self.reading.increment_id if is_order else self.reading.order_increment_id
        if number:
            self.order = self.locked(Order, increment_id=number)
        if is_order:
            self.document = self.order
            return
        if number and self.order is None:
            self.order = Order(account=self.message.account, increment_id=number, po_number=self.reading.po_number)
            insert([self.order], self.using)
        elif self.order and self.order.is_stub and self.reading.po_number and not self.order.po_number:
            self.order.po_number = self.reading.po_number
            self.order.save(using=self.using, update_fields=["po_number"])
        self.document = self.locked_document()

    def locked(self, model: type[Any], **number: Any) -> Any:
        """The row, held until the transaction ends; alone, for PostgreSQL locks no nullable joins."""
        return statements.locked(model, self.using, account=self.message.account, **number)

    def locked_document(self) -> Any:
        """The child's row. Its order's lock holds it, which may be another order than the message names."""
        rows = self.kind.model.objects.using(self.using)
        held = {self.order.pk} if self.order else set()
        while True:
            document = rows.filter(account=self.message.account, increment_id=self.reading.increment_id).first()
            if document is None or document.order_id in held:
                return document
            if document.order_id is None:
                return self.locked(self.kind.model, increment_id=self.reading.increment_id)
            held.add(document.order_id)
            self.locked(Order, id=document.order_id)

    def is_filling_a_stub(self) -> bool:
        return self.kind.model is Order and bool(self.document.is_stub)

    def is_stale(self) -> bool:
        """The greater `updated_at` is the newer; where they are equal or one is missing, the later received."""
        ours: datetime | None = getattr(self.document, "updated_at", None)
        theirs = self.reading.updated_at
        if ours and theirs and ours != theirs:
            return theirs < ours
        if self.message.received_at == self.document.received_at:
            return self.is_of_a_later_message()
        return bool(self.document.received_at and self.message.received_at < self.document.received_at)

    def is_of_a_later_message(self) -> bool:
        """Received at the very same time, as a clock that was set back may tell it: the later stored is the newer."""
        same_moment = Message.objects.using(self.using).filter(
            account=self.message.account,
            topic=self.reading.topic,
            increment_id=self.reading.increment_id,
            received_at=self.message.received_at,
        )
        applied = same_moment.filter(status=Message.Status.APPLIED).exclude(outcome=Message.Outcome.STALE)
        return applied.filter(pk__gt=self.message.pk).exists()

    # ------------------------------------------------------------ the four outcomes

    def create(self) -> Applied:
        if self.document is None:
            self.document = self.kind.model(account=self.message.account, increment_id=self.reading.increment_id)
        document, reading = self.document, self.reading
        if self.kind.model is not Order:
            document.order = self.order
        differences(document, self.wanted())
        parts.create_addresses(document, reading.addresses, self.using)
        self.stamp()
        if document.pk is None:
            insert([document], self.using)
        else:
            document.save(using=self.using)
        parts.create_lines(document, self.kind, reading.lines or (), self.using)
        values: Changes = {name: (None, value) for name, value in reading.fields.items() if value is not None}
        self.note(f"{self.kind.name}.created", document.pk, values)
        for track in self.wanted_tracks():
            self.add_track(track)
        if isinstance(document, Shipment) and document.is_delivered:
            self.note_delivered()
        return Applied(document, Message.Outcome.CREATED, self.events)

    def leave_as_stale(self) -> Applied:
        """It may add a track, nothing else."""
        for track in self.wanted_tracks():
            if not parts.find_track(self.document, self.kind, track, self.using):
                self.add_track(track)
        return Applied(self.document, Message.Outcome.STALE, self.events)

    def leave_unchanged(self) -> Applied:
        save(self.document, self.stamp(), self.using)
        return Applied(self.document, Message.Outcome.UNCHANGED)

    def update(self) -> Applied:
        document, reading = self.document, self.reading
        was_delivered = isinstance(document, Shipment) and document.is_delivered
        self.changes |= differences(document, self.wanted())
        written = [*self.changes, *self.move_to_order(), *self.stamp()]
        addresses = parts.update_addresses(document, reading.addresses, self.using)
        self.changes |= addresses.changes
        document.save(using=self.using, update_fields=[*written, *addresses.written])
        lines = parts.PartChanges()
        if reading.lines is not None:
            lines = parts.update_lines(document, self.kind, reading.lines, self.using, whole=not reading.lines_left_out)
        self.changes |= lines.changes
        for track in self.wanted_tracks():
            self.update_track(track)
        if not self.changes:
            return Applied(document, Message.Outcome.UNCHANGED)
        self.note_changes(lines, was_delivered)
        return Applied(document, Message.Outcome.UPDATED, self.events)

    # ------------------------------------------------------------ the document's own fields

    def wanted(self) -> dict[str, Any]:
        """The values to have; a null never erases the shop's own reference."""
        own = {"po_number": self.reading.po_number} if self.reading.po_number else {}
        return self.reading.fields | own

    def stamp(self) -> list[str]:
        """Remember which message this state is from; the names of what was written."""
        document = self.document
        document.received_at = self.message.received_at
        document.reading_digest = self.reading.digest
        written = ["received_at", "reading_digest"]
        if self.reading.updated_at:  # only documents that have the field are told one
            document.updated_at = self.reading.updated_at
            written.append("updated_at")
        return written

    def move_to_order(self) -> list[str]:
        """Hang the document under the order that the message names; the names of what was written."""
        document, order = self.document, self.order
        if order is None or self.kind.model is Order or document.order_id == order.pk:
            return []
        former = Order.objects.using(self.using).filter(pk=document.order_id).first()
        self.changes["order_increment_id"] = (former.increment_id if former else None, order.increment_id)
        document.order = order
        return ["order"]

    # ------------------------------------------------------------ tracks accumulate

    def wanted_tracks(self) -> list[dict[str, Any]]:
        return self.reading.tracks if self.kind.has_tracks else []

    def add_track(self, wanted: dict[str, Any]) -> None:
        number = wanted["tracking_number"]
        track = parts.create_track(self.document, self.kind, wanted, self.using)
        self.changes[f"tracks[{number}]"] = (None, wanted)
        self.note("track.added", track.pk, {"tracking_number": (None, number)})

    def update_track(self, wanted: dict[str, Any]) -> None:
        track = parts.find_track(self.document, self.kind, wanted, self.using)
        if track is None:
            self.add_track(wanted)
        else:
            self.changes |= parts.update_track(track, wanted, self.using)

    # ------------------------------------------------------------ events

    def note_changes(self, lines: parts.PartChanges, was_delivered: bool) -> None:
        """The specific ones first, then one with all changes."""
        document, name = self.document, self.kind.name
        for item, changed in lines.items:
            if self.kind.numbered_items and "status" in changed:
                self.note(f"{name}_item.status_changed", item.pk, {"status": changed["status"]})
        if self.kind.has_status and "status" in self.changes:
            self.note(f"{name}.status_changed", document.pk, {"status": self.changes["status"]})
        if isinstance(document, Shipment) and document.is_delivered and not was_delivered:
            former = Event.objects.using(self.using).filter(type="shipment.delivered", subject_id=document.pk)
            if not former.exists():
                self.note_delivered()
        if self.kind.has_update_events:
            self.note(f"{name}.updated", document.pk, self.changes)

    def note_delivered(self) -> None:
        at = self.document.delivered_at
        self.note("shipment.delivered", self.document.pk, {"delivered_at": (None, at)} if at else {}, at)

    def note(self, kind: str, subject_id: int, changes: Changes, occurred_at: datetime | None = None) -> None:
        document, message, order = self.document, self.message, self.order
        event = Event(
            type=kind,
            account=message.account,
            order_id=document.pk if self.kind.model is Order else document.order_id,
            message=message,
            subject_id=subject_id,
            increment_id=document.increment_id,
            po_number=document.po_number or (order.po_number if order else None),
            changes={name: [to_json_value(old), to_json_value(new)] for name, (old, new) in changes.items()},
            occurred_at=occurred_at or self.reading.updated_at or message.received_at,
            is_replay=message.is_replay,
        )
        self.events.append(event)
