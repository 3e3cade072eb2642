"""Amounts written out: what is added, what is taken off, and whether that makes the total."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from stockhub_webhooks.models import CreditMemo, Invoice, Order, PaymentRequest

# The fields that make the total, with their sign; what a payment request adds up to is not documented.
PARTS: dict[type[Any], tuple[tuple[str, int], ...]] = {
    Order: (("subtotal", 1), ("shipping_price", 1)),
    Invoice: (("subtotal", 1), ("shipping_price", 1)),
    CreditMemo: (("subtotal", 1), ("shipping_price", 1), ("adjustment", 1), ("fee_amount", -1)),
    PaymentRequest: (("subtotal", 1), ("shipping_price", 1)),
}
UNCHECKED = (PaymentRequest,)
PERHAPS = "return_fee_amount"  # whether a credit note takes it off is documented nowhere: either is right


class Term(NamedTuple):
    """One amount of a sum: the field's name, and what it adds."""

    field: str
    amount: Decimal


@dataclass(frozen=True)
class Sum:
    """The amounts of one document, in its currency, VAT included.

    Attributes:
        terms: those that are told and not nothing, with their signs.
        total: as told, None where it was not.
        difference: what the total is too much (or, below zero, too little); None where that cannot be said.
        lines_difference: what the subtotal is more than the lines together, likewise.
    """

    document: Any
    terms: tuple[Term, ...]
    total: Decimal | None
    difference: Decimal | None
    lines_difference: Decimal | None

    @property
    def adds_up(self) -> bool:
        """Whether nothing is wrong with it, as far as it can be said."""
        return not self.difference and not self.lines_difference


def sum_of(document: Any) -> Sum:
    """The amounts of an order, invoice, credit note or payment request."""
    told = [(name, sign, getattr(document, name)) for name, sign in PARTS[type(document)]]
    terms = [Term(name, sign * amount) for name, sign, amount in told if amount is not None]
    total: Decimal | None = document.grand_total
    difference = None
    if total is not None and len(terms) == len(told) and not isinstance(document, UNCHECKED):
        difference = total - sum(term.amount for term in terms)
        perhaps = getattr(document, PERHAPS, None)
        if perhaps and difference == -perhaps:
            terms.append(Term(PERHAPS, -perhaps))
            difference = Decimal(0)
    shown = tuple(term for term in terms if term.amount or term.field == "subtotal")
    return Sum(document, shown, total, difference, _lines_difference(document))


def _lines_difference(document: Any) -> Decimal | None:
    """Only where the lines are at hand: an order's and a credit note's."""
    if not isinstance(document, (Order, CreditMemo)) or document.subtotal is None:
        return None
    rows = [item.row_total_inc_tax for item in document.items.all()]
    amounts = [amount for amount in rows if amount is not None]
    if not rows or len(amounts) < len(rows):
        return None
    return document.subtotal - sum(amounts)
