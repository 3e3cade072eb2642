"""Labels of codes for office staff. An unknown code is shown raw."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks import signals
from stockhub_webhooks.admin import reasons
from stockhub_webhooks.contract import statuses
from stockhub_webhooks.contract.statuses import Labels
from stockhub_webhooks.delivery import breaker
from stockhub_webhooks.exceptions import (
    CALLER_DIED,
    CONNECTION_LOST,
    DEADLOCK,
    DIED,
    IDLE_IN_TRANSACTION,
    ORDER_LOCKED,
    WORKER_DIED,
)
from stockhub_webhooks.models import Event, Message, Order, ReceiverCall, Topic
from stockhub_webhooks.models.worklists import KINDS
from stockhub_webhooks.office.worklists.rules import RULES

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
    "deadline.passed": _("does not proceed"),
    "purchase.changed": _("purchase changed"),
}

SIGNALS: Labels = {
    **{signal.name: EVENTS.get(event_type, event_type) for event_type, signal in signals.BY_EVENT_TYPE.items()},
    signals.event_recorded.name: _("every change"),
}

# The codes of `serializers.fields.Note`.
NOTES: Labels = {
    "already_known": _("empty here, but we know it already; we keep what we had"),
    "amounts_differ": _("the amounts do not add up"),
    "applied_outdated": _("outdated; processed all the same, as somebody wished"),
    "charset": _("written in another character set (%(detail)s); read all the same"),
    "compressed": _("compressed (%(detail)s); unpacked"),
    "cut_off": _("longer than we can keep; the end is left out"),
    "impossible_time": _("a time before 2000 or thousands of years ahead; we keep what we had"),
    "in_the_future": _("a time %(detail)s later than the message itself; check the clock or the time zone"),
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
    "outdated_return": _("outdated: empty here, but we know it already"),
    "other_name": _("another name for the field %(detail)s; taken as that"),
    "out_of_range": _("too large or too small; we keep what we had"),
    "repeated_name": _("a field that is there twice; the last one counts"),
    "rounded": _("more than four decimals; rounded"),
    "text_as_number": _("text where a number belongs; taken as a number"),
    "too_long": _("too long; we keep what we had"),
    "too_many_lines": _("more than %(detail)s lines; the rest is left out"),
    "topic_differs": _("came in at the address for another topic (%(detail)s)"),
    "unknown_field": _("a field that we do not know; kept for our shop under “unknown fields”"),
    "extra_too_long": _("a field that we do not know, and too long to keep; only in the message itself"),
    "missing_field": _("not in the message, although Stock Hub's documentation has it"),
    "unknown_version": _("a version that we do not know: %(detail)s"),
    "unknown_value": _("a code that we do not know: %(detail)s"),
    "wrapped": _("wrapped in something else; unwrapped"),
}

PAUSED = _("receiver paused")
AWAY = _("service away")

# The codes of `exceptions.Unreadable.REASONS`.
REASONS: Labels = {
    "empty": _("The content is empty."),
    "not_json": _("The content is not JSON, so nothing in it can be read."),
    "not_an_object": _("The content is JSON, but not one object with fields."),
    "too_many_documents": _("The content holds too many documents."),
    "no_topic": _("Nothing tells whether this is an order, a shipment, an invoice, a return or something else."),
    "no_identifier": _("The content does not say which document it speaks of."),
}

# Causes other than the type and place of an error. The causes of unreadable messages begin with a code of `REASONS`.
CAUSES: Labels = {
    DIED: _("The process that worked on it died each time."),
    CONNECTION_LOST: _("The database ended the connection during the task."),
    IDLE_IN_TRANSACTION: _("The task took longer than the database allows."),
    DEADLOCK: _("The database ended the task in favour of another one."),
    ReceiverCall.BY_HAND: _("Given up by hand."),
    ORDER_LOCKED: _("Another transaction holds the order."),
    "": _("No cause is known."),
}

# The reasons for which the app dismisses a message itself.
DISMISSALS: Labels = {
    Message.PING: _("an empty message, as a test of the connection sends it"),
    Message.ERASED: _("the personal data of its order was erased"),
    Message.CORRECTED: _("a corrected copy was processed"),
}

# What became of the rows of a bulk request, the codes of `operations.bulk.GROUPS`.
RESULTS: Labels = {
    "succeeded": pgettext_lazy("result", "succeeded"),
    "failed": pgettext_lazy("result", "failed again"),
    "waiting": pgettext_lazy("result", "waiting"),
    "settled": pgettext_lazy("result", "settled by hand"),
}

# Labels by the model and field of an event's changes. A returned item uses the statuses of its return.
CODES: Mapping[str, Labels] = {
    "order.status": statuses.ORDER,
    "shipment.status": statuses.SHIPMENT,
    "rma.status": statuses.RMA,
    "rma_item.status": statuses.RMA,
    "rma.reason": statuses.RETURN_REASON,
    "rma.resolution": statuses.RESOLUTION,
    "rma_item.reason": statuses.RETURN_REASON,
    "rma_item.resolution": statuses.RESOLUTION,
    "rma_item.merchant_resolution": statuses.RESOLUTION,
    "payment_request.payment_method": statuses.PAYMENT_METHOD,
    "credit_memo.reversal": statuses.REVERSAL,
    "deadline.kind": {kind: model._meta.verbose_name or kind for kind, model in KINDS.items()},
    "deadline.rule": {code: rule.label for code, rule in RULES.items()},
}


# An error as `exceptions.format_error` writes it. Without the traceback the text may be a reason that a receiver or a
# user gave, whose first word may be a person's name.
ERROR_TYPE = re.compile(r"(\w+): [^\n]*\n\nTraceback ")

# Error texts that this app writes itself, so that they contain no personal data.
OWN_ERRORS: Mapping[str, Any] = {
    CALLER_DIED: CAUSES[DIED],
    WORKER_DIED: CAUSES[DIED],
    Message.ERASED: DISMISSALS[Message.ERASED],  # of a call that was given up since its order was erased
}

# The codes of `operations.health.problems.Problem`.
ALARMS: Labels = {
    "database": _("database does not answer"),
    "read_only": _("database takes no writes"),
    "lost_messages": _("messages missing from the database"),
    "spool": _("spool directory"),
    "spool_late": _("files wait in the spool directory"),
    "spool_other": _("spool files of another database"),
    "given_up": _("given up"),
    "quarantined": _("messages that need a look"),
    "refusals": _("refused messages"),
    "silence": _("no messages come in"),
    "impossible_times": _("impossible times"),
    "backlog": _("work is late"),
    "no_worker": _("no worker is running"),
    "order_locked": _("order locked by another transaction"),
    "gone_receivers": _("receivers that are not there any more"),
    "receiver_hangs": _("receiver does not come back"),
    "paused": _("receivers paused"),
    "breaker": _("receivers away"),
    "refusals_expiring": _("refused messages that are deleted soon"),
    "refusals_pushed_out": _("refused messages that were not kept"),
    "receiver_fails": _("receiver only fails"),
    "resolver_fails": _("look-up of orders fails"),
    "line_resolver_fails": _("look-up of order lines fails"),
    "past_term": _("personal data past its term"),
}

HEARTBEATS: Labels = {"worker": _("worker")}


def order(order: Order) -> str:
    """Return the order's number; mark a stub as not received yet."""
    return f"{order.increment_id} ({NOT_RECEIVED_YET})" if order.is_stub else order.increment_id


def yes_or_no(flag: bool) -> str:
    """Return a word instead of Django's red cross, which looks like an error."""
    return gettext("yes") if flag else gettext("no")


def event(event: Event) -> str:
    """Return the label of an event, such as "shipment delivered"."""
    return statuses.label(EVENTS, event.type)


def note(note: Mapping[str, Any]) -> str:
    """Return the text of a note on a message."""
    code, detail = str(note.get("code", "")), str(note.get("detail", ""))
    if code == "topic_differs":
        detail = str(dict(Topic.choices).get(detail, detail))
    elif code == "in_the_future":
        detail = duration(detail)
    label = statuses.label(NOTES, code)
    return label % {"detail": detail} if code in NOTES else label


def duration(seconds: str) -> str:
    """Return a number of seconds in hours and full minutes, or in days from two days on; "" if it is none."""
    minutes = (int(seconds) + 59) // 60 if seconds.isdecimal() else 0  # a message takes some seconds to arrive
    if minutes >= 2 * 24 * 60:
        days = minutes // (24 * 60)
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    return (
        gettext("%(hours)d:%(minutes)02d hours") % {"hours": minutes // 60, "minutes": minutes % 60} if minutes else ""
    )


def call_status(call: ReceiverCall) -> str:
    """Return the status of a task; of one that waits also that its receiver is paused or away."""
    status = str(call.get_status_display())
    state = breaker.states().get(call.receiver)
    if call.status != ReceiverCall.Status.PENDING or state is None or not (state.is_paused or state.is_open):
        return status
    return f"{status} ({PAUSED if state.is_paused else AWAY})"


def error(message: Message) -> str:
    """Return the text of a message's error, with its details."""
    return reason(message.error)


def reason_in_short(message: Message) -> str:
    """Return why a message was not applied, without details and without what may name a customer."""
    return str(REASONS.get(message.error.partition(":")[0], "")) or error_type(message.error)


def reason(text: str) -> str:
    """Translate an error that begins with a code of `REASONS`, or one of this app; return any other text unchanged."""
    code, _colon, detail = text.partition(":")
    if code not in REASONS:
        return own_error(text) or text
    in_words = reasons.detail(detail.strip())
    return f"{REASONS[code]} ({in_words})" if in_words else str(REASONS[code])


def first_line(text: str, *, persons: bool) -> str:
    """Return the first line of an error, or only its type if `persons` is False."""
    first = text.partition("\n")[0]
    if own := own_error(first, persons=persons):
        return own
    return first if persons else error_type(text)


def own_error(first: str, *, persons: bool = True) -> str:
    """Translate an error text of this app; return "" for any other error."""
    return reasons.waiting(first, persons=persons) or str(OWN_ERRORS.get(first.strip(), ""))


def error_type(text: str) -> str:
    """Return the type of an error without its text, which may contain personal data."""
    match = ERROR_TYPE.match(text)
    return match[1] if match else str(text and _("not shown"))


def account(name: str) -> str:
    """Return the name of an account; in words if the app itself gave it."""
    return statuses.label(statuses.ACCOUNT, name)


def result(message: Message) -> str:
    """Return the outcome of a message, or else its status; say if a part was left out."""
    result = str(message.get_outcome_display() or message.get_status_display())
    return f"{result} ({gettext('in part')})" if message.is_in_part else result
