"""The text to copy for Winkelstraat: numbers, dates and questions, without personal data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from stockhub_webhooks.admin import display
from stockhub_webhooks.admin.story import phrases
from stockhub_webhooks.models import Order, Track
from stockhub_webhooks.office import story
from stockhub_webhooks.office.story import PurchaseStory, Quantities, StoryStep, Sum
from stockhub_webhooks.visible import isolated

LINES = 40


def support_message(purchase: PurchaseStory, lines: list[Quantities], steps: list[StoryStep]) -> str:
    """Return the whole text, in the active language."""
    parts = [
        list(_heading(purchase)),
        [phrases.step(step) for step in steps],
        list(_lines(lines)),
        list(_documents(purchase)),
        [_("Our question:"), *questions(purchase, steps)],
    ]
    return isolated("\n\n".join("\n".join(part) for part in parts if part) + "\n")


def _heading(purchase: PurchaseStory) -> Iterator[str]:
    if purchase.po_number:
        yield _("Our order number: %(number)s") % {"number": purchase.po_number}
    yield from display.limited(purchase.orders, _order, most=LINES)


def _order(order: Order) -> str:
    text = _("Stock Hub order: %(number)s, status: %(status)s, of %(date)s")
    if order.created_at is None:
        text = _("Stock Hub order: %(number)s, status: %(status)s")
    return text % {
        "number": order.increment_id,
        "status": phrases.status(order),
        "date": phrases.timestamp(order.created_at),
    }


def _lines(lines: list[Quantities]) -> Iterator[str]:
    """Return the open lines, or all lines if none is open; at most `LINES`."""
    chosen = [line for line in lines if line.open or line.open is None or line.delivered < line.sent] or lines
    for line in chosen[:LINES]:
        text = _("%(article)s: %(ordered)s ordered, %(sent)s sent, %(returned)s returned, %(refunded)s refunded")
        yield "- " + text % {
            "article": phrases.article(line),
            "ordered": "?" if line.ordered is None else line.ordered,
            "sent": line.sent,
            "returned": line.returned,
            "refunded": line.refunded,
        }
    if left := len(lines) - min(len(chosen), LINES):
        yield "- " + ngettext("and %(count)d more line", "and %(count)d more lines", left) % {"count": left}


def _documents(purchase: PurchaseStory) -> Iterator[str]:
    yield from display.limited(purchase.moving, _moving, most=LINES)
    bills = (each for each in purchase.sums if each[0].grand_total is not None)
    yield from display.limited(bills, _bill, most=LINES)


def _moving(document: Any) -> str:
    parts = [phrases.status(document), *display.limited(document.tracks.all(), _parcel)]
    at = getattr(document, "delivered_at", None) or getattr(document, "date_requested", None)
    if at:
        parts.append(phrases.timestamp(at))
    return f"{phrases.name(document)}: {', '.join(parts)}"


def _parcel(track: Track) -> str:
    return f"{story.carrier_name(track)} {track.tracking_number}".strip()


def _bill(each: tuple[Any, Sum]) -> str:
    bill, checked = each
    return f"{phrases.name(bill)}: {phrases.sum_written_out(checked)}, {phrases.timestamp(bill.created_at)}"


def questions(purchase: PurchaseStory, steps: list[StoryStep]) -> list[str]:
    """Return the questions that follow from the facts; a line to fill in if there are none."""
    return display.limited(_questions(purchase, {step.name: step for step in steps}), most=LINES) or ["…"]


def _questions(purchase: PurchaseStory, steps: dict[str, StoryStep]) -> Iterator[str]:
    for order in purchase.orders:
        if order.is_stub:
            text = _("We did not receive order %(number)s itself. Can you send it to us?")
            yield text % {"number": order.increment_id}
    shipped, delivered, refunded = steps["shipped"], steps["delivered"], steps["refunded"]
    lost = story.lost_pieces(purchase)
    for each in lost:
        if each.missing:
            text = _("Order %(number)s is %(what)s: can you send us its message again?")
            yield text % {"number": each.order.increment_id, "what": phrases.lost(each)}
    if delivered.has_problem:
        yield _("A parcel has a problem on the way. What is being done about it?")
    left = (shipped.of or 0) - shipped.pieces - sum(each.pieces for each in lost)
    if left > 0:
        text = ngettext(
            "%(count)d piece was not sent yet. When will it be?",
            "%(count)d pieces were not sent yet. When will they be?",
            left,
        )
        yield text % {"count": left}
    elif delivered.pieces < shipped.pieces and not delivered.has_problem:
        yield _("Not everything that was sent is delivered. Where are the parcels?")
    if steps["returned"].pieces - refunded.cancelled > refunded.pieces:
        yield _("Not everything that came back is credited. When will it be?")
    for document, checked in purchase.sums:
        for remark in phrases.sum_remarks(checked):
            yield _("%(document)s: %(remark)s. Can you look into it?") % {
                "document": phrases.name(document),
                "remark": remark,
            }
