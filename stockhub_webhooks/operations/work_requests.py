"""Leases of work requests: each is carried out by one process at a time, in small steps, and survives its death."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.db import OperationalError
from django.db.models import F
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, close_if_broken, database_alias, from_now, with_retries
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.exceptions import WORKER_DIED
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models.work_request import RequestT, WorkRequest

logger = logger_of(__name__)


class ClaimLost(Exception):
    """The request was stopped, or claimed by another process."""


def rows_of(model: type[RequestT]) -> Any:
    """Return all requests of a kind."""
    return model._default_manager.using(database_alias())


def claim_due(model: type[RequestT]) -> RequestT | None:
    """Claim one request that is due; break a request off whose processes died `MAX_ATTEMPTS` times."""
    leases.release_lost()
    with query_timeout(database_alias()):
        due = list(rows_of(model).due(NOW).values_list("pk", "attempts", "claim")[:5])
    for pk, attempts, former in due:
        same = rows_of(model).filter(pk=pk, attempts=attempts, claim=former).due(NOW).order_by()
        if attempts >= conf.MAX_ATTEMPTS:
            failed = {"status": WorkRequest.Status.FAILED, "due_at": None, "last_error": WORKER_DIED}
            if _give_up(same, finished_at=timezone.now(), **failed):
                logger.error("%s %s is given up: its processes died", model._meta.model_name, pk)
        elif leases.claim_unlocked(same, token := uuid.uuid4(), attempts=F("attempts") + 1):
            request: RequestT | None = rows_of(model).filter(pk=pk, claim=token).first()
            return request
    return None


def _give_up(rows: Any, **values: Any) -> bool:
    try:
        return bool(leases.update_unlocked(rows, **values))
    except OperationalError:  # the process is alive
        close_if_broken(database_alias())
        return False


def halt(model: type[WorkRequest], pk: int, who: str) -> bool:
    """Stop a request after its current step, and keep what is done; return False if it has ended already."""
    values = {
        "status": WorkRequest.Status.STOPPED,
        "due_at": None,
        "finished_at": timezone.now(),
        "stopped_by": who,
    }
    return bool(with_retries(partial(rows_of(model).filter(pk=pk, due_at__isnull=False).update, **values)))


def renew(request: WorkRequest) -> None:
    """Renew the claim and lock the request until the transaction ends; must be the first statement of each step."""
    update(request, due_at=from_now(conf.LEASE_SECONDS))


def release(request: WorkRequest, due_at: Any = NOW, **values: Any) -> None:
    """Make the request due again, at once or later, and release its claim, so that it does not look as if it ran."""
    update(request, due_at=due_at, claim=None, **values)


def finish(request: WorkRequest) -> None:
    """Mark the request as done."""
    update(request, status=WorkRequest.Status.DONE, due_at=None, finished_at=timezone.now())


def update(request: WorkRequest, **values: Any) -> None:
    """Update a claimed request.

    Raises:
        ClaimLost: it was stopped, or claimed by another process.
    """
    claimed = rows_of(type(request)).filter(pk=request.pk, claim=request.claim, due_at__isnull=False)
    if not with_retries(partial(claimed.update, **values)):
        raise ClaimLost
