"""Numbers as people type them: in any case. Messages are matched by the exact number only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models.credit_memo import CreditMemo
from stockhub_webhooks.models.documents import Document
from stockhub_webhooks.models.invoice import Invoice
from stockhub_webhooks.models.order import Order
from stockhub_webhooks.models.payment_request import PaymentRequest
from stockhub_webhooks.models.rma import RMA
from stockhub_webhooks.models.shipment import Shipment

ALL: tuple[type[Document], ...] = (Order, Shipment, Invoice, RMA, CreditMemo, PaymentRequest)
LIMIT = 100  # spellings


def stored_numbers(
    number: str, columns: Sequence[str] = ("increment_id", "po_number"), models: Sequence[type[Document]] = ALL
) -> list[str]:
    """Return the spellings of a number that the documents have: the exact one if it exists, otherwise any other case.

    Two numbers that differ in case are two customers' orders, so an exact number never stands for another one.

    Args:
        number: as a person or a program typed it.
        columns: `increment_id`, `po_number` or both; their indexes answer the query.
        models: documents to look at.
    """
    branches: list[Any] = [
        model.objects.using(database_alias()).filter(_equals(column, number)).order_by().values_list(column, flat=True)
        for model in models
        for column in columns
    ]
    found = set(branches[0].union(*branches[1:])[:LIMIT])
    return [number] if number in found or not found else sorted(found)


def in_any_case(words: Iterable[str]) -> list[str]:
    """Return the words, and if they have letters outside of ASCII, which SQLite does not convert, their cases."""
    spellings = ((word,) if word.isascii() else (word, word.upper(), word.lower()) for word in words)
    return list(dict.fromkeys(spelling for each in spellings for spelling in each))


def _equals(column: str, number: str) -> Q:
    return reduce(or_, (Q(**{f"{column}__iexact": spelling}) for spelling in in_any_case([number])))
