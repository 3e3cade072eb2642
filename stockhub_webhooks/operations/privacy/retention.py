"""Remove what is past its term, in small batches with pauses as long as the batch took, so that receiving stays fast.

The terms are those of `RETENTION_DAYS`, by the kinds of `models/personal.py`. Never removed: open, quarantined and
given-up work, and what `held.HELD` names.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.models import (
    AskedNumber,
    Attempt,
    BulkRequest,
    Event,
    ExportRequest,
    Message,
    Pull,
    ReceiverCall,
    Refusal,
    Replay,
    WorklistRow,
)
from stockhub_webhooks.models.personal import (
    ADDRESSES,
    ATTEMPTS,
    BODIES,
    DOCUMENTS,
    EVENTS,
    REFUSED,
    retention_days,
)
from stockhub_webhooks.models.worklists import NUMBER
from stockhub_webhooks.operations.privacy import old_purchases
from stockhub_webhooks.operations.privacy.held import held, is_unfinished
from stockhub_webhooks.receiving import body_removal, refused_bodies

BATCH = 500
GRACE = timedelta(days=1)  # of the health report
MAX_PAUSE_SECONDS = 5.0


class Batch(NamedTuple):
    """One batch: the kind, and the number of rows that were removed or emptied, which may be 0."""

    kind: str
    rows: int


def prune(stop: threading.Event | None = None, *, until: float = float("inf"), pauses: bool = True) -> Iterator[Batch]:
    """Remove what is past its term; yield each batch, and pause after it for as long as it took.

    Args:
        stop: ends the work after the current batch.
        until: end of the work, on the clock of `time.monotonic`.
        pauses: False if the caller pauses.

    Raises:
        django.db.Error: a batch failed after all retries; earlier batches stay removed.
    """
    stop = stop or threading.Event()
    now = timezone.now()
    for kind, term in retention_days().items():
        if term is None:
            continue
        for step in STEPS[kind]:
            began = time.monotonic()
            for rows in step(now - timedelta(days=term)):
                yield Batch(kind, rows)
                if pauses:
                    stop.wait(min(time.monotonic() - began, MAX_PAUSE_SECONDS))
                if stop.is_set() or time.monotonic() >= until:
                    return
                began = time.monotonic()


def past_term(
    terms: dict[str, int | None] | None = None,
    *,
    grace: timedelta = timedelta(0),
    is_quick: bool = False,
    at_most: int | None = None,
) -> dict[str, int]:
    """Return how much is past its term and still here, by kind.

    Args:
        terms: the terms in days; None for those that apply now.
        grace: what is past its term for less than this does not count, since it is removed once an hour.
        is_quick: True to leave out the addresses, the documents, the requests and the numbers that were asked for,
            which need more than an index.
        at_most: counting ends at so many rows of each selection.
    """
    now = timezone.now() - grace
    counts: dict[str, int] = {}
    for kind, term in (retention_days() if terms is None else terms).items():
        if term is not None and not (is_quick and kind not in QUICK_COUNTS):
            limit = now - timedelta(days=term)
            counts[kind] = sum(count(limit, at_most) for count in (QUICK_COUNTS if is_quick else COUNTS)[kind])
    return counts


# ---------------------------------------------------------------- rows by kind


def _bodies(limit: datetime) -> Any:
    settled = (Message.Status.APPLIED, Message.Status.DISMISSED)
    rows = _rows(Message).filter(body_removed_at=None, received_at__lt=limit, status__in=settled)
    unfinished = ReceiverCall.objects.using(database_alias()).filter(is_unfinished(), event__message=OuterRef("pk"))
    # the columns of an index, so that bodies that were removed cost nothing
    return rows.filter(~Exists(unfinished)).order_by("body_removed_at", "received_at", "pk")


def _events(limit: datetime) -> Any:
    unfinished = ReceiverCall.objects.using(database_alias()).filter(is_unfinished(), event=OuterRef("pk"))
    # the sender's clock may be wrong, and an old change may come late
    came_long_ago = Q(message=None) | Q(message__received_at__lt=limit)
    rows = _rows(Event).filter(came_long_ago, ~Exists(unfinished), occurred_at__lt=limit)
    return rows.order_by("occurred_at", "pk")


def _attempts(limit: datetime) -> Any:
    unfinished = ReceiverCall.objects.using(database_alias()).filter(is_unfinished(), pk=OuterRef("call"))
    return _rows(Attempt).filter(~Exists(unfinished), failed_at__lt=limit).order_by("pk")


def _requests(model: Any, limit: datetime) -> Any:
    return _rows(model).filter(due_at=None, created_at__lt=limit).order_by("pk")


def _asked_numbers(limit: datetime) -> Any:
    return _rows(AskedNumber).filter(asked_at__lt=limit).order_by("pk")


def _ended_numbers(limit: datetime) -> Any:
    """Return the rows of the worklists that belong to no order and are settled; all others go with their order."""
    settled = Q(ended_at__lt=limit) | Q(status=WorklistRow.Status.DISMISSED, dismissed_at__lt=limit)
    return _rows(WorklistRow).filter(settled, kind=NUMBER).order_by("pk")


def _refused(limit: datetime) -> Any:
    return refused_bodies.expired(limit).order_by("refused_at", "pk")


def _refusals(limit: datetime) -> Any:
    return _rows(Refusal).filter(hour__lt=limit).order_by("hour", "pk")


def _rows(model: Any) -> Any:
    return model._default_manager.using(database_alias()).exclude(held(model))


def _empty(rows: Any) -> int:
    return body_removal.remove_bodies(rows, error="")


def _delete(rows: Any) -> int:
    count = rows.count()
    rows.delete()
    return int(count)


def _in_batches(select: Callable[[datetime], Any], remove: Callable[[Any], int], limit: datetime) -> Iterator[int]:
    """Remove the selected rows; yield the size of each batch."""

    def step() -> int:
        using = database_alias()
        with write_transaction(using):
            rows = select(limit)
            pks = list(rows.values_list("pk", flat=True)[:BATCH])
            if pks:
                remove(rows.model._default_manager.using(using).filter(pk__in=pks))
        return len(pks)

    while removed := with_retries(step, is_transaction=True):
        yield removed
        if removed < BATCH:
            return


WORK_REQUESTS = (Replay, BulkRequest, ExportRequest, Pull)
Step = Callable[[datetime], Iterator[int]]
Count = Callable[[datetime, int | None], int]
Selections = tuple[tuple[Callable[[datetime], Any], Callable[[Any], int]], ...]

QUICK_SELECTIONS: dict[str, Selections] = {
    BODIES: ((_bodies, _empty),),
    REFUSED: ((_refused, _delete), (_refusals, _delete)),
    ATTEMPTS: ((_attempts, _delete),),
    EVENTS: ((_events, _delete),),
}

SELECTIONS: dict[str, Selections] = {
    **QUICK_SELECTIONS,
    ATTEMPTS: (
        *QUICK_SELECTIONS[ATTEMPTS],
        *((partial(_requests, model), _delete) for model in WORK_REQUESTS),
        (_asked_numbers, _delete),
    ),
}

STEPS: dict[str, tuple[Step, ...]] = {
    **{
        kind: tuple(partial(_in_batches, select, remove) for select, remove in steps)
        for kind, steps in SELECTIONS.items()
    },
    ADDRESSES: (old_purchases.remove_old_addresses,),
    DOCUMENTS: (old_purchases.remove_old_documents, partial(_in_batches, _ended_numbers, _delete)),
}


def _counts(selections: dict[str, Selections]) -> dict[str, tuple[Count, ...]]:
    return {kind: tuple(partial(_count, select) for select, _ in steps) for kind, steps in selections.items()}


def _count(select: Callable[[datetime], Any], limit: datetime, at_most: int | None) -> int:
    rows = select(limit)
    return int((rows.order_by() if at_most is None else rows[:at_most]).count())


QUICK_COUNTS: dict[str, tuple[Count, ...]] = _counts(QUICK_SELECTIONS)

COUNTS: dict[str, tuple[Count, ...]] = {
    **_counts(SELECTIONS),
    ADDRESSES: (old_purchases.count_old_addresses,),
    DOCUMENTS: (old_purchases.count_old_documents, partial(_count, _ended_numbers)),
}
