"""What happened, in a row: each message with the changes in it, and what our shop had to do for each change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Event, Message, ReceiverCall
from stockhub_webhooks.office.story.purchase import Purchase

SIZE = 50


class Entry(NamedTuple):
    """One message: when what it tells of happened (when it came in, if it changed nothing), and the changes in it."""

    message: Message
    at: datetime
    events: list[Event]


@dataclass(frozen=True)
class Tasks:
    """How far the tasks for our shop are: how many of each status, and the open and given up ones themselves."""

    counts: dict[str, int] = field(default_factory=dict)
    unfinished: list[ReceiverCall] = field(default_factory=list)

    @property
    def open(self) -> int:
        """Those that are not done and not given up."""
        return sum(self.counts.get(status, 0) for status in ReceiverCall.OPEN)

    @property
    def given_up(self) -> int:
        """Those that nobody will do unless somebody says so."""
        return self.counts.get(ReceiverCall.Status.GIVEN_UP, 0)


class Timeline:
    """The messages of a purchase, a page at a time: what lies on the other pages is not read."""

    def __init__(self, purchase: Purchase, *, newest_first: bool = True) -> None:
        self.purchase = purchase
        self.newest_first = newest_first

    def page(self, number: Any) -> Page[Message]:
        """One page of messages; the first for what is no number, the last for one beyond it."""
        return Paginator(self._messages(), SIZE).get_page(number)

    def entries(self, page: Page[Message]) -> list[Entry]:
        """What stands on that page."""
        messages: Any = page.object_list
        return [Entry(message, message.happened_at, list(message.events.all())) for message in messages]

    def _messages(self) -> QuerySet[Message]:
        calls = ReceiverCall.objects.using(database_alias()).order_by("pk")
        events = (
            Event.objects.using(database_alias()).order_by("pk").prefetch_related(Prefetch("receiver_calls", calls))
        )
        first = Event.objects.filter(message=OuterRef("pk")).order_by("occurred_at").values("occurred_at")[:1]
        rows = messages_of(self.purchase).annotate(happened_at=Coalesce(Subquery(first), "received_at"))
        way = "-" if self.newest_first else ""
        return rows.order_by(f"{way}happened_at", f"{way}pk").prefetch_related(Prefetch("events", events))


def messages_of(purchase: Purchase) -> QuerySet[Message]:
    """The messages that speak of its documents, without their bodies."""
    wanted = Q(pk__in=[])
    for topic, documents in purchase.by_topic:
        if documents:
            wanted |= Q(topic=topic, increment_id__in=[document.increment_id for document in documents])
    rows = Message.objects.using(database_alias()).filter(wanted, account=purchase.account)
    return rows.defer("body", "headers", "notes")


UNFINISHED = (*ReceiverCall.OPEN, ReceiverCall.Status.GIVEN_UP)
UNFINISHED_LIMIT = 50


def tasks_of(purchase: Purchase) -> Tasks:
    """What our shop has to do, and what of it is not done: the oldest `UNFINISHED_LIMIT`."""
    ours = Q(order__in=[order.pk for order in purchase.orders])
    calls = ReceiverCall.objects.using(database_alias()).filter(ours)
    counts = {row["status"]: row["number"] for row in calls.values("status").annotate(number=Count("pk")).order_by()}
    unfinished = calls.filter(status__in=UNFINISHED).select_related("event").order_by("pk")
    return Tasks(counts, list(unfinished[:UNFINISHED_LIMIT]))
