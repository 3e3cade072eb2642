"""Leases of work requests: each is carried out by one process at a time, in small steps, and survives its death."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.db import OperationalError
from django.db.models import F
from django.db.models.expressions import Combinable
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, close_if_broken, database_alias, from_now, with_retries
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.exceptions import WORKER_DIED, error_location, format_error
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Pull
from stockhub_webhooks.models.work_request import RequestT, WorkRequest
from stockhub_webhooks.serializers.fields import clean_text

logger = logger_of(__name__)

ERROR_LIMIT = 2000


class ClaimLost(Exception):
    """The request was stopped, or claimed by another process."""


def rows_of(model: type[WorkRequest | Pull]) -> Any:
    """Return all requests of a kind."""
    return model._default_manager.using(database_alias())


def claim_due(model: type[RequestT]) -> RequestT | None:
    """Claim one request that is due.

    A request whose claim lapsed is taken over at once. If that claim lapses, too, without progress, the request waits
    for a pause; after `MAX_ATTEMPTS` claims it is broken off.
    """
    leases.release_lost()
    with query_timeout(database_alias()):
        due = list(rows_of(model).due(NOW).values_list("pk", "attempts", "claim")[:5])
    for pk, attempts, former in due:
        same = rows_of(model).filter(pk=pk, attempts=attempts, claim=former).due(NOW).order_by()
        if former and attempts >= conf.MAX_ATTEMPTS:
            if _update_unlocked(same, **_failed(WORKER_DIED)):
                logger.error("%s %s is broken off: its processes died", model._meta.model_name, pk)
        elif former and attempts > 1:
            if _update_unlocked(same, claim=None, due_at=from_now(conf.pause_after(attempts))):
                logger.warning("%s %s waits: its process died again", model._meta.model_name, pk)
        elif leases.claim_unlocked(same, token := uuid.uuid4(), attempts=F("attempts") + 1):
            request: RequestT | None = rows_of(model).filter(pk=pk, claim=token).first()
            return request
    return None


def _failed(error: str) -> dict[str, Any]:
    status = WorkRequest.Status.FAILED
    return {"status": status, "due_at": None, "finished_at": timezone.now(), "last_error": error}


def _update_unlocked(rows: Any, **values: Any) -> bool:
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


def postpone(request: WorkRequest, fault: Exception) -> None:
    """Make a request due again after a pause, since the database called a step off, or break it off."""
    close_if_broken(database_alias())
    if request.attempts >= conf.MAX_ATTEMPTS:
        break_off(request, fault)
        return
    logger.warning("%s %s waits (%s)", request._meta.model_name, request.pk, error_location(fault))
    release(request, from_now(conf.pause_after(request.attempts)))


def break_off(request: WorkRequest, error: Exception) -> None:
    """End a request that cannot be carried out; what is done stays done."""
    update(request, **_failed(clean_text(format_error(error))[:ERROR_LIMIT]))
    location = error_location(error)
    logger.error("%s %s is broken off (%s); what is done stays done", request._meta.model_name, request.pk, location)


def finish(request: WorkRequest) -> None:
    """Mark the request as done."""
    update(request, status=WorkRequest.Status.DONE, due_at=None, finished_at=timezone.now())


def update(request: WorkRequest | Pull, **values: Any) -> None:
    """Update a claimed request.

    Args:
        request: the request.
        values: new values, without expressions that depend on the former value unless a transaction is open.

    Raises:
        ClaimLost: it was stopped, or claimed by another process.
    """
    row = rows_of(type(request)).filter(pk=request.pk)
    claimed = row.filter(claim=request.claim, due_at__isnull=False)
    written = {name: value for name, value in values.items() if not isinstance(value, Combinable)}
    attempts = 0

    def step() -> bool:
        nonlocal attempts
        attempts += 1
        # an UPDATE that ends the claim matches no row again if it was executed and its answer got lost
        return bool(claimed.update(**values)) or (attempts > 1 and row.filter(**written).exists())

    if not with_retries(step):
        raise ClaimLost
