"""Labels of codes, for people who never read code. An unknown code is shown raw."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks import signals
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.contract.statuses import Labels
from stockhub_webhooks.exceptions import CALLER_DIED, DIED, WORKER_DIED
from stockhub_webhooks.models import Event, Message, Order, ReceiverCall, Topic

NOT_RECEIVED_YET = _("order not received yet")

EVENTS: Labels = {
    "order.created": _("new order"),
    "order.status_changed": _("order has another status"),
    "order.updated": _("order changed"),
    "shipment.created": _("new shipment"),
    "shipment.status_changed": _("shipment has another status"),
    "shipment.updated": _("shipment changed"),
    "shipment.delivered": _("shipment delivered"),
    "track.added": _("new tracking number"),
    "invoice.created": _("new invoice"),
    "invoice.updated": _("invoice changed"),
    "rma.created": _("new return"),
    "rma.status_changed": _("return has another status"),
    "rma.updated": _("return changed"),
    "rma_item.status_changed": _("returned item has another status"),
    "credit_memo.created": _("new credit note"),
    "credit_memo.updated": _("credit note changed"),
    "payment_request.created": _("new payment request"),
}

SIGNALS: Labels = {
    **{signal.name: EVENTS.get(kind, kind) for kind, signal in signals.BY_EVENT_TYPE.items()},
    signals.event_recorded.name: _("every change"),
}

# The codes of `serializers.fields.Note`.
NOTES: Labels = {
    "amounts_differ": _("the amounts do not add up"),
    "charset": _("written in another character set (%(detail)s); read all the same"),
    "compressed": _("compressed (%(detail)s); unpacked"),
    "cut_off": _("longer than we can keep; the end is left out"),
    "in_the_future": _("a time later than the message itself; check the clock or the time zone"),
    "more_notes": _("and %(detail)s more remarks"),
    "no_tracking_number": _("a parcel without a tracking number; left out"),
    "nearby_address": _("sent to %(detail)s, which is no address of ours"),
    "not_a_list": _("no list; we keep what we had"),
    "not_a_number": _("no number; we keep what we had"),
    "not_a_time": _("no date or time; we keep what we had"),
    "not_an_object": _("not made up of fields; left out"),
    "not_text": _("no text; we keep what we had"),
    "not_whole": _("no whole number; we keep what we had"),
    "number_as_text": _("a number where text belongs; taken as text"),
    "other_name": _("another name for the field %(detail)s; taken as that"),
    "out_of_range": _("too large or too small; we keep what we had"),
    "repeated_name": _("a field that is there twice; the last one counts"),
    "rounded": _("more than four decimals; rounded"),
    "text_as_number": _("text where a number belongs; taken as a number"),
    "too_long": _("too long; we keep what we had"),
    "too_many_lines": _("more than %(detail)s lines; the rest is left out"),
    "topic_differs": _("came in at the address for another topic (%(detail)s)"),
    "unknown_field": _("a field that we do not know; only kept in the message itself"),
    "unknown_value": _("a code that we do not know: %(detail)s"),
    "wrapped": _("wrapped in something else; unwrapped"),
}

# The codes of `exceptions.Unreadable.REASONS`.
REASONS: Labels = {
    "not_json": _("The content is not JSON, so nothing in it can be read."),
    "not_an_object": _("The content is JSON, but not one object with fields."),
    "no_topic": _("Nothing tells whether this is an order, a shipment, an invoice, a return or something else."),
    "no_identifier": _("The content does not say which document it speaks of."),
}

# The causes that are no error's kind and place; those of messages that cannot be read begin with one of `REASONS`.
CAUSES: Labels = {
    DIED: _("The process that worked on it died each time."),
    ReceiverCall.BY_HAND: _("Given up by hand."),
    "": _("No cause is known."),
}

# The labels of a column of codes, by what an event speaks of; its lines are coded like itself.
CODES: Mapping[str, Labels] = {
    "order.status": statuses.ORDER,
    "shipment.status": statuses.SHIPMENT,
    "rma.status": statuses.RMA,
    "rma_item.status": statuses.RMA,
    "credit_memo.reversal": statuses.REVERSAL,
}


# How an error begins, as `exceptions.described` writes it. The reason that a receiver or somebody in the office has for
# giving up is free text, and may begin with a name.
ERROR_KIND = re.compile(r"(\w+): [^\n]*\n\nTraceback ")

# What this app itself writes as an error: nothing of a customer is in it.
OWN_ERRORS: Mapping[str, Any] = {CALLER_DIED: CAUSES[DIED], WORKER_DIED: CAUSES[DIED]}
ASKED_LATER = re.compile(r"asked to be called again in ([\d.e+]+) seconds")


def order(order: Order) -> str:
    """Return the order's number, and whether the order was received at all."""
    return f"{order.increment_id} ({NOT_RECEIVED_YET})" if order.is_stub else order.increment_id


def yes_or_no(flag: bool) -> str:
    """Return a word instead of Django's red cross, which looks like an error."""
    return gettext("yes") if flag else gettext("no")


def event(event: Event) -> str:
    """Return the label of an event, such as "shipment delivered"."""
    return statuses.label(EVENTS, event.type)


def note(note: Mapping[str, Any]) -> str:
    """Return a note on a message in words."""
    code, detail = str(note.get("code", "")), str(note.get("detail", ""))
    if code == "topic_differs":
        detail = str(dict(Topic.choices).get(detail, detail))
    label = statuses.label(NOTES, code)
    return label % {"detail": detail} if code in NOTES else label


def error(message: Message) -> str:
    """Return in words why a message was not processed, with the details."""
    return reason(message.error)


def reason(text: str) -> str:
    """Return an `Unreadable` text in words; any other text unchanged."""
    code, _colon, detail = text.partition(":")
    if code not in REASONS:
        return own_error(text) or text
    return f"{REASONS[code]} ({detail.strip()})" if detail.strip() else str(REASONS[code])


def first_line(text: str, *, persons: bool) -> str:
    """Return the first line of an error, or only its type if personal data is hidden."""
    first = text.partition("\n")[0]
    if own := own_error(first):
        return own
    return first if persons else error_type(text)


def own_error(first: str) -> str:
    """Return an error text of this app in words, "" for any other error."""
    if asked := ASKED_LATER.fullmatch(first):
        return _("our shop asked to be told again in %(seconds)s seconds") % {"seconds": asked[1]}
    return str(OWN_ERRORS.get(first, ""))


def error_type(text: str) -> str:
    """Return the type of an error without its text, which may have personal data."""
    kind = ERROR_KIND.match(text)
    return kind[1] if kind else str(text and _("not shown"))


def cause(code: str) -> str:
    """Return the cause of a group of failures in words, or else the type and the place of the error."""
    return str(CAUSES.get(code, "")) or reason(code)


def result(message: Message) -> str:
    """Return the outcome of a message, or else its status."""
    return str(message.get_outcome_display() or message.get_status_display())
