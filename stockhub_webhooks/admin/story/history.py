"""The timeline in words: each message with its document, the changes, and the tasks of the shop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.admin.event_changes import field_name, inside, shown
from stockhub_webhooks.admin.story import page_tables, phrases
from stockhub_webhooks.admin.story.links import Links
from stockhub_webhooks.admin.story.page_tables import task
from stockhub_webhooks.delivery.subjects import PURCHASE_CHANGED, subject_of
from stockhub_webhooks.models import Event, ReceiverCall, WorklistRow
from stockhub_webhooks.office import story
from stockhub_webhooks.office.story import MessageEntry, PurchaseStory
from stockhub_webhooks.office.story.timeline import Span
from stockhub_webhooks.office.worklists import wording
from stockhub_webhooks.purchases.pieces import with_pieces

# an event type, and the weaker one that its label already covers
COVERS = {"shipment.delivered": "shipment.status_changed", "rma.status_changed": "rma_item.status_changed"}
FOLD = 8  # changes; more of them are folded
SHOWN = 50  # changes and tasks of a message; more of them are counted


@dataclass(frozen=True)
class TimelineEntry:
    """An entry of the timeline as the template shows it; texts may be HTML links.

    Attributes:
        details, changes, tasks: the first ones; `more_changes` and the last of the others say how many are left out.
        changed: the number of all changes.
    """

    at: Any
    title: Any
    document: Any
    received: Any
    details: list[Any]
    changes: list[dict[str, Any]]
    more_changes: list[Any]
    changed: int
    tasks: list[Any]
    tasks_in_short: str
    has_trouble: bool

    @property
    def folds_changes(self) -> bool:
        """True if there are so many changes that they are folded."""
        return self.changed > FOLD

    @property
    def changes_in_short(self) -> str:
        """The summary that stands for the folded changes."""
        return ngettext("%(count)d value changed", "%(count)d values changed", self.changed) % {"count": self.changed}


class History:
    """Writes the entries of one purchase's timeline in words."""

    def __init__(self, purchase: PurchaseStory, links: Links, persons: bool) -> None:
        self.links = links
        self.persons = persons
        self.documents = {
            (topic, document.increment_id): document for topic, rows in purchase.by_topic for document in rows
        }
        self.tracks = {track.pk: track for track in purchase.tracks}
        self.articles = {
            item.item_id: phrases.article(item) for rma in purchase.rmas for item in rma.items.all() if item.item_id
        }

    def entry(self, entry: MessageEntry) -> TimelineEntry:
        """Return an entry in words."""
        message = entry.message
        calls = [(call, event) for event in entry.events for call in event.receiver_calls.all()]
        changes = list(_changes(entry.events))
        page = self.links.url(message)
        # those in trouble first, so that none of them is left out before one that is done
        listed = sorted(calls, key=lambda each: not is_trouble(each[0])) if len(calls) > SHOWN else calls
        return TimelineEntry(
            at=entry.at,
            title=self.title(entry),
            document=self.document(entry),
            received=self.links.to(message, _("message of %(at)s") % {"at": phrases.timestamp(message.received_at)}),
            details=list(self.details(entry)),
            changes=[self.change(*change) for change in changes[:SHOWN]],
            more_changes=display.more(len(changes) - SHOWN, self.links.url(changes[0][0]) if changes else ""),
            changed=len(changes),
            tasks=display.limited(listed, lambda each: self.task(*each), most=SHOWN, more_url=page),
            tasks_in_short=tasks_in_short([call for call, _event in calls]),
            has_trouble=any(is_trouble(call) for call, _event in calls),
        )

    def deadlines(self, purchase: PurchaseStory, span: Span) -> list[TimelineEntry]:
        """Return the entries of the deadlines that passed within a span."""
        return [self.deadline(event, row) for event, row in story.deadlines_of(purchase, span)]

    def deadline(self, event: Event, row: WorklistRow | None) -> TimelineEntry:
        """Return an entry: what did not proceed in time, of which document, and whether it still does not."""
        calls = list(event.receiver_calls.all())
        _old, rule = event.changes.get("rule", (None, ""))
        is_current = row is not None and row.since == event.received_at
        return TimelineEntry(
            at=event.occurred_at,
            title=f"{capfirst(labels.event(event))}: {wording.rule_name(str(rule))}",
            document=self.links.to(row, capfirst(wording.subject(row))) if row else event.increment_id,
            received=row.get_status_display() if row and is_current else "",
            details=wording.missing(row) if row and is_current else [],
            changes=[],
            more_changes=[],
            changed=0,
            tasks=display.limited(
                calls, lambda call: self.task(call, event), most=SHOWN, more_url=self.links.url(event)
            ),
            tasks_in_short=tasks_in_short(calls),
            has_trouble=any(is_trouble(call) for call in calls),
        )

    def title(self, entry: MessageEntry) -> str:
        """Return the events in words; for a message that changed nothing, its outcome."""
        types = dict.fromkeys(event.type for event in entry.events if event.type != PURCHASE_CHANGED)
        specific = [name for name in types if not name.endswith(".updated")] or list(types)
        covered = {COVERS.get(name) for name in specific}
        texts = [str(labels.EVENTS.get(name, name)) for name in specific if name not in covered]
        return capfirst(", ".join(texts) or f"{entry.message.get_topic_display()}: {labels.result(entry.message)}")

    def document(self, entry: MessageEntry) -> Any:
        """Return a link to the document of the message; only the number if the document is not in this purchase."""
        message = entry.message
        document = self.documents.get((message.topic, message.increment_id))
        if document is None:
            return message.increment_id
        return self.links.to(document, phrases.name(document))

    def details(self, entry: MessageEntry) -> Iterator[Any]:
        """Yield new parcels, amounts and pieces of a new document, an error, and whether a replay found this."""
        types = {event.type for event in entry.events}
        added = [self.tracks.get(event.subject_id) for event in entry.events if event.type == "track.added"]
        tracks = [track for track in added if track]
        document = self.documents.get((entry.message.topic, entry.message.increment_id))
        page = self.links.url(document) if document else ""
        yield from display.limited(tracks, page_tables.track_in_words, more_url=page)
        if document is not None and any(name.endswith(".created") for name in types):
            yield from _content_of_new(document)
        if entry.message.error:
            yield labels.error(entry.message) if self.persons else labels.result(entry.message)
        if any(event.is_replay for event in entry.events):
            yield _("processed again")

    def change(self, event: Event, name: str, old: Any, new: Any) -> dict[str, Any]:
        """Return a field with its old and new value."""
        subject = subject_of(event)
        label = field_name(subject, name)
        number = inside(name)
        if number in self.articles:
            label = label.replace(number, self.articles[number], 1)
        label = label if number else capfirst(label)
        if not self.persons and subject.is_personal(name):
            return {"name": label, "old": phrases.HIDDEN, "new": phrases.HIDDEN}
        return {"name": label, "old": shown(subject, name, old), "new": shown(subject, name, new)}

    def task(self, call: ReceiverCall, event: Event) -> Any:
        """Return the receiver of a task, and the state of the task."""
        receiver = self.links.to(call, f"{call.receiver} ({labels.event(event)})")
        return format_html("{}: {}", receiver, task(call, self.persons))


def _changes(events: list[Event]) -> Iterator[tuple[Event, str, Any, Any]]:
    """Yield each changed field once; the `*.updated` event comes first, since it has all of them."""
    types = {event.type for event in events}
    if any(name.endswith(".created") for name in types):
        return
    seen = set()
    for event in sorted(events, key=lambda event: not event.type.endswith(".updated")):
        part = subject_of(event).name
        if event.type == "track.added" or (part == "rma_item" and "rma.updated" in types):
            continue  # shown as a parcel, and as items[…].status
        for name, (old, new) in event.changes.items():
            if (part, name) not in seen and not name.startswith("tracks["):
                seen.add((part, name))
                yield event, name, old, new


def _content_of_new(document: Any) -> Iterator[str]:
    """Yield the most important values of a new document."""
    if hasattr(document, "grand_total"):
        added = story.sum_of(document)
        if added.total is not None:
            yield phrases.sum_written_out(added)
        yield from phrases.sum_remarks(added)
    else:
        items = with_pieces(document.items.all())
        pieces = sum((getattr(item, "qty", None) or getattr(item, "qty_requested", None) or 0) for item in items)
        yield ngettext("%(count)d piece", "%(count)d pieces", pieces) % {"count": pieces}


def is_trouble(call: ReceiverCall) -> bool:
    """Return True if the call was given up by itself, or failed and waits for its next attempt."""
    if call.status == ReceiverCall.Status.GIVEN_UP:
        return call.cause != ReceiverCall.BY_HAND
    return call.status in ReceiverCall.OPEN and bool(call.attempts and call.last_error)


def tasks_in_short(calls: list[ReceiverCall]) -> str:
    """Return a line such as "3 tasks for our shop: done" or "3 tasks for our shop: 2 done, 1 waiting"."""
    if not calls:
        return ""
    count: dict[str, int] = {}
    for call in calls:
        word = labels.call_status(call)
        count[word] = count.get(word, 0) + 1
    each = next(iter(count)) if len(count) == 1 else ", ".join(f"{number} {word}" for word, number in count.items())
    total = ngettext("%(count)d task for our shop", "%(count)d tasks for our shop", len(calls))
    return f"{total % {'count': len(calls)}}: {each}"
