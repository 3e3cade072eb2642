"""Search for numbers as people type them, in upper or lower case. Messages are matched by the exact number only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from stockhub_webhooks.conf import TEST_ACCOUNT
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models.credit_memo import CreditMemo
from stockhub_webhooks.models.documents import Document
from stockhub_webhooks.models.invoice import Invoice
from stockhub_webhooks.models.order import Order
from stockhub_webhooks.models.payment_request import PaymentRequest
from stockhub_webhooks.models.rma import RMA
from stockhub_webhooks.models.shipment import Shipment

ALL: tuple[type[Document], ...] = (Order, Shipment, Invoice, RMA, CreditMemo, PaymentRequest)
LIMIT = 100  # spellings of a number


def of_number(
    number: str,
    paths: Sequence[str],
    columns: Sequence[str] = ("increment_id", "po_number"),
    models: Sequence[type[Document]] = ALL,
) -> Q:
    """Return a condition on rows with an account: in each account the exact number if it exists, else any other case.

    Two numbers that differ in case are two customers' orders, so an exact number never stands for another one. Each
    account is searched by itself.

    Args:
        number: as a person or a program typed it.
        paths: columns of the rows, any of which must have the number.
        columns: the columns of `models` that have such numbers: `increment_id`, `po_number` or both.
        models: documents to look at; the indexes of their columns answer the query.
    """
    spellings: dict[str, set[str]] = {}
    stored = [*_stored(number, columns, models, tests=False), *_stored(number, columns, models, tests=True)]
    for account, spelling in stored:
        spellings.setdefault(account, set()).add(spelling)
    condition = Q(pk__in=[])
    for account, found in spellings.items():
        numbers = [number] if number in found else sorted(found)
        condition |= Q(account=account) & reduce(or_, (Q(**{f"{path}__in": numbers}) for path in paths))
    return condition


def _stored(
    number: str, columns: Sequence[str], models: Sequence[type[Document]], *, tests: bool
) -> list[tuple[str, str]]:
    """Return account and spelling of the documents with a number in any case, of real accounts or of tests."""
    sets = [model.objects.of_account(TEST_ACCOUNT) if tests else model.objects.real() for model in models]
    branches: list[Any] = [
        rows.using(database_alias()).filter(_equals(column, number)).order_by().values_list("account", column)
        for rows in sets
        for column in columns
    ]
    first, *others = branches
    # Django 5.2.0 fails at a slice of a union of one
    return list((first.union(*others) if others else first.distinct())[:LIMIT])


def in_any_case(words: Iterable[str]) -> list[str]:
    """Return the words, and if they have letters outside of ASCII, which SQLite does not convert, their cases."""
    spellings = ((word,) if word.isascii() else (word, word.upper(), word.lower()) for word in words)
    return list(dict.fromkeys(spelling for each in spellings for spelling in each))


def _equals(column: str, number: str) -> Q:
    return reduce(or_, (Q(**{f"{column}__iexact": spelling}) for spelling in in_any_case([number])))
