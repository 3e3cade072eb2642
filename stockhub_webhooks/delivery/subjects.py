"""Kinds of rows that events are about (`Event.subject_id`), and the arguments that receivers get for them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist

from stockhub_webhooks.db.selections import Selection
from stockhub_webhooks.models.credit_memo import CreditMemo, CreditMemoItem
from stockhub_webhooks.models.documents import Address
from stockhub_webhooks.models.invoice import Invoice, InvoiceItem
from stockhub_webhooks.models.ledger import Event
from stockhub_webhooks.models.order import Order, OrderItem
from stockhub_webhooks.models.payment_request import PaymentRequest, PaymentRequestItem
from stockhub_webhooks.models.personal import is_personal, personal_columns
from stockhub_webhooks.models.rma import RMA, RMAItem
from stockhub_webhooks.models.shipment import Shipment, ShipmentItem, Track
from stockhub_webhooks.models.worklists import WorklistRow

# "shipping_address.city", "items[SKU/size].qty", "tracks[number].carrier"
PART = re.compile(r"(?P<part>[a-z_]+)(?:\[.*\])?\.(?P<column>[a-z_]+)", re.DOTALL)
WHOLE_PART = re.compile(r"(?P<part>items|tracks)\[.*\]", re.DOTALL)  # a line or parcel that came or went

PURCHASE_CHANGED = "purchase.changed"  # follows the events of a message, and has no changes of its own


@dataclass(frozen=True)
class Subject:
    """A kind of row that events refer to."""

    name: str  # the part of the event type before the dot; also the receiver's keyword argument
    model: type[Any]
    parents: tuple[str, ...] = ()  # relations that are passed too; None if the row has none
    item_model: type[Any] | None = None  # of the lines in `Event.changes`

    def load(self, pk: int, using: str) -> Any:
        """Return the row as it is now, with its order; None if it is gone."""
        return next(iter(_selection(self, using).rows(pk)), None)

    def load_many(self, pks: Collection[int], using: str) -> dict[int, Any]:
        """Return the rows that exist, with their orders, by primary key."""
        rows = self.model._default_manager.using(using).filter(pk__in=pks)
        if self.related:  # without a name Django would join all relations
            rows = rows.select_related(*self.related)
        return {row.pk: row for row in rows}

    @property
    def related(self) -> list[str]:
        """The paths to the parents and the order."""
        if self.parents:
            return [path for parent in self.parents for path in (parent, f"{parent}__order")]
        return [] if self.model is Order else ["order"]

    def arguments(self, row: Any) -> dict[str, Any]:
        """Return the row under its own name, its parents, and the order."""
        parents = {parent: getattr(row, parent) for parent in self.parents}
        owner: Any = next(filter(None, parents.values()), row)
        order = row if self.model is Order else owner.order
        return {self.name: row, **parents, "order": order}

    def column(self, name: str) -> Any:
        """Return the model field behind a name in `Event.changes`, None if there is none."""
        part = PART.fullmatch(name)
        model = self._part_model(part["part"]) if part else self.model
        try:
            return model._meta.get_field(part["column"] if part else name) if model else None
        except FieldDoesNotExist:
            return None

    def is_personal(self, name: str) -> bool:
        """Return True if the values of a change may be personal data; those of an unknown name may be."""
        if name == "order_increment_id":  # the number of another row
            return False
        if whole := WHOLE_PART.fullmatch(name):
            model = self._part_model(whole["part"])
            return model is None or bool(personal_columns(model))
        column = self.column(name)
        return column is None or is_personal(column.model, column.name)

    def _part_model(self, part: str) -> Any:
        return {"items": self.item_model, "tracks": Track}.get(part, Address)


@dataclass(frozen=True)
class DeadlineSubject(Subject):
    """The row of a worklist: receivers get the document that it is about, and the rule."""

    def arguments(self, row: Any) -> dict[str, Any]:
        """Return the document as it is now, None if the row is about a number only; the rule, and the order."""
        return {"document": row.document, "rule": row.rule, "order": row.order}


@cache
def _selection(subject: Subject, using: str) -> Selection:
    return Selection(subject.model._default_manager.using(using).filter(pk=0), subject.related)


BY_NAME: dict[str, Subject] = {
    subject.name: subject
    for subject in (
        Subject("order", Order, item_model=OrderItem),
        Subject("shipment", Shipment, item_model=ShipmentItem),
        Subject("track", Track, ("shipment", "rma")),
        Subject("invoice", Invoice, item_model=InvoiceItem),
        Subject("rma", RMA, item_model=RMAItem),
        Subject("rma_item", RMAItem, ("rma",)),
        Subject("credit_memo", CreditMemo, item_model=CreditMemoItem),
        Subject("payment_request", PaymentRequest, item_model=PaymentRequestItem),
        DeadlineSubject("deadline", WorklistRow),
        Subject("purchase", Order),  # by its order; receivers get the purchase itself
    )
}


def subject_of(event: Event) -> Subject:
    """Return the subject of an event: the part of its type before the dot."""
    return BY_NAME[event.type.partition(".")[0]]
