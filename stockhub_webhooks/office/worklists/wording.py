"""What is missing, and the question for Winkelstraat, in the active language; numbers and dates only, no customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import formats, timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from stockhub_webhooks.models import WorklistRow
from stockhub_webhooks.models.worklists import KINDS
from stockhub_webhooks.office.worklists.rules import RULES
from stockhub_webhooks.visible import isolated

CENT = Decimal("0.01")

# by the code of a fact: what is missing
FACTS: Mapping[str, Any] = {
    "not_sent": ngettext_lazy("%(pieces)d of %(of)d piece not sent", "%(pieces)d of %(of)d pieces not sent", "of"),
    "complete": gettext_lazy("complete, but we received no shipment"),
    "silent": gettext_lazy("on the way, and no news of it"),
    "problem_on_the_way": gettext_lazy("the carrier reports a problem"),
    "not_answered": ngettext_lazy(
        "the return of %(pieces)d piece is not answered", "the return of %(pieces)d pieces is not answered", "pieces"
    ),
    "not_credited": ngettext_lazy(
        "%(pieces)d of %(of)d returned piece not credited", "%(pieces)d of %(of)d returned pieces not credited", "of"
    ),
    "cancelled_but_sent": ngettext_lazy(
        "cancelled, but %(pieces)d piece was sent (shipment %(numbers)s)",
        "cancelled, but %(pieces)d pieces were sent (shipment %(numbers)s)",
        "pieces",
    ),
    "invoiced_not_shipped": ngettext_lazy(
        "%(pieces)d piece invoiced and not sent (invoice %(numbers)s)",
        "%(pieces)d pieces invoiced and not sent (invoice %(numbers)s)",
        "pieces",
    ),
    "invoiced_too_much": gettext_lazy("%(amount)s invoiced, but the order is %(of)s"),
    "credited_too_much": gettext_lazy("%(amount)s credited, but only %(of)s invoiced"),
    "own_sum": gettext_lazy("the credit note does not add up: %(amount)s too much"),
    "sent_too_many": gettext_lazy("%(sku)s %(size)s: %(pieces)d sent, %(of)d ordered"),
    "cancelled_pieces_sent": gettext_lazy("%(sku)s %(size)s: %(pieces)d sent, %(of)d left after the cancellation"),
    "returned_too_many": gettext_lazy("%(sku)s %(size)s: %(pieces)d returned, %(of)d sent or ordered"),
    "credited_too_many": gettext_lazy("%(sku)s %(size)s: %(pieces)d credited, %(of)d ordered"),
    "complete_in_part": ngettext_lazy(
        "complete, but %(pieces)d piece is in no shipment",
        "complete, but %(pieces)d pieces are in no shipment",
        "pieces",
    ),
    "order_missing": gettext_lazy("we know it from its documents, but did not receive the order itself"),
    "missing": gettext_lazy("our shop does not know this number"),
    "no_number": gettext_lazy("it has no order number of ours"),
    "payment_open": gettext_lazy("the payment of %(amount)s is open"),
    "missing_shipment": gettext_lazy("Stock Hub says it was sent, but we received no shipment"),
    "missing_invoice": gettext_lazy("Stock Hub says it was invoiced, but we received no invoice"),
    "missing_credit_note": gettext_lazy("Stock Hub says it was credited, but we received no credit note"),
}

# by rule: the question; "" if nobody but our shop can answer
QUESTIONS: Mapping[str, Any] = {
    "not_sent": gettext_lazy("Not everything of this order was sent yet. When will it be?"),
    "complete_without_shipment": gettext_lazy(
        "The order is complete, but we did not receive a shipment: can you send us its message again?"
    ),
    "silent_in_transit": gettext_lazy("We have had no news of this parcel since then. Where is it?"),
    "problem_on_the_way": gettext_lazy("This parcel has a problem on the way. What is being done about it?"),
    "return_not_answered": gettext_lazy("This return has not been answered yet. May the customer send it back?"),
    "return_not_credited": gettext_lazy("This return came back, but is not credited in full. When will it be?"),
    "cancelled_but_sent": gettext_lazy("This order is cancelled, but was sent all the same. What are we to do?"),
    "invoiced_not_shipped": gettext_lazy("More was invoiced than was sent. When will the rest be sent?"),
    "amounts_differ": gettext_lazy("These amounts do not match. Can you look into it?"),
    "pieces_differ": gettext_lazy("These numbers of pieces do not match. Can you look into it?"),
    "order_missing": gettext_lazy("We did not receive this order itself. Can you send us its message again?"),
    "not_in_shop": gettext_lazy("We do not know this order. Which order number of ours does it belong to?"),
    "payment_open": gettext_lazy("Did you receive the payment for this request?"),
    "missing_shipment": gettext_lazy("We did not receive the shipment. Can you send us its message again?"),
    "missing_invoice": gettext_lazy("We did not receive the invoice. Can you send us its message again?"),
    "missing_credit_note": gettext_lazy("We did not receive the credit note. Can you send us its message again?"),
    "never_mentioned": gettext_lazy("We have heard nothing of this order from you. Did you receive it?"),
}


def days(row: WorklistRow) -> int:
    """Return the whole days since the condition began to hold."""
    return max((timezone.now() - row.since).days, 0)


def rule_name(code: str) -> str:
    """Return the label of a rule, or the code itself if this version does not know it."""
    rule = RULES.get(code)
    return str(rule.label) if rule else code


def subject(row: WorklistRow) -> str:
    """Return what the row is about: "shipment 000000012"; a number of ours alone if there is no document."""
    model = KINDS.get(row.kind)
    return f"{model._meta.verbose_name} {row.number}" if model else _("our order number %(number)s") % vars(row)


def missing(row: WorklistRow) -> list[str]:
    """Return what is missing, a line for each fact."""
    return [_fact(fact) for fact in row.detail] or [rule_name(row.rule)]


def _fact(fact: Mapping[str, Any]) -> str:
    text = FACTS.get(str(fact.get("code")), "")
    values: dict[str, Any] = {"sku": "", "size": "", "pieces": 0, "of": 0, **fact}
    for name in ("amount", "of"):
        if isinstance(values.get(name), str):
            values[name] = _money(values[name], str(values.get("currency", "")))
    values["numbers"] = ", ".join(map(str, fact.get("numbers", ())))
    return " ".join((text % values).split()) if text else str(fact.get("code", ""))


def _money(text: str, currency: str) -> str:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return text or "?"
    places = 2 if amount == amount.quantize(CENT) else 4
    return f"{currency} {formats.number_format(amount, decimal_pos=places, force_grouping=True)}".strip()


def question(row: WorklistRow) -> str:
    """Return the question for Winkelstraat."""
    return str(QUESTIONS.get(row.rule, "")) or _("Can you look into it?")


def support_message(row: WorklistRow) -> str:
    """Return the text to copy for Winkelstraat: the numbers, since when, what is missing, and the question."""
    return isolated("\n".join(_support_lines(row)) + "\n")


def _support_lines(row: WorklistRow) -> Iterator[str]:
    if row.po_number:
        yield _("Our order number: %(number)s") % {"number": row.po_number}
    if row.order is not None:
        yield _("Stock Hub order: %(number)s") % {"number": row.order.increment_id}
    if row.kind not in ("order", "number"):
        yield capfirst(subject(row))
    since = formats.date_format(timezone.localtime(row.since), "DATE_FORMAT")
    text: Callable[[str], str] = capfirst
    yield _("%(what)s (since %(since)s)") % {"what": text("; ".join(missing(row))), "since": since}
    yield ""
    yield question(row)


def heads() -> list[str]:
    """Return the heads of an exported file."""
    names = (
        _("what does not proceed"),
        _("days"),
        _("since"),
        _("our order number"),
        _("Stock Hub order"),
        _("document"),
        _("what is missing"),
        _("question for Winkelstraat"),
    )
    return [capfirst(name) for name in names]


def cells(row: WorklistRow) -> list[Any]:
    """Return the cells of a row of that file."""
    order = row.order.increment_id if row.order else ""
    facts = "; ".join(missing(row))
    return [rule_name(row.rule), days(row), row.since, row.po_number, order, subject(row), facts, question(row)]
