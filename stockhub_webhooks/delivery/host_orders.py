"""Look-up of the shop's own orders by `HOST_ORDER_RESOLVER`, and what it answered.

The resolver is never asked while a sender waits. The worker registers new orders, in the sequence of their keys, and
asks for those that are due: a few at a time, with growing pauses. Without the setting nothing of this happens.
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import OperationalError, connections, transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Coalesce
from django.utils.module_loading import import_string

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW, close_if_broken, database_alias, from_now, with_retries
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.exceptions import DIED, error_fingerprint, error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Event, HostLink, Order, PaymentRequest
from stockhub_webhooks.models.host_link import HostLinkQuerySet
from stockhub_webhooks.models.lock import acquire, release

logger = logger_of(__name__)

Status = HostLink.Status

GRACE_SECONDS = 120.0  # the message may beat the shop's own commit
FIRST_PAUSE_SECONDS = 300.0
LONGEST_PAUSE_SECONDS = 86_400.0
MOST_LOOKS = 30  # the pauses double up to a day, so that is more than three weeks

BATCH = 20
SLICE_SECONDS = 2.0
SLOW_SECONDS = 10.0  # a resolver that takes longer is logged
SLOTS = ("host_orders_1", "host_orders_2")
SLOT_SECONDS = 3600.0  # a resolver that never returns holds its slot for so long

ENLISTED_AT_ONCE = 500
OVERLAP = 1000  # keys: a transaction may commit later than one that began after it

registration_throttle = Throttle(30.0)


# ---------------------------------------------------------------- asking


@dataclass(frozen=True)
class Answer:
    """The answer of the shop; `fault` is the fingerprint of the error if the resolver raised one."""

    host_order: Any = None
    fault: str = ""


def ask(po_number: str | None, order: Order | None) -> Answer:
    """Return the shop's own order, None without resolver; a resolver that raises is logged and counts as None."""
    if not conf.HOST_ORDER_RESOLVER:
        return Answer()
    try:
        resolve = import_string(conf.HOST_ORDER_RESOLVER)
        with transaction.atomic(using=database_alias()):
            return Answer(resolve(po_number, order))
    except Exception as error:
        logger.warning("HOST_ORDER_RESOLVER failed for order %s with %s", order and order.pk, error_location(error))
        return Answer(fault=error_fingerprint(error))


def note(order: Order, po_number: str | None, answer: Answer) -> None:
    """Keep what was found out on another occasion, once the transaction that is under way is committed.

    Of an order that is not enlisted yet nothing is kept: it will be looked for soon.
    """
    if conf.HOST_ORDER_RESOLVER:
        rows = _links().filter(order_id=order.pk).exclude(status=Status.FOUND)
        keep = partial(rows.update, looked_at=NOW, **_said(answer, po_number))
        transaction.on_commit(keep, using=database_alias(), robust=True)


def _said(answer: Answer, po_number: str | None) -> dict[str, Any]:
    if answer.host_order is not None:
        return {"status": Status.FOUND, "cause": "", "due_at": None}
    known = Status.MISSING if po_number else Status.NO_NUMBER
    return {
        "status": Status.FAILED if answer.fault else known,
        "cause": answer.fault,
        "since": Coalesce(F("since"), NOW),
    }


# ---------------------------------------------------------------- looking


def look_due(*, until: float = float("inf"), stop: threading.Event | None = None) -> int:
    """Look for some of the orders that are due; how many. Then it is the turn of other work.

    Args:
        until: on the clock of `time.monotonic`.
        stop: looked at between two orders.
    """
    if not conf.HOST_ORDER_RESOLVER:
        return 0
    _register_new_orders()
    due = list(_links().due(NOW).select_related("order", "payment_request")[:BATCH])
    # two processes at a time: a resolver that never returns holds up no more
    token = uuid.uuid4()
    slot = next((name for name in SLOTS if acquire(name, SLOT_SECONDS, token)), None) if due else None
    if slot is None:
        return 0
    until = min(until, time.monotonic() + SLICE_SECONDS)
    done = 0
    try:
        for link in due:
            done += _look(link)
            if time.monotonic() >= until or (stop and stop.is_set()):
                break
    finally:
        release(slot, SLOT_SECONDS, token)
    return done


def look_again(pks: list[int]) -> int:
    """Look for those that are not found, beginning now, with pauses as at first; how many."""
    return _links().absent().filter(pk__in=pks).update(due_at=NOW, attempts=0)


def messages_about(pks: list[int], limit: int) -> list[int]:
    """Return the keys of the messages about these documents, oldest first, up to a limit."""
    chosen = _links().filter(pk__in=pks)
    of_orders = Q(order__in=list(chosen.exclude(order=None).values_list("order", flat=True)))
    requests = list(chosen.exclude(payment_request=None).values_list("payment_request", flat=True))
    of_requests = Q(type="payment_request.created", subject_id__in=requests)
    found = Event.objects.using(database_alias()).filter(of_orders | of_requests).order_by("message").distinct()
    return list(found.values_list("message", flat=True)[:limit])


def _look(link: HostLink) -> bool:
    """Put the next look off first, so that an order at which the resolver dies or hangs holds up no other."""
    if link.payment_request and link.payment_request.order_id:  # it belongs to an order by now, which has its own row
        return bool(link.delete()[0])
    turn = link.attempts + 1
    pause = min(FIRST_PAUSE_SECONDS * 2 ** min(turn - 1, 30), LONGEST_PAUSE_SECONDS)
    next_look = from_now(pause) if turn < MOST_LOOKS else None
    dying = {"status": Status.FAILED, "cause": DIED, "since": Coalesce(F("since"), NOW)}
    as_it_is = _links().filter(pk=link.pk, attempts=link.attempts, due_at__lte=NOW)
    if not _update_once(as_it_is, attempts=turn, due_at=next_look, looked_at=NOW, **dying):
        return False
    number = _number(link)
    began = time.monotonic()
    answer = ask(number, link.order)
    seconds = time.monotonic() - began
    if seconds > SLOW_SECONDS:
        logger.warning("HOST_ORDER_RESOLVER took %.0f seconds for order %s", seconds, link.order_id)
    if answer.fault:
        close_if_broken(database_alias())
    said = _said(answer, number)
    mine = _links().filter(pk=link.pk, attempts=turn).exclude(status=Status.FOUND)  # a receiver may have been quicker
    mine.update(looked_at=NOW, **{"since": link.since, **said})
    return True


def _update_once(rows: HostLinkQuerySet, **values: Any) -> bool:
    """UPDATE the one row; return False if another process was first, or if the database does not answer."""
    try:
        return bool(with_retries(partial(rows.update, **values)))
    except OperationalError:
        if connections[rows.db].in_atomic_block:
            raise
        close_if_broken(rows.db)
        return False


def _number(link: HostLink) -> str | None:
    """Return the order's own number, or the newest one among its events."""
    own: str | None = link.document.po_number
    if own or link.order is None:
        return own
    told = Event.objects.using(database_alias()).filter(order=link.order).exclude(po_number=None).exclude(po_number="")
    return told.order_by("-pk").values_list("po_number", flat=True).first() or own


# ---------------------------------------------------------------- enlisting


def _register_new_orders() -> None:
    """Look for new orders, now and then in this process."""
    if registration_throttle.is_due():
        both = [
            _enlist("order", Order.objects.all()),
            _enlist("payment_request", PaymentRequest.objects.filter(order=None)),
        ]
        if ENLISTED_AT_ONCE not in both:
            registration_throttle.start()


def _enlist(name: str, rows: Any) -> int:
    """Write down those that came since the last time; how many."""
    last = _links().aggregate(last=Max(f"{name}_id"))["last"] or 0
    fresh = rows.using(database_alias()).filter(pk__gt=last - OVERLAP, host_link=None).order_by("pk")
    found = list(fresh.values_list("pk", "account")[:ENLISTED_AT_ONCE])
    links = [HostLink(**{f"{name}_id": pk}, account=account, due_at=from_now(GRACE_SECONDS)) for pk, account in found]
    _links().bulk_create(links, ignore_conflicts=True)  # another process may be as quick
    return len(found)


def _links() -> HostLinkQuerySet:
    return HostLink.objects.using(database_alias())
