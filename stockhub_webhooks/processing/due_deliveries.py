"""Record `shipment.delivered` for times of delivery that were too far ahead to count when they were received.

`Shipment.due_at` says when. The order is locked first, as for a message: so the event keeps the sequence of the order,
and only one of two processes records it.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial

from django.db import Error as DatabaseFault

from stockhub_webhooks.contract import topics
from stockhub_webhooks.db import row_locks
from stockhub_webhooks.db.connections import NOW, database_alias, from_now, with_retries, write_transaction
from stockhub_webhooks.db.throttle import is_over
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.db.writes import select_for_update
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.exceptions import OrderLocked, error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Event, Message, Order, Shipment
from stockhub_webhooks.processing.apply.events import DELIVERED, delivered_changes, new_event, purchase_events

logger = logger_of(__name__)

BATCH = 20
PAUSE_SECONDS = 60.0  # of one that failed, so that others have their turn


def record_due(*, until: float = float("inf"), stop: threading.Event | None = None) -> int:
    """Record the deliveries whose time has come, some at a time; return their number.

    Args:
        until: when to stop, on the clock of `time.monotonic`.
        stop: checked between two shipments.
    """
    rows = Shipment.objects.using(database_alias()).filter(due_at__lte=NOW).order_by("due_at", "pk")
    held = row_locks.LOCKED.paused(Order, "id")
    if held:
        rows = rows.exclude(order__in=held)
    with query_timeout(database_alias()):
        due = list(rows.values_list("pk", "order_id")[:BATCH])
    done = 0
    for pk, order_id in due:
        if is_over(until, stop):
            break
        try:
            done += with_retries(partial(_record, pk, order_id), is_transaction=True)
        except OrderLocked as locked:
            logger.warning("delivery of shipment %s is recorded later: %s", pk, locked)
        except Exception as fault:  # other work must go on
            logger.error("delivery of shipment %s was not recorded (%s); it is tried again", pk, error_location(fault))
            with suppress(DatabaseFault):  # it stays due
                with_retries(partial(_put_off, pk))
    return done


def _put_off(pk: int) -> None:
    rows = Shipment.objects.using(database_alias()).filter(pk=pk, due_at__lte=NOW)
    rows.update(due_at=from_now(PAUSE_SECONDS))


def _record(pk: int, order_id: int) -> bool:
    """Record one delivery; return False if another process was first, or the shipment has another order by now."""
    using = database_alias()
    shipments = Shipment.objects.using(using).filter(pk=pk)
    with write_transaction(using):
        select_for_update(Order, using, id=order_id)
        select_for_update(Shipment, using, id=pk)
        if not shipments.filter(order=order_id, due_at__lte=NOW).update(due_at=None):
            return False
        if not Event.objects.using(using).filter(type=DELIVERED, subject_id=pk).exists():
            _add_event(shipments.select_related("order").get())
    return True


def _add_event(shipment: Shipment) -> None:
    message = _last_message(shipment)
    if message is None:  # an event belongs to a message
        logger.warning("shipment %s is delivered, but has no message: no event is recorded", shipment.pk)
        return
    event = new_event(
        DELIVERED,
        shipment.pk,
        delivered_changes(shipment),
        document=shipment,
        order=shipment.order,
        message=message,
        occurred_at=shipment.delivered_at,
    )
    ledger.record([event, *purchase_events([event])])


def _last_message(shipment: Shipment) -> Message | None:
    """Return the message that the stored state of the shipment comes from; None if it was deleted."""
    applied = Message.objects.using(database_alias()).filter(
        account=shipment.account,
        topic=topics.SHIPMENT,
        increment_id=shipment.increment_id,
        status=Message.Status.APPLIED,
    )
    newest = applied.exclude(outcome=Message.Outcome.STALE).order_by("-received_at", "-pk")
    return newest.defer("body").first()
