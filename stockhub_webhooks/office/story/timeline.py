"""Timeline of a purchase: its messages, with their events and receiver calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Event, Message, ReceiverCall, WorklistRow
from stockhub_webhooks.models.ledger import DEADLINE
from stockhub_webhooks.office.story.purchase import PurchaseStory
from stockhub_webhooks.purchases import order_keys

PAGE_SIZE = 50


class MessageEntry(NamedTuple):
    """Message with its events; `at` is the time of its first event, or of receipt if it changed nothing."""

    message: Message
    at: datetime
    events: list[Event]


class Span(NamedTuple):
    """A part of a timeline: later than `after`, and up to `until`; None leaves an end open."""

    after: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Tasks:
    """Number of receiver calls by status, with the oldest open and given-up calls."""

    counts: dict[str, int] = field(default_factory=dict)
    unfinished: list[ReceiverCall] = field(default_factory=list)

    @property
    def open(self) -> int:
        """Number of calls that are neither done nor given up."""
        return sum(self.counts.get(status, 0) for status in ReceiverCall.OPEN)

    @property
    def given_up(self) -> int:
        """Number of calls that only a manual retry can run again."""
        return self.counts.get(ReceiverCall.Status.GIVEN_UP, 0)


class Timeline:
    """Messages of a purchase, read one page at a time."""

    def __init__(self, purchase: PurchaseStory, *, newest_first: bool = True) -> None:
        self.purchase = purchase
        self.newest_first = newest_first

    def page(self, number: Any) -> Page[Message]:
        """Return a page; the first if `number` is invalid, the last if it is too high."""
        return Paginator(self._messages(), PAGE_SIZE).get_page(number)

    def entries(self, page: Page[Message]) -> list[MessageEntry]:
        """Return the entries of a page."""
        messages: Any = page.object_list
        return [MessageEntry(message, message.happened_at, list(message.events.all())) for message in messages]

    def span(self, page: Page[Message]) -> Span:
        """Return the time from the last message of the former page to the last one of this page.

        The spans of all pages cover all times: what is later or earlier than all messages is on the first or last page.
        """
        messages: Any = list(page.object_list)
        last = messages[-1].happened_at if page.has_next() else None
        former = None
        if page.has_previous():
            times: Any = page.paginator.object_list
            former = times.values_list("happened_at", flat=True)[page.start_index() - 2]
        return Span(after=last, until=former) if self.newest_first else Span(after=former, until=last)

    def _messages(self) -> QuerySet[Message]:
        calls = ReceiverCall.objects.using(database_alias()).order_by("pk")
        events = (
            Event.objects.using(database_alias()).order_by("pk").prefetch_related(Prefetch("receiver_calls", calls))
        )
        first = Event.objects.filter(message=OuterRef("pk")).order_by("occurred_at").values("occurred_at")[:1]
        rows = messages_of(self.purchase).annotate(happened_at=Coalesce(Subquery(first), "received_at"))
        sign = "-" if self.newest_first else ""
        return rows.order_by(f"{sign}happened_at", f"{sign}pk").prefetch_related(Prefetch("events", events))


def messages_of(purchase: PurchaseStory) -> QuerySet[Message]:
    """Return the messages about the documents of the purchase, without their bodies."""
    condition = Q(pk__in=[])  # matches nothing
    for topic, documents in purchase.by_topic:
        if documents:
            condition |= Q(topic=topic, increment_id__in=[document.increment_id for document in documents])
    rows = Message.objects.using(database_alias()).filter(condition, account=purchase.account)
    return rows.defer("body", "headers", "notes")


DEADLINES_LIMIT = 50  # on a page of a timeline


def deadlines_of(purchase: PurchaseStory, span: Span) -> list[tuple[Event, WorklistRow | None]]:
    """Return the newest deadlines of a purchase that passed within a span, each with its row of the worklists."""
    keys = order_keys(purchase.account, purchase.po_number, purchase.orders)
    events = Event.objects.using(database_alias()).filter(type=DEADLINE, order__in=keys)
    if span.after is not None:
        events = events.filter(occurred_at__gt=span.after)
    if span.until is not None:
        events = events.filter(occurred_at__lte=span.until)
    found = list(events.order_by("-occurred_at", "-pk").prefetch_related("receiver_calls")[:DEADLINES_LIMIT])
    rows = WorklistRow.objects.using(database_alias()).in_bulk([event.subject_id for event in found])
    return [(event, rows.get(event.subject_id)) for event in found]


UNFINISHED = (*ReceiverCall.OPEN, ReceiverCall.Status.GIVEN_UP)
UNFINISHED_LIMIT = 50


def tasks_of(purchase: PurchaseStory) -> Tasks:
    """Return the receiver calls of the purchase: counts by status, and the oldest `UNFINISHED_LIMIT` unfinished.

    Calls that a person gave up are settled, and left out.
    """
    keys = order_keys(purchase.account, purchase.po_number, purchase.orders)
    calls = ReceiverCall.objects.using(database_alias()).filter(order__in=keys).exclude(cause=ReceiverCall.BY_HAND)
    counts = {row["status"]: row["number"] for row in calls.values("status").annotate(number=Count("pk")).order_by()}
    unfinished = calls.filter(status__in=UNFINISHED).select_related("event").order_by("pk")
    return Tasks(counts, list(unfinished[:UNFINISHED_LIMIT]))
