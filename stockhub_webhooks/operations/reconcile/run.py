"""Runs with a record of their progress. One run of an account is open at a time, and any process can continue it.

The record is the lock: each change of it is conditional on the claim of the process, and the claim lapses if the
process dies.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import Error as DatabaseError
from django.db import IntegrityError, transaction
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, database_alias, from_now, with_retries
from stockhub_webhooks.exceptions import (
    WORKER_DIED,
    PullUnderWay,
    RestError,
    RestNotConfigured,
    RestUnavailable,
    error_location,
)
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Pull
from stockhub_webhooks.models.pull import PullQuerySet
from stockhub_webhooks.office.worklists import gaps
from stockhub_webhooks.office.worklists import sweep as worklists
from stockhub_webhooks.operations import work_requests
from stockhub_webhooks.operations.reconcile.asking import PullChoice
from stockhub_webhooks.operations.reconcile.steps import AnswerStep, Run
from stockhub_webhooks.operations.work_requests import ERROR_LIMIT, ClaimLost
from stockhub_webhooks.serializers.fields import clean_text

if TYPE_CHECKING:  # httpx may not be installed
    from stockhub_webhooks.operations.reconcile.client import Client

logger = logger_of(__name__)

LEASE_SECONDS = 600.0  # one call with all its attempts takes less
RESUMED_WITHIN = timedelta(days=1)
ENDED = "this run was stopped, or another process continues it"


# ---------------------------------------------------------------- begin and end


def begin(account: str, choice: PullChoice, *, who: str = "", claim: uuid.UUID | None = None) -> Pull:
    """Save a run, which a worker does then; or continue one of the last day with the same choice that did not end.

    Args:
        account: a real account.
        choice: what to ask for.
        who: the name of the user; "" for the nightly run.
        claim: the token of the caller if it does the run itself.

    Raises:
        PullUnderWay: another run of the account is open.
    """
    lease: dict[str, Any] = {"due_at": from_now(LEASE_SECONDS) if claim else NOW, "claim": claim}
    pull = _resumed(account, choice, lease) if who else None
    if pull is None:
        pull = Pull(
            account=account,
            open_account=account,
            requested_by=who,
            created_at=timezone.now(),
            choice=choice.as_json(),
            **lease,
        )
        try:
            with transaction.atomic(using=database_alias()):
                pull.save(using=database_alias(), force_insert=True)
        except IntegrityError:
            pull = None
    if pull is None:
        raise PullUnderWay(
            f"another run for the account {account!r} is open: wait for its end, or stop it in the admin"
        )
    return pull


def _resumed(account: str, choice: PullChoice, lease: dict[str, Any]) -> Pull | None:
    """Claim the last run with this choice if it was stopped, failed or its process died; end a dead one of another."""
    open_again = {"status": Pull.Status.OPEN, "open_account": account, "finished_at": None, "stopped_by": ""}
    lapsed = _rows().filter(open_account=account).due(NOW)
    last = lapsed.first() or _rows().filter(account=account, created_at__gte=timezone.now() - RESUMED_WITHIN).last()
    if last is None or last.status == Pull.Status.DONE:
        return None
    same = _rows().filter(pk=last.pk, status=last.status, claim=last.claim)
    same = same.due(NOW).order_by() if last.due_at else same
    if last.choice != choice.as_json():
        if last.due_at:
            same.update(**_ended(Pull.Status.STOPPED))
        return None
    try:
        with transaction.atomic(using=database_alias()):
            is_ours = same.update(**open_again, **lease)
    except IntegrityError:  # another run is open
        return None
    return _rows().get(pk=last.pk) if is_ours else None


def halt(pk: int, who: str) -> bool:
    """Stop a run after its current call; return False if it has ended already."""
    rows = _rows().filter(pk=pk, due_at__isnull=False)
    return bool(with_retries(partial(rows.update, stopped_by=who, **_ended(Pull.Status.STOPPED))))


def _ended(status: str) -> dict[str, Any]:
    return {"status": status, "due_at": None, "claim": None, "open_account": None, "finished_at": timezone.now()}


# ---------------------------------------------------------------- run


def steps(pull: Pull, *, per_second: float | None = None, stop: threading.Event | None = None) -> Iterator[AnswerStep]:
    """Do a claimed run; yield the result of each answer, after it is counted. The run ends, or waits for a retry.

    Args:
        pull: a run with the claim of the caller.
        per_second: the largest number of requests per second.
        stop: set to end after the current call; the run stays open then, and is due.

    Raises:
        RestError: the run has failed, or `RestUnavailable`: it waits, and a worker continues it.
    """
    stop = stop or threading.Event()
    try:
        with open_client(pull.account, per_second, stop) as client:
            run = Run(
                client,
                PullChoice.from_json(pull.choice),
                pull.created_at,
                stage=pull.stage,
                page=max(pull.page, 1),
                done_before=pull.done,
            )
            for step in run.steps():
                _count(pull, run, step)
                yield step
                if stop.is_set():
                    work_requests.update(pull, due_at=NOW, claim=None)
                    return
            worklists.look_at_numbers(pull.account, gaps.unknown_numbers(pull.account))
            work_requests.update(pull, **_ended(Pull.Status.DONE))
    except RestUnavailable as fault:
        _postpone(pull, fault)
        raise
    except RestError as fault:
        work_requests.update(pull, last_error=clean_text(str(fault))[:ERROR_LIMIT], **_ended(Pull.Status.FAILED))
        raise
    except ClaimLost:
        raise RestError(ENDED) from None


def open_client(account: str, per_second: float | None = None, stop: threading.Event | None = None) -> Client:
    """Return the client of an account.

    Raises:
        RestNotConfigured: a setting is missing or wrong, or httpx is not installed.
    """
    try:
        from stockhub_webhooks.operations.reconcile import client
    except ImportError:
        client = None  # type: ignore[assignment]
    if client is None:
        raise RestNotConfigured('httpx is not installed: pip install "django-stockhub-webhooks[reconcile]"')
    return client.Client(account, per_second=per_second or client.PER_SECOND, stop=stop)


def _postpone(pull: Pull, fault: RestUnavailable) -> None:
    """Make the run due again after a pause, or end it after `MAX_ATTEMPTS` in a row."""
    attempts = pull.attempts + 1
    values: dict[str, Any] = {"attempts": attempts, "last_error": clean_text(str(fault))[:ERROR_LIMIT]}
    if attempts >= conf.MAX_ATTEMPTS:
        values |= _ended(Pull.Status.FAILED)
    else:
        values |= {"due_at": from_now(max(conf.pause_after(attempts), fault.retry_after)), "claim": None}
    work_requests.update(pull, **values)


def continue_due(stop: threading.Event) -> int:
    """Do one due run to its end, in a worker; return the number of its answers."""
    pull = _claim()
    if pull is None:
        return 0
    done = 0
    try:
        for _step in steps(pull, stop=stop):
            done += 1
    except RestUnavailable as fault:
        logger.warning("run %s for what is missing waits: %s", pull.pk, fault)
    except RestError as fault:
        logger.error("run %s for what is missing has ended: %s", pull.pk, fault)
    except Exception as fault:
        location = error_location(fault)
        logger.error("run %s for what is missing waits (%s)", pull.pk, location)
        with suppress(ClaimLost, DatabaseError):  # then the lease lapses, and a worker continues it
            _postpone(pull, RestUnavailable(f"unexpected error ({location})"))
    return done


def _claim() -> Pull | None:
    """Claim a run that is due. One whose process died counts an attempt, and ends after `MAX_ATTEMPTS` in a row."""
    for pk, former, attempts in list(_rows().due(NOW).values_list("pk", "claim", "attempts")[:5]):
        token = uuid.uuid4()
        same = _rows().filter(pk=pk, claim=former, attempts=attempts).due(NOW).order_by()
        counted: dict[str, Any] = {"attempts": attempts + 1} if former else {}
        if former and attempts >= conf.MAX_ATTEMPTS:
            with_retries(partial(same.update, last_error=WORKER_DIED, **_ended(Pull.Status.FAILED)))
            logger.error("run %s for what is missing is broken off: its processes died", pk)
        elif leases.claim_waiting(same, token, due_at=from_now(LEASE_SECONDS), **counted):
            return with_retries(partial(_rows().get, pk=pk))
    return None


def _count(pull: Pull, run: Run, step: AnswerStep) -> None:
    """Count the result, keep the place, and renew the claim; a repeated UPDATE counts nothing twice."""
    setattr(pull, step.result, getattr(pull, step.result) + 1)
    values: dict[str, Any] = {step.result: getattr(pull, step.result), "stage": run.stage, "page": run.page}
    values["total"] = step.total + run.done_before
    if step.error:
        values["last_error"] = clean_text(f"{step.number}: {step.error}")[:ERROR_LIMIT]
    pull.attempts = 0
    work_requests.update(pull, due_at=from_now(LEASE_SECONDS), attempts=0, **values)


def _rows() -> PullQuerySet:
    return Pull.objects.using(database_alias())
