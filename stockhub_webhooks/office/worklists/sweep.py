"""When the worklists are brought up to date: after messages, by a look at all documents, and as time passes.

Each source is walked through by primary key, some rows at a time, and the place is kept in the database: the memory
does not grow with the tables, no transaction is long, and what a process left behind is done by the next one. One
process at a time works here; whatever two do at once, each row and event is written once.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import Error as DatabaseFault
from django.db.models import Max
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW, close_if_broken, database_alias, from_now
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Event, HostLink, Order, PaymentRequest, WorklistProgress, WorklistRow
from stockhub_webhooks.models.ledger import DEADLINE
from stockhub_webhooks.models.lock import acquire, release
from stockhub_webhooks.office.worklists import deadlines, rows
from stockhub_webhooks.office.worklists.incomplete import NOT_FOUND
from stockhub_webhooks.office.worklists.loading import BATCH
from stockhub_webhooks.office.worklists.rules import VERSION

logger = logger_of(__name__)

LOCK = "worklists"
LOCK_SECONDS = 30.0
SLICE_SECONDS = 2.0
WEB_SLICE_SECONDS = 0.05
WEB_BATCH = 10
WEB_PAUSE_FACTOR = 10  # a pause in the web processes is so many times as long as the slice before it
EVENTS_OF_AN_ORDER = 5  # for each order of a batch, so many events are read at a time
SETTLED_SECONDS = 60.0  # after that an event is committed, or never will be
SWEEP_AGAIN = timedelta(days=7)  # all documents are looked at again, in case something was changed by hand

look_throttle = Throttle(1.0)
time_throttle = Throttle(30.0)

DOCUMENTS: tuple[tuple[str, Any], ...] = (("order", Order), ("payment_request", PaymentRequest))


def update_due(
    *,
    until: float = float("inf"),
    stop: threading.Event | None = None,
    ignore_pauses: bool = False,
    in_web: bool = False,
) -> int:
    """Bring the worklists up to date for a slice of time; return the number of purchases and opened rows.

    Never raises for a fault of the database: the work stays due.

    Args:
        until: end, on the clock of `time.monotonic`.
        stop: checked between two batches.
        ignore_pauses: True to look now, however short ago this process looked.
        in_web: True in a thread that serves requests: for a shorter time, and less at once.
    """
    if not (ignore_pauses or look_throttle.is_due()):
        return 0
    look_throttle.start()
    began, done = time.monotonic(), 0
    until = min(until, began + (WEB_SLICE_SECONDS if in_web else SLICE_SECONDS))
    try:
        with query_timeout(database_alias()):
            is_due = ignore_pauses or time_throttle.is_due() or _has_changed()
        done = _walk(Walk(until, stop, WEB_BATCH if in_web else BATCH), ignore_pauses) if is_due else 0
    except DatabaseFault as fault:
        logger.info("the worklists are brought up to date later (%s)", type(fault).__name__)
        close_if_broken(database_alias())
    except Exception as fault:  # it must hold up no other work
        logger.error("the worklists were not brought up to date (%s); it is tried again", error_location(fault))
    if done:  # there may be more
        look_throttle.shorten((time.monotonic() - began) * WEB_PAUSE_FACTOR if in_web else 0.0)
    return done


def look_at(orders: Collection[int]) -> None:
    """Bring the rows of orders up to date at once, after something changed of which there is no event.

    A fault is logged, and holds up no other work; the next look at all documents finds what it left.
    """
    _quietly(lambda: rows.update(orders, is_first_run=_is_first_run()))


def look_at_numbers(account: str, since_by_number: dict[str, datetime]) -> None:
    """Bring the rows of our numbers that Stock Hub does not know up to date at once, see `rows.update_numbers`.

    A fault is logged.
    """
    _quietly(lambda: rows.update_numbers(account, since_by_number, is_first_run=_is_first_run()))


def _quietly(work: Callable[[], Any]) -> None:
    try:
        work()
    except Exception as fault:
        logger.error("the worklists are brought up to date later (%s)", error_location(fault))
        close_if_broken(database_alias())


def _is_first_run() -> bool:
    """Return True until these rules were applied to all documents."""
    looked = WorklistProgress.objects.using(database_alias()).filter(version=VERSION)
    return looked.filter(name__in=[name for name, _model in DOCUMENTS]).count() < len(DOCUMENTS)


def _has_changed() -> bool:
    """Return True if there are new events, or some to look at once more; most of the time there are none."""
    progress = WorklistProgress.objects.using(database_alias()).in_bulk()
    if any(name not in progress or progress[name].finished_at is None for name, _model in DOCUMENTS):
        return True
    events = progress.get("events")
    return events is None or events.seen != _newest_event() or (events.position < events.horizon and _is_settled())


def _walk(walk: Walk, ignore_pauses: bool) -> int:
    """Do a slice of work, unless another process is at it."""
    token = uuid.uuid4()
    if not acquire(LOCK, LOCK_SECONDS, token):
        return 0
    try:
        done = walk.run(ignore_pauses or time_throttle.is_due())
        if walk.looked_at_time and not walk.is_over():
            time_throttle.start()
        return done
    finally:
        release(LOCK, LOCK_SECONDS, token)


class Walk:
    """One slice of work."""

    def __init__(self, until: float, stop: threading.Event | None, batch: int) -> None:
        self.until = until
        self.stop = stop
        self.batch = batch
        self.events = batch * EVENTS_OF_AN_ORDER
        self.done = 0
        self.looked_at_time = False
        self._is_first_run = False

    def is_over(self) -> bool:
        """Return True if the slice is over."""
        return time.monotonic() >= self.until or bool(self.stop and self.stop.is_set())

    def run(self, with_time: bool) -> int:
        """Look at what changed, at all documents if that is due, and at what only time triggers."""
        progress = self._progress()
        self._is_first_run = any(progress[name].version < VERSION for name, _model in DOCUMENTS)
        self._events(progress["events"])
        for name, model in DOCUMENTS:
            if not self.is_over():
                self._documents(progress[name], model)
        if with_time and not self.is_over():
            self.looked_at_time = True
            if conf.HOST_ORDER_RESOLVER:
                self._links()
        if (with_time or self.done) and not self.is_over():
            first = self._is_first_run
            self.done += deadlines.open_due(until=self.until, stop=self.stop, is_first_run=first, batch=self.batch)
        return self.done

    def _progress(self) -> dict[str, WorklistProgress]:
        found = WorklistProgress.objects.using(database_alias()).in_bulk()
        names = [name for name in ("events", *(name for name, _model in DOCUMENTS)) if name not in found]
        if names:
            newest = _newest_event()  # all that was before is found by the look at all documents
            position = max(
                newest - BATCH * EVENTS_OF_AN_ORDER, 0
            )  # a transaction may commit later than one that began after it
            start = {"position": position, "horizon": newest, "seen": newest, "horizon_at": NOW}
            new = [WorklistProgress(name=name, **(start if name == "events" else {})) for name in names]
            WorklistProgress.objects.using(database_alias()).bulk_create(new, ignore_conflicts=True)
            found = WorklistProgress.objects.using(database_alias()).in_bulk()
        return found

    # ------------------------------------------------------------ what changed

    def _events(self, progress: WorklistProgress) -> None:
        """Look at the purchases of new events soon, and once more when no event before them can be committed later."""
        newest = _newest_event()
        if newest < progress.seen:  # the tables are from a backup
            _save(progress, position=newest, horizon=newest, seen=newest, horizon_at=NOW)
            WorklistProgress.objects.using(database_alias()).exclude(name="events").update(finished_at=None, position=0)
        self._walk_events(progress, "seen", newest)
        if progress.position < progress.horizon:
            if _is_settled():
                self._walk_events(progress, "position", progress.horizon)
        elif progress.horizon < newest:
            _save(progress, horizon=newest, horizon_at=NOW)

    def _walk_events(self, progress: WorklistProgress, place: str, last: int) -> None:
        while getattr(progress, place) < last and not self.is_over():
            events = Event.objects.using(database_alias()).filter(pk__gt=getattr(progress, place), pk__lte=last)
            batch = list(events.order_by("pk").values_list("pk", "type", "order_id", "subject_id")[: self.events])
            told = [row for row in batch if row[1] != DEADLINE]
            orders = {order for _pk, _type, order, _subject in told if order}
            requests = {row[3] for row in told if row[2] is None and row[1].startswith("payment_request.")}
            self._update(orders, requests)
            _save(progress, **{place: batch[-1][0] if len(batch) == self.events else last})

    def _update(self, orders: Collection[int], requests: Collection[int] = ()) -> None:
        if orders or requests:
            self.done += rows.update(orders, requests, is_first_run=self._is_first_run)

    # ------------------------------------------------------------ all documents

    def _documents(self, progress: WorklistProgress, model: Any) -> None:
        """Look at all documents: at the first run, after a change of the rules, and now and then."""
        finished_at: Any = progress.finished_at
        is_current = finished_at and progress.version == VERSION
        if is_current and timezone.now() - finished_at < SWEEP_AGAIN:
            return
        if progress.finished_at:
            _save(progress, finished_at=None, position=0)
        documents = model.objects.using(database_alias())
        if model is PaymentRequest:
            documents = documents.filter(order=None)
        while not self.is_over():
            after = documents.filter(pk__gt=progress.position).order_by("pk")
            pks = list(after.values_list("pk", flat=True)[: self.batch])
            if pks:
                self._update(*((pks,) if model is Order else ((), pks)))
                _save(progress, position=pks[-1])
            if len(pks) < self.batch:
                _save(progress, finished_at=NOW, version=VERSION)
                return

    # ------------------------------------------------------------ what no message changes

    def _links(self) -> None:
        """Look at orders that were looked up in our shop since: they are found now, or are not."""
        links = HostLink.objects.using(database_alias())
        listed = WorklistRow.objects.using(database_alias()).filter(rule="not_in_shop")
        listed = listed.exclude(status=WorklistRow.Status.ENDED)
        chosen = listed.filter(kind="order").exclude(order__host_link__status__in=NOT_FOUND)
        self._update(list(chosen.values_list("order_id", flat=True)[: self.events]))
        requests = listed.filter(kind="payment_request").values_list("subject_id", flat=True)
        gone = links.filter(payment_request__in=list(requests[: self.events])).exclude(status__in=NOT_FOUND)
        self._update((), [pk for pk in gone.values_list("payment_request_id", flat=True) if pk])
        fresh = links.filter(status__in=NOT_FOUND, since__isnull=False, payment_request__order=None).real()
        known = listed.values("order_id").filter(kind="order")
        new = fresh.exclude(order=None).exclude(order__status__iexact="canceled").exclude(order__in=known)
        self._update([pk for pk in new.order_by("-pk").values_list("order_id", flat=True)[: self.events] if pk])
        listed_requests = listed.values("subject_id").filter(kind="payment_request")
        new = fresh.exclude(payment_request=None).exclude(payment_request__in=listed_requests)
        self._update(
            (), [pk for pk in new.order_by("-pk").values_list("payment_request_id", flat=True)[: self.events] if pk]
        )


def _newest_event() -> int:
    return Event.objects.using(database_alias()).aggregate(newest=Max("pk"))["newest"] or 0


def _is_settled() -> bool:
    rows_of_events = WorklistProgress.objects.using(database_alias()).filter(name="events")
    return rows_of_events.filter(horizon_at__lte=from_now(-SETTLED_SECONDS)).exists()


def _save(progress: WorklistProgress, **values: Any) -> None:
    WorklistProgress.objects.using(database_alias()).filter(pk=progress.pk).update(**values)
    for name, value in values.items():
        setattr(progress, name, value)
