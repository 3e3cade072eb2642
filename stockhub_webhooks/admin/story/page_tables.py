"""The tables of the story: pieces, amounts, parcels, returns, and unfinished tasks of the shop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.html import format_html
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.admin.long_parts import Part, Parts
from stockhub_webhooks.admin.story import phrases
from stockhub_webhooks.admin.story.links import Links
from stockhub_webhooks.delivery import breaker
from stockhub_webhooks.models import CreditMemo, ReceiverCall, Track
from stockhub_webhooks.office import story
from stockhub_webhooks.office.story import PurchaseStory, Quantities
from stockhub_webhooks.purchases.pieces import with_pieces

LONG = 25  # rows; a longer table is folded
REMARKS = 50


@dataclass(frozen=True)
class PageTable:
    """A table, or a part of a long one; the first cell of each row is its header.

    Attributes:
        sums: a row of sums over all rows, also those of other parts.
        numbers: all columns but the first hold numbers.
    """

    caption: str
    heads: list[str]
    rows: list[list[Any]]
    part: Part
    sums: list[Any] = field(default_factory=list)
    numbers: bool = False

    @property
    def is_long(self) -> bool:
        """True if the table has so many rows that it is folded."""
        return self.part.total > LONG

    @property
    def is_open(self) -> bool:
        """True if a folded table is shown open, since it is not at its first part."""
        return bool(self.part.former)

    @property
    def summary(self) -> str:
        """The summary that stands for a folded table."""
        return f"{self.caption} ({self.part.total})"


def tables(
    purchase: PurchaseStory, lines: list[Quantities], links: Links, persons: bool, parts: Parts
) -> list[PageTable]:
    """Return the tables that have rows."""
    all_tables = [
        unfinished(story.tasks_of(purchase), links, persons, parts),
        parcels(purchase, links, parts),
        quantities(purchase, lines, parts),
        amounts(purchase, links, parts),
        returns(purchase, links, parts),
    ]
    return [table for table in all_tables if table.rows]


def heads(*names: Any) -> list[str]:
    """Return the heads of columns."""
    return [capfirst(str(name)) for name in names]


# ---------------------------------------------------------------- pieces


def quantities(purchase: PurchaseStory, lines: list[Quantities], parts: Parts) -> PageTable:
    """Return the table of lines: how many pieces of each reached which step."""
    several = len(purchase.orders) > 1
    columns = (*phrases.STEPS.values(), _("still open"))
    is_known = not any(order.is_stub for order in purchase.orders)
    part = parts.of("lines", lines)
    rows = [[_line(line, several, is_known), *_pieces(line)] for line in part.rows]
    sums = [_("Total"), *_pieces(story.total_of(lines))] if len(lines) > 1 else []
    return PageTable(_("Pieces of each line"), heads(_("article"), *columns), rows, part, sums, numbers=True)


def _line(line: Quantities, with_order: bool, is_known: bool) -> Any:
    """Return the cells of a line; `is_known` is False if an order of the purchase is not received yet."""
    remarks = []
    if line.order is None:
        remarks.append(_("the order does not have this line") if is_known else "")
    elif with_order:
        remarks.append(phrases.name(line.order))
    if line.is_too_much:
        remarks.append(_("more than was ordered"))
    return display.multiline(filter(None, (phrases.article(line), line.name, *remarks)))


def _pieces(line: Quantities) -> Iterator[Any]:
    yield display.multiline(filter(None, (_number(line.ordered), _count_with_label(line.cancelled, phrases.NOT_SENT))))
    yield line.sent
    yield line.delivered
    asked = line.asked_back - line.returned
    coming = _("%(number)s asked") % {"number": asked} if asked > 0 else ""
    refused = _count_with_label(line.refused, phrases.CANCELLED["returned"])
    yield display.multiline(filter(None, (str(line.returned), coming, refused)))
    yield line.refunded
    yield _number(line.open)


def _number(number: int | None) -> str:
    return "?" if number is None else str(number)


def _count_with_label(number: int, label: Any) -> str:
    return f"{number} {label}" if number else ""


# ---------------------------------------------------------------- amounts


def amounts(purchase: PurchaseStory, links: Links, parts: Parts) -> PageTable:
    """Return the table of documents with their amounts written out."""
    rows = []
    part = parts.of("amounts", list(filter(story.has_amounts, (*purchase.bills, *purchase.payment_requests))))
    returned = story.Returns(purchase.rmas)
    for document in part.rows:
        added = story.sum_of(document)
        remarks = [*phrases.sum_remarks(added), *_probable_return(document, returned)]
        written = format_html("<strong>{}</strong>", phrases.sum_written_out(added))
        rows.append(
            [_link(document, links), phrases.timestamp(document.created_at), written, display.multiline(remarks)]
        )
    return PageTable(
        _("Amounts, VAT included"), heads(_("document"), _("created at"), _("amounts"), _("remarks")), rows, part
    )


def _link(document: Any, links: Links) -> Any:
    return links.to(document, phrases.name(document))


def _probable_return(document: Any, returned: story.Returns) -> Iterator[str]:
    guess = returned.probable(document) if isinstance(document, CreditMemo) else None
    if guess:
        yield phrases.probable_return(guess)


# ---------------------------------------------------------------- parcels and returns


def parcels(purchase: PurchaseStory, links: Links, parts: Parts) -> PageTable:
    """Return the table of shipments with their parcels, status and dates."""
    part = parts.of("parcels", purchase.shipments)
    rows = [
        [
            _link(shipment, links),
            phrases.status(shipment),
            tracks(shipment, links.url(shipment)),
            sum(item.qty or 0 for item in with_pieces(shipment.items.all())),
            phrases.timestamp(shipment.collected_at),
            phrases.timestamp(shipment.delivered_at),
        ]
        for shipment in part.rows
    ]
    columns = (_("shipment"), _("status"), _("parcels"), _("pieces"), _("collected at"), _("delivered at"))
    return PageTable(_("Where the parcels are"), heads(*columns), rows, part)


def tracks(owner: Any, more_url: str = "") -> Any:
    """Return the parcels of a shipment or a return: carrier, and number with a link."""
    return display.multiline(sorted(owner.tracks.all(), key=lambda track: int(track.pk)), track_in_words, more_url)


def track_in_words(track: Track) -> Any:
    """Return the carrier and the number of a parcel, with a link."""
    return format_html("{} {}", story.carrier_name(track), display.track(track))


def returns(purchase: PurchaseStory, links: Links, parts: Parts) -> PageTable:
    """Return the table of returns with their items and parcels."""
    part = parts.of("returns", purchase.rmas)
    rows = [
        [
            _link(rma, links),
            phrases.status(rma),
            phrases.timestamp(rma.date_requested),
            display.multiline(rma.items.all(), _returned_item, links.url(rma)),
            tracks(rma, links.url(rma)),
        ]
        for rma in part.rows
    ]
    columns = (_("return"), _("status"), _("requested at"), _("items"), _("parcels"))
    return PageTable(capfirst(_("returns")), heads(*columns), rows, part)


def _returned_item(item: Any) -> str:
    parts = [f"{item.qty_requested or '?'} × {phrases.article(item)}"]
    if item.status:
        parts.append(item.get_status_display())
    if item.qty_approved is not None:
        parts.append(_("%(number)s approved") % {"number": item.qty_approved})
    if item.qty_returned is not None:
        parts.append(_("%(number)s came back") % {"number": item.qty_returned})
    return ", ".join(parts)


# ---------------------------------------------------------------- tasks for our shop


def unfinished(tasks: story.Tasks, links: Links, persons: bool, parts: Parts) -> PageTable:
    """Return the table of the oldest open and given-up tasks of the shop; its caption has the number of all."""
    part = parts.of("tasks", tasks.unfinished)
    rows = [
        [links.to(call, labels.event(call.event)), call.event.increment_id, call.receiver, task(call, persons)]
        for call in part.rows
    ]
    total = tasks.open + tasks.given_up
    caption = ngettext("%(count)d task for our shop is not done", "%(count)d tasks for our shop are not done", total)
    columns = (_("change"), _("Stock Hub number"), _("receiver"), _("status"))
    return PageTable(caption % {"count": total}, heads(*columns), rows, part)


def task(call: ReceiverCall, persons: bool) -> str:
    """Return the state of a task: "waiting", "failing, tried 3 times: …", "done at …", "given up: …"."""
    why = reason(call, persons)
    if call.status == ReceiverCall.Status.DONE:
        return f"{call.get_status_display()}, {phrases.timestamp(call.done_at)}"
    if call.status == ReceiverCall.Status.PENDING and call.attempts:
        text = ngettext("failing, tried %(count)d time", "failing, tried %(count)d times", call.attempts)
        state = text % {"count": call.attempts}
        if call.receiver in breaker.blocked_receivers():
            state = f"{state}, {labels.call_status(call)}"
    else:
        state = labels.call_status(call)
    return ": ".join(filter(None, (state, why)))


def reason(call: ReceiverCall, persons: bool) -> str:
    """Return the first line of the last error; only its type if personal data is hidden."""
    return Truncator(labels.first_line(call.last_error, persons=persons)).chars(200)


def remarks(purchase: PurchaseStory, links: Links) -> list[Any]:
    """Return remarks on the purchase as a whole; after `REMARKS` the others are only counted."""
    return display.limited(_remarks(purchase, links), most=REMARKS)


def _remarks(purchase: PurchaseStory, links: Links) -> Iterator[Any]:
    for order in purchase.orders:
        if order.is_stub:
            yield format_html("{}: {}", _link(order, links), labels.NOT_RECEIVED_YET)
    for lost in story.lost_pieces(purchase):
        if lost.missing:
            yield format_html("{}: {}", _link(lost.order, links), phrases.lost(lost))
    for document in purchase.children:
        if purchase.is_stray(document):
            other = links.to(document.order, document.order.increment_id) if document.order else display.EMPTY
            text = _("names our order number, but Stock Hub has it under another order")
            yield format_html("{}: {} ({})", _link(document, links), text, other)
        elif purchase.names_another(document):
            text = _("names another order number of ours, so its pieces are not counted here")
            yield format_html("{}: {} ({})", _link(document, links), text, document.po_number)
    for document, checked in purchase.sums:
        for text in phrases.sum_remarks(checked):
            yield format_html("{}: {}", _link(document, links), text)
