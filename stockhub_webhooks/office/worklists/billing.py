"""Rules on amounts. Amounts of different currencies are never added, and a total below its parts is a discount."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from stockhub_webhooks.models import Order
from stockhub_webhooks.office.story.amounts import sum_of
from stockhub_webhooks.office.worklists.loading import Case, first_known
from stockhub_webhooks.office.worklists.rules import Finding

TOLERANCE = Decimal("0.05")


def find(case: Case) -> Iterator[Finding]:
    """Yield orders and credit notes whose amounts do not match."""
    for order in case.purchase.orders:
        invoices = _excess("invoiced_too_much", order.grand_total, case.documents(order, "invoices"), order)
        found = [check for check in (invoices, *_credited_too_much(case, order)) if check]
        if found:
            since = min(at for at, _facts in found)
            yield Finding("amounts_differ", order, since, [facts for _at, facts in found])
    for memo in filter(case.purchase.has, case.purchase.credit_memos):
        checked = sum_of(memo)
        if not checked.adds_up:
            difference = checked.difference if checked.is_too_much else checked.lines_difference
            facts = {"code": "own_sum", "amount": _text(difference), "currency": _currency(memo)}
            yield Finding("amounts_differ", memo, _since(memo), [facts])


def _credited_too_much(case: Case, order: Order) -> Iterator[tuple[datetime, dict[str, Any]] | None]:
    """Yield the check of the credit notes in each currency."""
    invoices = case.documents(order, "invoices")
    by_currency: dict[str, list[Any]] = defaultdict(list)
    for memo in case.documents(order, "credit_memos"):
        by_currency[_currency(memo)].append(memo)
    for currency, memos in by_currency.items():
        bound = _total([invoice for invoice in invoices if _currency(invoice) == currency])
        if bound is None and not invoices:  # the invoice may be lost, so it is compared with the order
            bound = order.grand_total if _currency(order) == currency else None
        yield _excess("credited_too_much", bound, memos, memos[0])


def _excess(
    code: str, bound: Decimal | None, documents: list[Any], owner: Any
) -> tuple[datetime, dict[str, Any]] | None:
    """Return since when the documents together exceed the bound, and by how much; None if they do not."""
    currencies = set(map(_currency, documents))
    currency = _currency(owner) or (next(iter(currencies)) if len(currencies) == 1 else "")
    same = sorted((document for document in documents if _currency(document) == currency), key=_since)
    if bound is None or not same:
        return None
    total, since = Decimal(0), None
    for document in same:
        total += document.grand_total or Decimal(0)
        if total - bound > TOLERANCE and since is None:
            since = _since(document)
    if since is None or total - bound <= TOLERANCE:
        return None
    return since, {"code": code, "amount": _text(total), "of": _text(bound), "currency": currency}


def _total(documents: list[Any]) -> Decimal | None:
    amounts = [document.grand_total for document in documents if document.grand_total is not None]
    return sum(amounts, Decimal(0)) if amounts else None


def _currency(document: Any) -> str:
    """Return the code in capitals, "" if there is none."""
    return (document.currency or "").strip().upper()


def _text(amount: Decimal | None) -> str:
    return f"{amount or Decimal(0):.4f}"


def _since(document: Any) -> datetime:
    return first_known(document, "created_at", "updated_at")
