"""Apply one message: create, update or leave its document, and list the events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.writes import insert, save, select_for_update
from stockhub_webhooks.models import Document, Event, Message, Order, Shipment
from stockhub_webhooks.models.shipment import normalize_tracking_number
from stockhub_webhooks.processing.apply import parts
from stockhub_webhooks.processing.apply.changes import Changes, set_values, to_json_value
from stockhub_webhooks.processing.apply.document_types import BY_TOPIC
from stockhub_webhooks.serializers import ParsedMessage


@dataclass
class Applied:
    """Result of applying a message: the document, a `Message.Outcome`, and the events, unsaved and in order."""

    document: Document
    outcome: str
    events: list[Event] = field(default_factory=list)


def apply(reading: ParsedMessage, message: Message) -> Applied:
    """Write the difference between the message and the stored rows, if the message is the newer one.

    Runs in the caller's transaction, which must begin with a write or a lock. Locks only the order's row.

    Raises:
        django.db.Error: the database failed; the caller must roll the transaction back.
    """
    return _Application(reading, message).run()


class _Application:
    """A message while it is applied: the stored rows, and the changes and events so far."""

    def __init__(self, reading: ParsedMessage, message: Message) -> None:
        self.reading = reading
        self.message = message
        self.document_type = BY_TOPIC[reading.topic]
        self.using = database_alias()
        self.order: Order | None = None
        self.document: Any = None
        self.changes: Changes = {}
        self.events: list[Event] = []

    def run(self) -> Applied:
        self.load()
        if self.document is None or self.is_filling_a_stub():
            return self.create()
        if self.is_stale():
            return self.leave_as_stale()
        if self.document.reading_digest == self.reading.digest and not self.message.is_replay:
            return self.leave_unchanged()
        return self.update()

    # ------------------------------------------------------------ loading, under the order's lock

    def load(self) -> None:
        is_order = self.document_type.model is Order
        number = self.reading.increment_id if is_order else self.reading.order_increment_id
        if number:
            self.order = self.select_for_update(Order, increment_id=number)
        if is_order:
            self.document = self.order
            return
        if number and self.order is None:
            self.order = Order(account=self.message.account, increment_id=number, po_number=self.reading.po_number)
            insert([self.order], self.using)
        elif self.order and self.order.is_stub and self.reading.po_number and not self.order.po_number:
            self.order.po_number = self.reading.po_number
            self.order.save(using=self.using, update_fields=["po_number"])
        self.document = self.load_document()

    def select_for_update(self, model: type[Any], **number: Any) -> Any:
        return select_for_update(model, self.using, account=self.message.account, **number)

    def load_document(self) -> Any:
        """Return the stored child of an order. The lock of its order, perhaps another one than now named, covers it."""
        rows = self.document_type.model.objects.using(self.using)
        locked_orders = {self.order.pk} if self.order else set()
        # the document can move to another order until that order is locked, so it is read again after each lock
        while True:
            document = rows.filter(account=self.message.account, increment_id=self.reading.increment_id).first()
            if document is None or document.order_id in locked_orders:
                return document
            if document.order_id is None:
                return self.select_for_update(self.document_type.model, increment_id=self.reading.increment_id)
            locked_orders.add(document.order_id)
            self.select_for_update(Order, id=document.order_id)

    def is_filling_a_stub(self) -> bool:
        return self.document_type.model is Order and bool(self.document.is_stub)

    def is_stale(self) -> bool:
        """Return True if the document's state is newer: by `updated_at`, or if equal or missing, by `received_at`."""
        ours: datetime | None = getattr(self.document, "updated_at", None)
        theirs = self.reading.updated_at
        if ours and theirs and ours != theirs:
            return theirs < ours
        if self.message.received_at == self.document.received_at:
            return self.was_stored_first()
        return bool(self.document.received_at and self.message.received_at < self.document.received_at)

    def was_stored_first(self) -> bool:
        """Return True if a message with the same `received_at`, stored after this one, was applied already."""
        same_time = Message.objects.using(self.using).filter(
            account=self.message.account,
            topic=self.reading.topic,
            increment_id=self.reading.increment_id,
            received_at=self.message.received_at,
        )
        applied = same_time.filter(status=Message.Status.APPLIED).exclude(outcome=Message.Outcome.STALE)
        return applied.filter(pk__gt=self.message.pk).exists()

    # ------------------------------------------------------------ the four outcomes

    def create(self) -> Applied:
        if self.document is None:
            self.document = self.document_type.model(
                account=self.message.account, increment_id=self.reading.increment_id
            )
        document, reading = self.document, self.reading
        if self.document_type.model is not Order:
            document.order = self.order
        set_values(document, self.values())
        parts.create_addresses(document, reading.addresses, self.using)
        self.stamp()
        if document.pk is None:
            insert([document], self.using)
        else:
            document.save(using=self.using)
        parts.create_lines(document, self.document_type, reading.lines or (), self.using)
        values: Changes = {name: (None, value) for name, value in reading.fields.items() if value is not None}
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
        return Applied(self.document, Message.Outcome.STALE, self.events)

    def leave_unchanged(self) -> Applied:
        save(self.document, self.stamp(), self.using)
        return Applied(self.document, Message.Outcome.UNCHANGED)

    def update(self) -> Applied:
        document, reading = self.document, self.reading
        was_delivered = isinstance(document, Shipment) and document.was_delivered_at(
            document.received_at or self.message.received_at
        )
        self.changes |= set_values(document, self.values())
        written = [*self.changes, *self.move_to_order(), *self.stamp()]
        addresses = parts.update_addresses(document, reading.addresses, self.using)
        self.changes |= addresses.changes
        document.save(using=self.using, update_fields=[*written, *addresses.written])
        lines = parts.PartChanges()
        if reading.lines is not None:
            lines = parts.update_lines(
                document, self.document_type, reading.lines, self.using, whole=not reading.lines_left_out
            )
        self.changes |= lines.changes
        for track in self.tracks():
            self.update_track(track)
        if not self.changes:
            return Applied(document, Message.Outcome.UNCHANGED)
        self.add_update_events(lines, was_delivered)
        return Applied(document, Message.Outcome.UPDATED, self.events)

    # ------------------------------------------------------------ the document's own fields

    def values(self) -> dict[str, Any]:
        # a null never erases the shop's own number
        po_number = {"po_number": self.reading.po_number} if self.reading.po_number else {}
        return self.reading.fields | po_number

    def stamp(self) -> list[str]:
        """Set the fields that say which message the state comes from; return their names."""
        document = self.document
        document.received_at = self.message.received_at
        document.reading_digest = self.reading.digest
        written = ["received_at", "reading_digest"]
        if self.reading.updated_at:  # not every type of document has the field
            document.updated_at = self.reading.updated_at
            written.append("updated_at")
        return written

    def move_to_order(self) -> list[str]:
        """Assign the document to the order that the message names; return the names of the changed fields."""
        document, order = self.document, self.order
        if order is None or self.document_type.model is Order or document.order_id == order.pk:
            return []
        old_order = Order.objects.using(self.using).filter(pk=document.order_id).first()
        self.changes["order_increment_id"] = (old_order.increment_id if old_order else None, order.increment_id)
        document.order = order
        return ["order"]

    # ------------------------------------------------------------ tracks, which are never removed

    def tracks(self) -> list[dict[str, Any]]:
        """Return the tracks of the message, one for each number; of several spellings, the first one."""
        tracks = self.reading.tracks if self.document_type.has_tracks else []
        by_number: dict[str, dict[str, Any]] = {}
        for track in tracks:
            by_number.setdefault(normalize_tracking_number(track["tracking_number"]), track)
        return list(by_number.values())

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
            earlier = Event.objects.using(self.using).filter(type="shipment.delivered", subject_id=document.pk)
            if not earlier.exists():
                self.add_delivered_event()
        if self.document_type.has_update_events:
            self.add_event(f"{name}.updated", document.pk, self.changes)

    def add_delivered_event(self) -> None:
        delivered_at = self.document.delivered_at
        self.add_event(
            "shipment.delivered",
            self.document.pk,
            {"delivered_at": (None, delivered_at)} if delivered_at else {},
            delivered_at,
        )

    def add_event(
        self, event_type: str, subject_id: int, changes: Changes, occurred_at: datetime | None = None
    ) -> None:
        document, message, order = self.document, self.message, self.order
        event = Event(
            type=event_type,
            account=message.account,
            order_id=document.pk if self.document_type.model is Order else document.order_id,
            message=message,
            subject_id=subject_id,
            increment_id=document.increment_id,
            po_number=document.po_number or (order.po_number if order else None),
            changes={name: [to_json_value(old), to_json_value(new)] for name, (old, new) in changes.items()},
            occurred_at=occurred_at or self.reading.updated_at or message.received_at,
            is_replay=message.is_replay,
        )
        self.events.append(event)
