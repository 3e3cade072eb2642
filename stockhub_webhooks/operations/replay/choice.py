"""The choice of messages for a replay."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message, Order
from stockhub_webhooks.models.message import MessageQuerySet
from stockhub_webhooks.models.numbers import stored_numbers
from stockhub_webhooks.operations.dates import parse_timestamp
from stockhub_webhooks.processing.apply import BY_TOPIC


@dataclass(frozen=True)
class Choice:
    """Conditions on messages; all of them must hold.

    Attributes:
        since: received then or later, aware.
        until: received before, aware.
        topic: what they speak of.
        order: the number of an order, Stock Hub's or our own; all that speaks of its documents.
        status: a `Message.Status`.
        ids: exactly these.
    """

    since: datetime | None = None
    until: datetime | None = None
    topic: str = ""
    order: str = ""
    status: str = ""
    ids: tuple[int, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether nothing bounds it: not a beginning, not an order, no messages named."""
        return not (self.since or self.order or self.ids)

    def as_json(self) -> dict[str, Any]:
        """Return the choice as a value for a JSON column."""
        said = {name: value for name, value in asdict(self).items() if value}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in said.items()}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Choice:
        """Return the choice that `as_json` wrote down."""
        read: dict[str, Any] = {name: datetime.fromisoformat(said[name]) for name in ("since", "until") if name in said}
        return cls(**{**said, **read, "ids": tuple(said.get("ids", ()))})

    def messages(self) -> MessageQuerySet:
        """Return the messages, in the order in which they came in."""
        rows = Message.objects.using(database_alias()).order_by("received_at", "pk")
        if self.since:
            rows = rows.filter(received_at__gte=self.since)
        if self.until:
            rows = rows.filter(received_at__lt=self.until)
        if self.topic:
            rows = rows.filter(Q(topic=self.topic) | Q(topic="", url_topic=self.topic))
        if self.status:
            rows = rows.filter(status=self.status)
        if self.ids:
            rows = rows.filter(pk__in=self.ids)
        return rows.filter(_about(self.order)) if self.order else rows


def _about(number: str) -> Q:
    """Return the condition for messages about an order and its documents, looked up first so that an index is used."""
    wanted = Q(pk__in=[])
    numbers = stored_numbers(number, ("increment_id", "po_number"))
    for topic, kind in BY_TOPIC.items():
        own = "" if kind.model is Order else "order__"
        rows = kind.model.objects.using(database_alias())
        found = rows.filter(Q(**{f"{own}increment_id__in": numbers}) | Q(**{f"{own}po_number__in": numbers}))
        for account, document in found.values_list("account", "increment_id"):
            wanted |= Q(topic=topic, account=account, increment_id=document)
    return wanted


def since_and_until(since: str, until: str) -> tuple[datetime | None, datetime | None]:
    """From and to as a person writes them; a day as the end is that whole day.

    Raises:
        ValueError: one is neither a day nor a time, or they are the wrong way round.
    """
    begin = parse_timestamp(since) if since else None
    end = parse_timestamp(until, end_of_day=True) if until else None
    if begin and end and end <= begin:
        raise ValueError(f"{until!r} is not after {since!r}")
    return begin, end
