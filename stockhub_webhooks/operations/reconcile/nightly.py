"""Runs of the worker: one each night for each account with a `REST_BASE_URL`, and those that a person asked for.

They have a thread of their own, so that a REST call that hangs stops no other work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import partial

from django.db import connections
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW, database_alias, in_these_schemas
from stockhub_webhooks.exceptions import PullUnderWay, error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Pull
from stockhub_webhooks.operations.reconcile import run
from stockhub_webhooks.operations.reconcile.asking import PullChoice

logger = logger_of(__name__)

BEGINS_AT = time(3)  # in the host's TIME_ZONE
WAIT_STEP_SECONDS = 0.2


class PullThread:
    """Runs one step at a time in a daemon thread."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def start(self, step: Callable[[], object]) -> None:
        """Run the step, unless the former one has not returned."""
        if not self.is_running():
            work = in_these_schemas(partial(self._run, step))
            self._thread = threading.Thread(target=work, name="stockhub-reconcile", daemon=True)
            self._thread.start()

    def is_running(self) -> bool:
        """Return True if the step has not returned."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, step: Callable[[], object]) -> None:
        try:
            self.call(step)
        finally:
            connections.close_all()

    @staticmethod
    def call(step: Callable[[], object]) -> None:
        """Run the step; an error is logged."""
        try:
            step()
        except Exception as error:
            logger.error("what is missing could not be fetched (%s); the worker tries again", error_location(error))


PULL_THREAD = PullThread()


def start_due(stop: threading.Event) -> None:
    """Begin the nightly runs that are due, and do due runs in the thread."""
    accounts = conf.rest_accounts()
    if not accounts or PULL_THREAD.is_running():
        return
    for account in accounts:
        begin_nightly(account)
    if Pull.objects.using(database_alias()).due(NOW).exists():
        PULL_THREAD.start(lambda: _continue_all(stop))


def _continue_all(stop: threading.Event) -> None:
    while not stop.is_set() and run.continue_due(stop):
        pass


def begin_nightly(account: str) -> bool:
    """Begin the run of this night, unless it was begun; return False if there is nothing to begin."""
    runs = Pull.objects.using(database_alias()).filter(account=account, requested_by="")
    # a time in the future is from a clock that was set back
    if runs.filter(created_at__range=(_last_beginning(), timezone.now())).exists():
        return False
    try:
        run.begin(account, PullChoice())
    except PullUnderWay:
        return False
    return True


def _last_beginning() -> datetime:
    now = timezone.localtime()
    today = timezone.make_aware(datetime.combine(now.date(), BEGINS_AT))
    return today if today <= now else today - timedelta(days=1)
