"""Run of a bulk request: one transaction for each batch, which commits its effect and the progress together.

If the process is killed, no row is acted on twice, and another process takes over when the lease lapses.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import F

from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.db.throttle import is_over
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import BulkEntry, BulkRequest
from stockhub_webhooks.operations import work_requests
from stockhub_webhooks.operations.bulk.actions import ACTIONS
from stockhub_webhooks.operations.work_requests import ClaimLost

logger = logger_of(__name__)

BATCH = 200
TURN_SECONDS = 0.5  # new messages wait for a bulk request no longer than that


def continue_due(*, until: float = float("inf"), stop: threading.Event | None = None) -> int:
    """Continue one due request for some batches, after which other work has its turn.

    Args:
        until: end of the work, on the clock of `time.monotonic`.
        stop: event that ends the work after the current batch.

    Returns:
        The number of rows, at least 1 if a request was due.
    """
    request = work_requests.claim_due(BulkRequest)
    if request is None:
        return 0
    until = min(until, time.monotonic() + TURN_SECONDS)
    done = 0
    with suppress(ClaimLost):
        try:
            for count in batches(request):
                done += count
                if is_over(until, stop):
                    work_requests.release(request)
                    break
        except (OperationalError, InterfaceError) as fault:
            work_requests.postpone(request, fault)
    return max(done, 1)


def run_at_once(request: BulkRequest) -> None:
    """Carry out a claimed request. What is left over if the database calls a batch off is done by a worker."""
    try:
        for _count in batches(request):
            pass
    except ClaimLost:
        pass
    except (OperationalError, InterfaceError) as fault:
        logger.warning("bulk request %s is left to the worker (%s)", request.pk, error_location(fault))


def halt(pk: int, who: str) -> bool:
    """Stop a request after its current batch, and keep what is done; return False if it has ended already."""
    return work_requests.halt(BulkRequest, pk, who)


def batches(request: BulkRequest) -> Iterator[int]:
    """Act on the remaining rows of a claimed request, yield the size of each batch, and finish the request.

    Raises:
        django.db.OperationalError: all retries of a batch failed; the request keeps its progress.
        ClaimLost: it was stopped, or claimed by another process.
    """
    while entries := list(
        _entries(request).filter(pk__gt=request.reached).order_by("pk").values_list("pk", "row")[:BATCH]
    ):
        try:
            _act_on(request, entries)
        except (ClaimLost, OperationalError, InterfaceError):
            raise
        except Exception as error:  # such as a hand-over to a receiver that was removed meanwhile
            work_requests.break_off(request, error)
            return
        yield len(entries)
    work_requests.finish(request)


def _act_on(request: BulkRequest, entries: list[tuple[int, int]]) -> None:
    """Act on a batch and count it, in one transaction."""
    action, using = ACTIONS[request.action], database_alias()
    last, pks = entries[-1][0], [row for _, row in entries]
    attempts = 0

    def attempt() -> None:
        nonlocal attempts
        attempts += 1
        # the last attempt may have been committed although its answer got lost
        if attempts > 1 and BulkRequest.objects.using(using).filter(pk=request.pk, reached=last).exists():
            return
        with write_transaction(using):
            work_requests.renew(request)
            free = leases.skip_locked(action.rows(request.parameters).filter(pk__in=pks).only("pk"))
            acted = action.apply(request, [row.pk for row in free])
            batch = _entries(request).filter(pk__gt=request.reached, pk__lte=last)
            batch.update(is_acted=False)
            batch.filter(row__in=acted).update(is_acted=True)
            counts: dict[str, Any] = {"acted": F("acted") + len(acted)}
            counts["left_alone"] = F("left_alone") + len(entries) - len(acted)
            work_requests.update(request, reached=last, attempts=1, **counts)

    with_retries(attempt, is_transaction=True)
    request.reached, request.attempts = last, 1


def _entries(request: BulkRequest) -> Any:
    return BulkEntry.objects.using(database_alias()).filter(request=request)
