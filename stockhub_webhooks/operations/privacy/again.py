"""Repeat recorded erasures, after a backup was restored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stockhub_webhooks.operations.privacy import erasure_log, unreceived
from stockhub_webhooks.operations.privacy.erase import ErasureResult, erase
from stockhub_webhooks.operations.privacy.subjects import of_numbers


class Repeated(NamedTuple):
    """A repeated erasure, and the numbers of its orders that are not here (yet)."""

    result: ErasureResult
    unknown: list[str]


def erase_again(lines: Iterable[str]) -> Iterator[Repeated]:
    """Repeat the erasures of a log; harmless if they were not lost.

    Orders that are not here are reported: run it again when their messages have been ingested.

    Raises:
        ValueError: a line is no erasure; nothing is erased.
        django.db.Error: run it again.
    """
    for entry in list(erasure_log.read(lines)):
        subjects = of_numbers(entry.account, entry.orders)
        for number in set(entry.orders) - set(subjects.numbers):
            if order := unreceived.find(number, entry.account):
                order.begin()
        subjects = of_numbers(entry.account, entry.orders)
        unknown = sorted(set(entry.orders) - set(subjects.numbers))
        yield Repeated(erase(subjects, by=entry.erased_by, at=entry.erased_at, is_again=True), unknown)
