"""Words that the page, the picture and the support message of the story share."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import formats, timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from stockhub_webhooks.admin import display, labels
from stockhub_webhooks.admin.badge import about_test
from stockhub_webhooks.conf import conf
from stockhub_webhooks.models import Order
from stockhub_webhooks.office import story
from stockhub_webhooks.office.story import StepState

MINUS = "\u2212"
HIDDEN = gettext_lazy("hidden")

STEPS = {
    "ordered": pgettext_lazy("step", "ordered"),
    "shipped": pgettext_lazy("step", "sent"),
    "delivered": gettext_lazy("delivered"),
    "returned": pgettext_lazy("step", "returned"),
    "refunded": pgettext_lazy("step", "refunded"),
}
CANCELLED = {"returned": pgettext_lazy("step", "refused"), "refunded": pgettext_lazy("step", "not due")}
NOT_SENT = pgettext_lazy("step", "cancelled")

TERMS = {
    "shipping_price": gettext_lazy("shipping costs"),
    "adjustment": gettext_lazy("adjustment"),
    "fee_amount": gettext_lazy("fee"),
    "return_fee_amount": gettext_lazy("return fee"),
    "discount": gettext_lazy("discount"),
}


def timestamp(at: datetime | None) -> str:
    """Return date and time in the format of the language and in the active time zone; a dash if there is none."""
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT") if at else display.EMPTY


def status(document: Any) -> str:
    """Return the status of a document in words; a stub is "not received yet"."""
    if isinstance(document, Order) and document.is_stub:
        return str(labels.NOT_RECEIVED_YET)
    return document.get_status_display() or display.EMPTY


def lost(found: story.Lost) -> str:
    """Return that an order is complete, but that we did not receive all of its shipments."""
    if not found.has_shipment:
        return _("complete, but we received no shipment")
    text = ngettext(
        "complete, but %(pieces)d piece is in no shipment",
        "complete, but %(pieces)d pieces are in no shipment",
        found.missing,
    )
    return text % {"pieces": found.missing}


def name(document: Any) -> str:
    """Return the type of a document, and its number."""
    return capfirst(f"{document._meta.verbose_name} {document.increment_id}")


def account(purchase: story.PurchaseStory) -> Any:
    """Return the mark of a test purchase; else the account if there are several; else ""."""
    if purchase.is_test:
        return about_test()
    return purchase.account if len(conf.real_accounts()) > 1 else ""


def article(line: Any) -> str:
    """Return SKU and size of a line; "?" if it has neither."""
    return " ".join(filter(None, (line.sku, line.size))) or "?"


# ---------------------------------------------------------------- steps


def step_title(step: story.StoryStep) -> str:
    """Return the title of a step."""
    return capfirst(str(STEPS[step.name]))


def step_count(step: story.StoryStep) -> str:
    """Return the number of pieces that reached a step."""
    if step.state is StepState.CANCELLED:
        return str(CANCELLED.get(step.name, NOT_SENT))
    if step.state is StepState.NONE:
        return _("none")
    if step.state is StepState.UNKNOWN and not step.pieces:
        return _("not known")
    if step.name == "ordered":
        return _("at least %(pieces)s") % {"pieces": step.pieces} if step.is_at_least else str(step.pieces)
    if step.is_at_least:
        return _("%(pieces)s of at least %(of)s") % {"pieces": step.pieces, "of": step.of}
    if step.of is None:
        return _("%(pieces)s of ?") % {"pieces": step.pieces}
    return _("%(pieces)s of %(of)s") % {"pieces": step.pieces, "of": step.of}


def step_remarks(step: story.StoryStep) -> list[str]:
    """Return remarks on a step: partly done, still open, partly cancelled, in trouble."""
    remarks = []
    if step.has_problem:
        remarks.append(_("problem on the way"))
    if step.of is None and step.pieces:
        remarks.append(_("number not known"))
    elif step.state is StepState.PARTIAL and step.pieces != step.of:
        remarks.append(_("in part"))
    if step.state is StepState.OPEN:
        remarks.append(_("still open"))
    if step.cancelled and step.state is not StepState.CANCELLED and step.name in ("ordered", *CANCELLED):
        remarks.append(f"{step.cancelled} {CANCELLED.get(step.name, NOT_SENT)}")
    return remarks


def step(step: story.StoryStep) -> str:
    """Return the whole step in a line, such as "Sent: 2 of 3, in part"."""
    return f"{step_title(step)}: {', '.join([step_count(step), *step_remarks(step)])}"


# ---------------------------------------------------------------- amounts


def sum_written_out(added: story.Sum) -> str:
    """Return a sum such as "120,00 − 2,50 fee = € 117,50"."""
    currency = added.document.currency
    parts: list[str] = []
    for term in added.terms:
        label = TERMS.get(term.field)
        sign = MINUS if term.amount < 0 else "+"
        amount = display.money(abs(term.amount), None)
        first = sign if sign == MINUS and not parts else ""
        parts.append(" ".join(filter(None, (sign if parts else first, amount, str(label) if label else ""))))
    if added.discount:
        parts.append(f"{MINUS} {display.money(added.discount, None)} {TERMS['discount']}")
    total = display.money(added.total, currency)
    if len(parts) <= 1 and added.adds_up:
        return total
    return f"{' '.join(parts)} = {total}" if parts else total


def sum_remarks(added: story.Sum) -> list[str]:
    """Return in words which sums do not add up."""
    remarks = []
    if added.difference and added.is_too_much:
        remarks.append(_("these do not add up: %(difference)s") % {"difference": difference(added.difference)})
    if added.lines_difference and added.lines_are_too_much:
        text = _("the subtotal is not that of the lines: %(difference)s")
        remarks.append(text % {"difference": difference(added.lines_difference)})
    return remarks


def difference(amount: Decimal) -> str:
    """Return a difference such as "0,02 too much"."""
    return _("%(amount)s too much") % {"amount": display.money(amount, None)}


def probable_return(guess: story.Probable) -> str:
    """Return in words the return that a credit note probably belongs to, and the reasons."""
    labels_of_reasons = {
        "articles": _("same articles"),
        "sku": _("same SKU, another size"),
        "quantities": _("same quantities"),
        "fee": _("same fee"),
        "time": _("credited after it"),
    }
    reasons = ", ".join(labels_of_reasons[reason] for reason in guess.reasons)
    return _("probably for return %(number)s (%(reasons)s)") % {"number": guess.rma.increment_id, "reasons": reasons}
