"""What an answer of a REST call would change, and the message that it becomes if it changes something."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.models import Message, Order, OrderAnswer
from stockhub_webhooks.operations.replay.preview import rolled_back
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import journal, kept_fields
from stockhub_webhooks.serializers.body import ASKED_NUMBER

if TYPE_CHECKING:  # httpx may not be installed
    from stockhub_webhooks.operations.reconcile.client import JsonAnswer

DIFFERENCES = (Message.Outcome.CREATED, Message.Outcome.UPDATED)


@dataclass(frozen=True)
class Difference:
    """What an answer changes.

    Attributes:
        outcome: a `Message.Outcome`; "" if the message was stored and is applied later.
        fields: the names of what differs.
    """

    outcome: str
    fields: list[str] = field(default_factory=list)


def take(answer: JsonAnswer, topic: str, account: str, *, po_number: str = "", keep: bool = True) -> Difference | None:
    """Store and apply an answer if it changes something; return what, or None if it changes nothing.

    It is applied and rolled back first. The message counts as received just before it was asked for, so that a webhook
    that arrived meanwhile is newer.

    Args:
        answer: an order or a return.
        topic: its topic.
        account: whose settings the call was made with.
        po_number: the shop's own order number that led to the order.
        keep: False to store nothing.

    Raises:
        Unreadable: the answer is no document of the topic.
        django.db.Error: nothing is stored.
    """
    message = partial(_message, answer, topic, account, po_number)
    result = rolled_back(lambda: pipeline.try_out(message()))
    if result.outcome not in DIFFERENCES and not result.events:
        return None
    fields = sorted({name for event in result.events for name in event.changes})
    if not keep:
        return Difference(result.outcome, fields)
    stored = message()
    journal.enter(stored, claim=uuid.uuid4())
    pipeline.process(stored)
    if stored.status == Message.Status.QUARANTINED:
        raise Unreadable("no_topic", stored.error)
    return Difference(stored.outcome, fields)


def _message(answer: JsonAnswer, topic: str, account: str, po_number: str) -> Message:
    headers = {"content-type": "application/json"}
    if po_number:
        headers[ASKED_NUMBER] = po_number[: kept_fields.HEADER_LIMIT]
    return Message(
        url_topic=topic,
        account=account,
        body=answer.body,
        headers=headers,
        source=Message.Source.PULL,
        received_at=answer.asked_at,
    )


# ---------------------------------------------------------------- what an answer says besides


def note_order(order: Order, answer: JsonAnswer) -> None:
    """Keep what an answer says of the order besides the order itself."""
    row = _row(order)
    row.asked_at, row.unknown_since = answer.asked_at, None
    since = order.updated_at or answer.asked_at
    for name, began in (("is_shipped", "shipped_since"), ("is_invoiced", "invoiced_since")):
        value = _flag(answer.data.get(name))
        if value is not None:
            setattr(row, name, value)
            setattr(row, began, (getattr(row, began) or since) if value else None)
    _save(row)


def note_unknown(order: Order, asked_at: datetime | None = None) -> None:
    """Keep that Stock Hub does not know the order, at least not yet."""
    row = _row(order)
    row.asked_at = asked_at or timezone.now()
    row.unknown_since = row.unknown_since or row.asked_at
    _save(row)


def _row(order: Order) -> OrderAnswer:
    return OrderAnswer.objects.using(database_alias()).filter(order=order).first() or OrderAnswer(order=order)


def _save(row: OrderAnswer) -> None:
    values = {column.attname: getattr(row, column.attname) for column in OrderAnswer._meta.concrete_fields}
    del values["order_id"]
    OrderAnswer.objects.using(database_alias()).update_or_create(order_id=row.order_id, defaults=values)


def _flag(value: Any) -> bool | None:
    """Return a boolean as Magento may write it; None for anything else."""
    known = {"true": True, "1": True, "false": False, "0": False}
    return known.get(str(value).lower())
