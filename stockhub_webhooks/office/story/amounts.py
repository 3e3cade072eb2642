"""Check of the amounts of a document: the terms of its total, and whether they add up."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from stockhub_webhooks.contract.amounts import ROUNDING, is_discount, is_too_much
from stockhub_webhooks.models import CreditMemo, Invoice, Order, PaymentRequest

# Fields of the total, with their sign. The total of a payment request is not documented, so it is not checked.
PARTS: dict[type[Any], tuple[tuple[str, int], ...]] = {
    Order: (("subtotal", 1), ("shipping_price", 1)),
    Invoice: (("subtotal", 1), ("shipping_price", 1)),
    CreditMemo: (("subtotal", 1), ("shipping_price", 1), ("adjustment", 1), ("fee_amount", -1)),
    PaymentRequest: (("subtotal", 1), ("shipping_price", 1)),
}
UNCHECKED = (PaymentRequest,)
OPTIONAL_DEDUCTION = "return_fee_amount"  # not documented if a credit note deducts it: both totals are accepted


class Term(NamedTuple):
    """Field name and signed amount of one term of a total."""

    field: str
    amount: Decimal


@dataclass(frozen=True)
class Sum:
    """Amounts of one document, in its currency, VAT included.

    Attributes:
        terms: the received amounts other than zero, with their signs.
        total: the received total, or None.
        difference: the total minus its terms; None if an amount is missing or the formula is unknown.
        lines_difference: the subtotal minus the line totals; None if an amount is missing.
        lines: the number of lines, each of which may be rounded.
    """

    document: Any
    terms: tuple[Term, ...]
    total: Decimal | None
    difference: Decimal | None
    lines_difference: Decimal | None
    lines: int = 1

    @property
    def is_too_much(self) -> bool:
        """True if the total exceeds its terms by more than rounding."""
        return is_too_much(self.difference or Decimal(0), self.lines)

    @property
    def lines_are_too_much(self) -> bool:
        """True if the subtotal exceeds the line totals by more than rounding."""
        return is_too_much(self.lines_difference or Decimal(0), self.lines)

    @property
    def discount(self) -> Decimal:
        """The amount by which the total is below its terms; 0 if rounding explains it."""
        difference = self.difference or Decimal(0)
        return -difference if is_discount(difference, self.lines) else Decimal(0)

    @property
    def adds_up(self) -> bool:
        """True if nothing is too much."""
        return not self.is_too_much and not self.lines_are_too_much


def has_amounts(document: Any) -> bool:
    """Return True if a document has a total, a subtotal, or another term that is not zero."""
    amounts = (getattr(document, name) for name, _sign in PARTS[type(document)])
    return document.grand_total is not None or document.subtotal is not None or any(amounts)


def sum_of(document: Any) -> Sum:
    """Return the checked amounts of an order, invoice, credit note or payment request."""
    parts = [(name, sign, getattr(document, name)) for name, sign in PARTS[type(document)]]
    terms = [Term(name, sign * amount) for name, sign, amount in parts if amount is not None]
    total: Decimal | None = document.grand_total
    difference = None
    if total is not None and len(terms) == len(parts) and not isinstance(document, UNCHECKED):
        difference = total - sum(term.amount for term in terms)
        deduction = getattr(document, OPTIONAL_DEDUCTION, None)
        if deduction and difference == -deduction:
            terms.append(Term(OPTIONAL_DEDUCTION, -deduction))
            difference = Decimal(0)
    shown = tuple(term for term in terms if term.amount or term.field == "subtotal")
    lines_difference = _lines_difference(document)
    # the lines of an invoice are not read otherwise
    may_be_rounded = any(abs(amount) > ROUNDING for amount in (difference, lines_difference) if amount)
    lines = len(document.items.all()) if may_be_rounded else 1
    return Sum(document, shown, total, difference, lines_difference, lines)


def _lines_difference(document: Any) -> Decimal | None:
    """Return the difference for orders and credit notes; the lines of other documents are not read."""
    if not isinstance(document, (Order, CreditMemo)) or document.subtotal is None:
        return None
    rows = [item.row_total_inc_tax for item in document.items.all()]
    amounts = [amount for amount in rows if amount is not None]
    if not rows or len(amounts) < len(rows):
        return None
    return document.subtotal - sum(amounts)
