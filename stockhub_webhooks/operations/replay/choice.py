"""The choice of messages for a replay."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message, Order
from stockhub_webhooks.models.message import MessageQuerySet
from stockhub_webhooks.models.numbers import of_number
from stockhub_webhooks.operations.dates import parse_timestamp
from stockhub_webhooks.processing.apply import BY_TOPIC

# dismissed messages are settled for good
REPLAYED_STATUSES = [pair for pair in Message.Status.choices if pair[0] != Message.Status.DISMISSED]


@dataclass(frozen=True)
class MessageChoice:
    """Conditions on messages; all of them must hold.

    Attributes:
        since: time of receipt or later, aware.
        until: received before this time, aware.
        topic: topic of the message.
        order: number of an order, Stock Hub's or the shop's; selects the messages about the order and its documents.
        status: a `Message.Status`.
        ids: primary keys.
        outdated: no condition: True to apply messages about returns even if they are outdated.
    """

    since: datetime | None = None
    until: datetime | None = None
    topic: str = ""
    order: str = ""
    status: str = ""
    ids: tuple[int, ...] = ()
    outdated: bool = False

    @property
    def is_open(self) -> bool:
        """True if the choice could select all messages: it has no beginning, no order and no keys."""
        return not (self.since or self.order or self.ids)

    def as_json(self) -> dict[str, Any]:
        """Return the choice as a value for a JSON column."""
        values = {name: value for name, value in asdict(self).items() if value}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> MessageChoice:
        """Return the choice from the value that `as_json` returned."""
        times: dict[str, Any] = {
            name: datetime.fromisoformat(values[name]) for name in ("since", "until") if name in values
        }
        return cls(**{**values, **times, "ids": tuple(values.get("ids", ()))})

    def messages(self) -> MessageQuerySet:
        """Return the messages, in the order in which they came in; dismissed ones are never processed again."""
        rows = Message.objects.using(database_alias()).exclude(status=Message.Status.DISMISSED)
        rows = rows.order_by("received_at", "pk")
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
    """Return a condition on messages: they are about an order or its documents; about tests only if none is real.

    The numbers of the documents are looked up first, so that the condition can use an index of messages.
    """
    documents: list[tuple[str, str, str]] = []
    for topic, document_type in BY_TOPIC.items():
        path = "" if document_type.model is Order else "order__"
        rows = document_type.model.objects.using(database_alias())
        numbered = rows.filter(of_number(number, (f"{path}increment_id", f"{path}po_number")))
        documents += [(topic, *each) for each in numbered.values_list("account", "increment_id")]
    real = [each for each in documents if each[1] != TEST_ACCOUNT]
    conditions = (Q(topic=topic, account=account, increment_id=number) for topic, account, number in real or documents)
    return reduce(or_, conditions, Q(pk__in=[]))


def since_and_until(since: str, until: str) -> tuple[datetime | None, datetime | None]:
    """Parse the beginning and the end of a period; "" is open. An end without a time includes the whole day.

    Raises:
        ValueError: a text is neither a day nor a time, or the end is not after the beginning.
    """
    begin = parse_timestamp(since) if since else None
    end = parse_timestamp(until, end_of_day=True) if until else None
    if begin and end and end <= begin:
        raise ValueError(f"{until!r} is not after {since!r}")
    return begin, end
