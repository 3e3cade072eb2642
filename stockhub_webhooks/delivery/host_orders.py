"""Look-up of the shop's own orders by `HOST_ORDER_RESOLVER`.

The worker creates a `HostLink` for each new order, and looks up the orders whose link is due: a few at a time, with
growing pauses, and never while a sender waits for its answer. Without the setting, it does nothing.
"""

from __future__ import annotations

import threading
import time
import uuid
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.db.models import F, Max, Model, Q
from django.db.models.functions import Coalesce

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, close_if_broken, database_alias, from_now, with_retries
from stockhub_webhooks.db.low_water import LowWaterMark
from stockhub_webhooks.db.sequences import insert_missing
from stockhub_webhooks.db.throttle import Throttle, is_over
from stockhub_webhooks.delivery import host_lines
from stockhub_webhooks.exceptions import DIED
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Event, HostLink, Order, PaymentRequest, ReceiverCall
from stockhub_webhooks.models.host_link import HostLinkQuerySet
from stockhub_webhooks.models.host_objects import Answer, find_host_order
from stockhub_webhooks.models.lock import acquire, owners, release

logger = logger_of(__name__)

Status = HostLink.Status

GRACE_SECONDS = 120.0  # before the first look-up: the message may arrive before the shop has committed its order
FIRST_PAUSE_SECONDS = 300.0
LONGEST_PAUSE_SECONDS = 86_400.0
MAX_LOOKUPS = 30  # the pauses double up to a day, so the last look-up is more than three weeks after the first
BATCH = 20
SLICE_SECONDS = 2.0
REQUESTED = "payment_request.created"  # the only event of a payment request
SLOW_SECONDS = 10.0  # a resolver that takes longer is logged
SLOTS = ("host_orders_1", "host_orders_2")  # locks: two look-ups may be under way in all processes, one in web threads
SLOT_SECONDS = 3600.0  # a resolver that never returns keeps its slot for so long

REGISTER_BATCH = 500
OVERLAP = 1000  # keys that are searched again: an order may be committed after one with a greater key

registration_throttle = Throttle(30.0)
low_water = LowWaterMark()


# ---------------------------------------------------------------- answers


def lock(host_order: Any) -> Any:
    """Return the shop's own order as it is now, locked until the transaction ends; None if it was deleted.

    An object that is no saved row of a model cannot be locked, and is returned as it is.
    """
    if not isinstance(host_order, Model) or host_order.pk is None:
        return host_order
    using = host_order._state.db or database_alias()
    no_key = connections[using].features.has_select_for_no_key_update
    rows = type(host_order)._base_manager.using(using).select_for_update(no_key=no_key)
    return rows.filter(pk=host_order.pk).first()


def save_answer(order: Order, po_number: str | None, answer: Answer) -> None:
    """Save the answer of a look-up by a receiver, when the current transaction is committed.

    Without effect for an order that has no link yet: it is looked up soon.
    """
    if conf.HOST_ORDER_RESOLVER:
        rows = _links().filter(order_id=order.pk).exclude(status=Status.FOUND)
        save = partial(rows.update, looked_at=NOW, **_values_of(answer, po_number))
        transaction.on_commit(save, using=database_alias(), robust=True)


def save_fault(order: Order, fault: str) -> None:
    """Save that the resolver raised in a receiver whose transaction was rolled back; create the link if needed."""
    link = HostLink(order_id=order.pk, account=order.account, due_at=from_now(GRACE_SECONDS))
    insert_missing([link], database_alias())
    rows = _links().filter(order_id=order.pk).exclude(status=Status.FOUND)
    rows.update(looked_at=NOW, **_values_of(Answer(fault=fault), None))


def _values_of(answer: Answer, po_number: str | None) -> dict[str, Any]:
    """Return the fields of a link that say what a look-up found."""
    if answer.host_object is not None:
        return {
            "status": Status.FOUND, "cause": "", "due_at": None, "claim": None,
            "lines_due_at": host_lines.when_found(),
        }  # fmt: skip
    not_found = Status.MISSING if po_number else Status.NO_NUMBER
    return {
        "status": Status.FAILED if answer.fault else not_found,
        "cause": answer.fault,
        "since": Coalesce(F("since"), NOW),
    }


# ---------------------------------------------------------------- looking up


def look_up_due(*, until: float = float("inf"), stop: threading.Event | None = None, in_web: bool = False) -> int:
    """Look up some of the orders that are due, for a slice of time; return their number.

    Args:
        until: when to stop, on the clock of `time.monotonic`.
        stop: checked between two orders.
        in_web: True in a thread that serves requests: a resolver that never returns may hold one of them only.
    """
    if not conf.HOST_ORDER_RESOLVER:
        return 0
    _register_new_orders()
    rows = _links().due(NOW).filter(due_at__gte=low_water.floor())
    due = list(rows.select_related("order", "payment_request")[:BATCH])
    if due:
        low_water.rise(due[0].due_at)
    of_lines = host_lines.due(BATCH)
    under_way = owners(SLOTS, SLOT_SECONDS) if any(link.claim for link in due) else set()
    due = [link for link in due if link.claim not in under_way]
    # each look-up needs a slot, so a resolver that never returns stops two processes at most
    token = uuid.uuid4()
    slots = SLOTS[:1] if in_web else SLOTS
    slot = next((name for name in slots if acquire(name, SLOT_SECONDS, token)), None) if due or of_lines else None
    if slot is None:
        return 0
    until = min(until, time.monotonic() + SLICE_SECONDS)
    done = 0
    try:
        for link in due:
            done += _look_up(link, token)
            if is_over(until, stop):
                break
        for link in of_lines:
            if is_over(until, stop):
                break
            done += host_lines.look_up(link)
    finally:
        release(slot, SLOT_SECONDS, token)
    return done


def requeue(pks: list[int]) -> int:
    """Make the look-ups of orders that were not found due now, and let their pauses begin anew; return their number."""
    return _links().absent().filter(pk__in=pks).update(due_at=NOW, attempts=0)


def note_number(document: Order | PaymentRequest) -> None:
    """Make the waiting calls of a document, and the look-up of its order, due now, since its number became known.

    Must be called in the transaction that writes the number. Calls that are being made are left alone.

    Args:
        document: an order, or a payment request that names none.
    """
    name = "order" if isinstance(document, Order) else "payment_request"
    of_document = Q(order=document.pk) if name == "order" else Q(event__type=REQUESTED, event__subject_id=document.pk)
    calls = ReceiverCall.objects.using(database_alias()).filter(of_document, status=ReceiverCall.Status.PENDING)
    leases.update_unlocked(calls.filter(due_at__gt=NOW), due_at=NOW)
    if conf.HOST_ORDER_RESOLVER:
        _links().absent().filter(**{name: document.pk}).update(due_at=NOW, attempts=0)


def messages_about(pks: list[int], limit: int) -> list[int]:
    """Return the keys of the messages about these documents, oldest first, up to a limit."""
    chosen = _links().filter(pk__in=pks)
    of_orders = Q(order__in=list(chosen.exclude(order=None).values_list("order", flat=True)))
    requests = list(chosen.exclude(payment_request=None).values_list("payment_request", flat=True))
    of_requests = Q(type=REQUESTED, subject_id__in=requests)
    events = (
        Event.objects.using(database_alias())
        .filter(of_orders | of_requests)
        .exclude(message=None)
        .order_by("message")
        .distinct()
    )
    return list(events.values_list("message", flat=True)[:limit])


def _look_up(link: HostLink, token: uuid.UUID) -> bool:
    """Claim a link, ask the resolver, and save the answer; return False if there was nothing to look up.

    The claim also makes the next look-up due after a pause, so that the resolver may hang or kill its process without
    stopping the look-ups of other orders. A look-up has died if its claim is still there when the next look-up is due,
    and its process holds no slot.
    """
    if link.payment_request and link.payment_request.order_id:  # the order, known by now, has a link of its own
        return bool(link.delete()[0])
    leases.release_lost()
    waiting = _links().filter(pk=link.pk, attempts=link.attempts, due_at__lte=NOW)
    is_last = link.attempts >= MAX_LOOKUPS
    if link.claim:
        died = {"status": Status.FAILED, "cause": DIED, "since": Coalesce(F("since"), F("looked_at")), "claim": None}
        ended = {"due_at": None} if is_last else {}
        with_retries(partial(waiting.filter(claim=link.claim).update, **died, **ended))
        if is_last:
            return False
    attempt = link.attempts + 1
    pause = min(FIRST_PAUSE_SECONDS * 2 ** min(attempt - 1, 30), LONGEST_PAUSE_SECONDS)
    values = {"attempts": attempt, "due_at": from_now(pause), "looked_at": NOW}
    if not leases.claim_waiting(waiting.filter(claim=None), token, **values):
        return False
    number = link.document.po_number
    began = time.monotonic()
    answer = find_host_order(number, link.order)
    seconds = time.monotonic() - began
    if seconds > SLOW_SECONDS:
        logger.warning("HOST_ORDER_RESOLVER took %.0f seconds for order %s", seconds, link.order_id)
    if answer.fault:
        close_if_broken(database_alias())
    answered: dict[str, Any] = {"claim": None, "looked_at": NOW}
    if attempt >= MAX_LOOKUPS:
        answered["due_at"] = None
    mine = _links().filter(pk=link.pk, claim=token).exclude(status=Status.FOUND)  # a receiver may have been quicker
    with_retries(partial(mine.update, **answered | _values_of(answer, number)))
    return True


# ---------------------------------------------------------------- registering


def _register_new_orders() -> None:
    """Create links for new documents, at most twice a minute in this process."""
    if registration_throttle.is_due():
        counts = [
            _register("order", Order.objects.all()),
            _register("payment_request", PaymentRequest.objects.filter(order=None)),
        ]
        if REGISTER_BATCH not in counts:
            registration_throttle.start()


def _register(name: str, rows: Any) -> int:
    """Create links for the documents that are newer than the last link; return their number."""
    last = _links().aggregate(last=Max(f"{name}_id"))["last"] or 0
    rows = rows.using(database_alias()).filter(erased_at=None)  # of an erased order only the number is kept
    fresh = rows.filter(pk__gt=last - OVERLAP, host_link=None).order_by("pk")
    documents = list(fresh.values_list("pk", "account")[:REGISTER_BATCH])
    due_at = from_now(GRACE_SECONDS)
    links = [HostLink(**{f"{name}_id": pk}, account=account, due_at=due_at) for pk, account in documents]
    insert_missing(links, database_alias())  # another process may have registered them
    return len(documents)


def _links() -> HostLinkQuerySet:
    return HostLink.objects.using(database_alias())
