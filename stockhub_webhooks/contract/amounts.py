"""Differences between a total and its parts that mean nothing: discounts, which no field names, and rounding."""

from __future__ import annotations

from decimal import Decimal

ROUNDING = Decimal("0.01")  # of one line: Magento keeps four decimals, and rounds each line


def is_too_much(difference: Decimal, lines: int) -> bool:
    """Return True if a total exceeds its parts by more than rounding explains; a total below its parts is a discount.

    Args:
        difference: the total minus its parts, in their currency.
        lines: the number of lines of the document.
    """
    return difference > ROUNDING * max(lines, 1)


def is_discount(difference: Decimal, lines: int) -> bool:
    """Return True if a total is below its parts by more than rounding explains."""
    return is_too_much(-difference, lines)
