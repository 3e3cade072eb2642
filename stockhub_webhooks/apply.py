"""From what a message says to rows: newer wins, older is kept and labelled, the same is silent.

`apply` belongs into a transaction (`pipeline` opens it). It takes one lock, the order's, compares what it
reads with what is there, writes the difference, and returns the events in it, unsaved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connections, models

from stockhub_webhooks import topics
from stockhub_webhooks.models import (
    RMA,
    Address,
    CreditMemo,
    CreditMemoItem,
    Document,
    Event,
    Invoice,
    InvoiceItem,
    Message,
    Order,
    OrderItem,
    PaymentRequest,
    PaymentRequestItem,
    RMAItem,
    Shipment,
    ShipmentItem,
    Track,
)
from stockhub_webhooks.models.database import alias
from stockhub_webhooks.serializers import Reading

Changes = dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Kind:
    """How the documents of one topic are kept."""

    name: str  # as in event types: "<name>.created"
    model: type[Any]
    item_model: type[Any]
    parent: str  # the item's foreign key to the document, which is also a track's
    has_status: bool = False
    has_tracks: bool = False
    has_updates: bool = True
    numbered_items: bool = False  # items are known by their `id`, not by what they are


BY_TOPIC: dict[str, Kind] = {
    topics.ORDER: Kind("order", Order, OrderItem, "order", has_status=True),
    topics.SHIPMENT: Kind("shipment", Shipment, ShipmentItem, "shipment", has_status=True, has_tracks=True),
    topics.INVOICE: Kind("invoice", Invoice, InvoiceItem, "invoice"),
    topics.RMA: Kind("rma", RMA, RMAItem, "rma", has_status=True, has_tracks=True, numbered_items=True),
    topics.CREDIT_MEMO: Kind("credit_memo", CreditMemo, CreditMemoItem, "credit_memo"),
    topics.PAYMENT_REQUEST: Kind(
        "payment_request", PaymentRequest, PaymentRequestItem, "payment_request", has_updates=False
    ),
}


@dataclass
class Applied:
    """What became of a reading: the document's row, an `Outcome`, and the events, in the order to tell them."""

    document: Document
    outcome: str
    events: list[Event] = field(default_factory=list)


def apply(reading: Reading, message: Message) -> Applied:
    """Bring the rows up to what the message says, if it is newer than what we have.

    Raises:
        django.db.Error: the database would not; nothing may be kept of this attempt.
    """
    return _Application(reading, message).run()


class _Application:
    """One message being applied: what it says, what is there, and what has changed so far."""

    def __init__(self, reading: Reading, message: Message) -> None:
        self.reading = reading
        self.message = message
        self.kind = BY_TOPIC[reading.topic]
        self.using = alias()
        self.order: Order | None = None
        self.document: Any = None
        self.changes: Changes = {}
        self.milestones: list[Event] = []

    def run(self) -> Applied:
        self.find()
        if self.document is None or self.is_filling_a_stub():
            return self.create()
        if self.is_stale():
            self.add_track(only_new=True)
            return Applied(self.document, Message.Outcome.STALE, self.milestones)
        if self.document.reading_digest == self.reading.digest and not self.message.is_replay:
            return self.leave()
        return self.update()

    # ------------------------------------------------------------ finding, under the order's lock

    def find(self) -> None:
        number = self.reading.increment_id if self.kind.model is Order else self.reading.order_increment_id
        if number:
            self.order = self.locked(Order, increment_id=number)
        if self.kind.model is Order:
            self.document = self.order
            return
        if number and self.order is None:
            self.order = Order(account=self.message.account, increment_id=number, po_number=self.reading.po_number)
            self.order.save(using=self.using, force_insert=True)
        elif self.order and self.order.is_stub and self.reading.po_number and not self.order.po_number:
            self.order.po_number = self.reading.po_number
            self.order.save(using=self.using, update_fields=["po_number"])
        self.document = self.locked_document()

    def locked(self, model: type[Any], **number: Any) -> Any:
        """The row, held until the transaction ends; alone, for PostgreSQL locks no nullable joins."""
        rows = model.objects.using(self.using).select_for_update()
        return rows.filter(account=self.message.account, **number).first()

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
            self.locked(Order, pk=document.order_id)

    def is_filling_a_stub(self) -> bool:
        return self.kind.model is Order and bool(self.document.is_stub)

    def is_stale(self) -> bool:
        """The greater `updated_at` is the newer; where they are equal or one is missing, the later received."""
        ours: datetime | None = getattr(self.document, "updated_at", None)
        theirs = self.reading.updated_at
        if ours and theirs and ours != theirs:
            return theirs < ours
        return bool(self.document.received_at and self.message.received_at < self.document.received_at)

    # ------------------------------------------------------------ the four outcomes

    def create(self) -> Applied:
        if self.document is None:
            self.document = self.kind.model(account=self.message.account, increment_id=self.reading.increment_id)
        document = self.document
        if self.kind.model is not Order:
            document.order = self.order
        for name, value in self.reading.fields.items():
            setattr(document, name, value)
        self.keep_po_number()
        addresses = {name: Address(**values) for name, values in self.reading.addresses.items() if values}
        insert(list(addresses.values()), self.using)
        for name, address in addresses.items():
            setattr(document, name, address)
        self.stamp()
        document.save(using=self.using)
        insert([self.item(position, values) for position, values in enumerate(self.reading.lines or ())], self.using)

        created: Changes = {name: (None, value) for name, value in self.reading.fields.items() if value is not None}
        events = [self.event(f"{self.kind.name}.created", document.pk, created)]
        self.add_track()
        if isinstance(document, Shipment) and document.is_delivered:
            self.milestones.append(self.delivered())
        return Applied(document, Message.Outcome.CREATED, events + self.milestones)

    def leave(self) -> Applied:
        self.document.save(using=self.using, update_fields=self.stamp())
        return Applied(self.document, Message.Outcome.UNCHANGED)

    def update(self) -> Applied:
        document = self.document
        was_delivered = isinstance(document, Shipment) and document.is_delivered
        written = self.update_fields() + self.update_addresses() + self.stamp()
        self.update_lines()
        self.add_track()
        document.save(using=self.using, update_fields=written)
        if not self.changes:
            return Applied(document, Message.Outcome.UNCHANGED)
        return Applied(document, Message.Outcome.UPDATED, self.update_events(was_delivered))

    def update_events(self, was_delivered: bool) -> list[Event]:
        """The specific ones first, then one with all changes."""
        events = list(self.milestones)
        if self.kind.has_status and "status" in self.changes:
            status = {"status": self.changes["status"]}
            events.append(self.event(f"{self.kind.name}.status_changed", self.document.pk, status))
        if isinstance(self.document, Shipment) and self.document.is_delivered and not was_delivered:
            told = Event.objects.using(self.using).filter(
                type="shipment.delivered", order_id=self.document.order_id, subject_id=self.document.pk
            )
            if not told.exists():
                events.append(self.delivered())
        if self.kind.has_updates:
            events.append(self.event(f"{self.kind.name}.updated", self.document.pk, self.changes))
        return events

    # ------------------------------------------------------------ the parts of a document

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

    def keep_po_number(self) -> None:
        """A null never erases the shop's own reference."""
        if self.reading.po_number:
            self.document.po_number = self.reading.po_number

    def update_fields(self) -> list[str]:
        document = self.document
        wanted = dict(self.reading.fields)
        if self.reading.po_number:
            wanted["po_number"] = self.reading.po_number
        changed = differences(document, wanted)
        self.changes.update(changed)
        written = list(changed)
        if self.order is not None and self.kind.model is not Order and document.order_id != self.order.pk:
            former = Order.objects.using(self.using).filter(pk=document.order_id).first()
            self.changes["order_increment_id"] = (former and former.increment_id, self.order.increment_id)
            document.order = self.order
            written.append("order")
        return written

    def update_addresses(self) -> list[str]:
        document, written, gone = self.document, [], []
        keys = [getattr(document, f"{name}_id") for name in self.reading.addresses]
        there = Address.objects.using(self.using).in_bulk([key for key in keys if key])
        for (name, wanted), key in zip(self.reading.addresses.items(), keys, strict=True):
            former = there.get(key)
            if former and wanted:
                changed = differences(former, wanted)
                if changed:
                    former.save(using=self.using, update_fields=list(changed))
                    self.changes.update({f"{name}.{field}": change for field, change in changed.items()})
            elif former or wanted:
                address = Address(**wanted) if wanted else None
                if address:
                    address.save(using=self.using, force_insert=True)
                setattr(document, name, address)
                written.append(name)
                gone += [former] if former else []
                self.changes[name] = (former and plain(former), wanted)
        if gone:
            document.save(using=self.using, update_fields=written)
            for address in gone:
                address.delete(using=self.using)
        return written

    def update_lines(self) -> None:
        """Lines of a message that names any are all there are; they match by what they are and their turn."""
        if self.reading.lines is None:
            return
        items = self.kind.item_model.objects.using(self.using)
        there = list(items.filter(**{self.kind.parent: self.document}).order_by("position", "pk"))
        former = dict(zip(self.labels([plain(item) for item in there]), there, strict=True))
        added: list[Any] = []
        touched: dict[str, list[Any]] = {}
        statuses: list[tuple[Any, tuple[Any, Any]]] = []
        for position, (label, values) in enumerate(
            zip(self.labels(self.reading.lines), self.reading.lines, strict=True)
        ):
            item = former.pop(label, None)
            if item is None:
                added.append(self.item(position, values))
                self.changes[f"items[{label}]"] = (None, values)
                continue
            changed = differences(item, self.item_values(values))
            self.changes.update({f"items[{label}].{name}": change for name, change in changed.items()})
            moved = differences(item, {"position": position})
            for name in {**changed, **moved}:
                touched.setdefault(name, []).append(item)
            if "status" in changed and isinstance(item, RMAItem):
                statuses.append((item, changed["status"]))
        if former:
            items.filter(pk__in=[item.pk for item in former.values()]).delete()
            self.changes.update({f"items[{label}]": (plain(item), None) for label, item in former.items()})
        if touched:
            rows = list({item.pk: item for rows in touched.values() for item in rows}.values())
            items.bulk_update(rows, sorted(touched))
        insert(added, self.using)
        self.milestones += [
            self.event("rma_item.status_changed", item.pk, {"status": change}) for item, change in statuses
        ]

    def labels(self, lines: Sequence[dict[str, Any]]) -> list[str]:
        """A name for each line that is the same in the next message: its number, else SKU, size and turn."""
        turns: Counter[str] = Counter()
        names = []
        for values in lines:
            number = (values.get("item_id") or values.get("id")) if self.kind.numbered_items else None
            name = number or "/".join(filter(None, (values.get("sku"), values.get("size")))) or "?"
            turns[name] += 1
            names.append(name if turns[name] == 1 else f"{name}#{turns[name]}")
        return names

    def item_values(self, values: dict[str, Any]) -> dict[str, Any]:
        """The line's values by our field names: Django keeps `id` for the primary key."""
        return {("item_id" if name == "id" else name): value for name, value in values.items()}

    def item(self, position: int, values: dict[str, Any]) -> Any:
        return self.kind.item_model(position=position, **{self.kind.parent: self.document}, **self.item_values(values))

    def add_track(self, *, only_new: bool = False) -> None:
        """Tracks accumulate: a new number joins, a known one may learn its carrier and link."""
        wanted = self.reading.track
        if not wanted or not self.kind.has_tracks:
            return
        number = wanted["tracking_number"]
        tracks = Track.objects.using(self.using).filter(**{self.kind.parent: self.document})
        track = tracks.filter(tracking_number=number).first()
        if track is None:
            track = Track(**{self.kind.parent: self.document}, **wanted)
            track.save(using=self.using, force_insert=True)
            self.changes[f"tracks[{number}]"] = (None, wanted)
            self.milestones.append(self.event("track.added", track.pk, {"tracking_number": (None, number)}))
        elif not only_new:
            changed = differences(track, wanted)
            if changed:
                track.save(using=self.using, update_fields=list(changed))
                self.changes.update({f"tracks[{number}].{name}": change for name, change in changed.items()})

    # ------------------------------------------------------------ events

    def delivered(self) -> Event:
        at = self.document.delivered_at
        event = self.event("shipment.delivered", self.document.pk, {"delivered_at": (None, at)} if at else {})
        event.occurred_at = at or event.occurred_at
        return event

    def event(self, kind: str, subject_id: int, changes: Changes) -> Event:
        document, message, order = self.document, self.message, self.order
        return Event(
            type=kind,
            account=message.account,
            order_id=document.pk if self.kind.model is Order else document.order_id,
            message=message,
            subject_id=subject_id,
            increment_id=document.increment_id,
            po_number=document.po_number or (order.po_number if order else None),
            changes={name: [told(old), told(new)] for name, (old, new) in changes.items()},
            occurred_at=self.reading.updated_at or message.received_at,
            is_replay=message.is_replay,
        )


def differences(row: models.Model, wanted: dict[str, Any]) -> Changes:
    """Write the wanted values onto the row, unsaved; field to its old and new value where they differ."""
    changes: Changes = {}
    for name, value in wanted.items():
        former = getattr(row, name)
        if former != value:
            setattr(row, name, value)
            changes[name] = (former, value)
    return changes


def plain(row: models.Model) -> dict[str, Any]:
    """The told values of an address or a line."""
    left_out = {"id", "position"}
    return {
        column.name: getattr(row, column.name)
        for column in row._meta.concrete_fields
        if column.name not in left_out and not column.is_relation
    }


def told(value: Any) -> Any:
    """A value as the event keeps it, in JSON: amounts by their digits, times in ISO 8601."""
    if isinstance(value, dict):
        return {name: told(part) for name, part in value.items() if part is not None}
    return value if value is None or isinstance(value, (str, int)) else _as_text(value)


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def insert(rows: Iterable[Any], using: str) -> None:
    """INSERT the rows in one statement where the database tells their keys, else one by one."""
    rows = list(rows)
    if not rows:
        return
    if connections[using].features.can_return_rows_from_bulk_insert:
        type(rows[0])._base_manager.using(using).bulk_create(rows)
        return
    for row in rows:
        row.save(using=using, force_insert=True)
