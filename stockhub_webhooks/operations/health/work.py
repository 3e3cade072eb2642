"""Querysets of work that needs attention. Health counts them, and the admin lists the same rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias, from_now
from stockhub_webhooks.delivery import hanging, ledger
from stockhub_webhooks.exceptions import ORDER_LOCKED
from stockhub_webhooks.models import (
    HostLink,
    Message,
    MissingLine,
    Order,
    ReceiverCall,
    ReceiverState,
    RefusedBody,
    Shipment,
)
from stockhub_webhooks.models.receiver_state import IS_OPEN, IS_PAUSED
from stockhub_webhooks.models.shipment import EXCEPTION

LATE_SECONDS = 15 * 60
LOCKED_SECONDS = 60
IN_PART_SECONDS = 30 * 24 * 3600
IMPOSSIBLE_TIMES_SECONDS = 3 * 24 * 3600  # a weekend
OUTDATED_DAYS = 14


def rows_of(model: Any) -> Any:
    """Return all rows of one of our models, from the database that is written to."""
    return model._default_manager.using(database_alias())


def real_rows(model: Any) -> Any:
    """Return all rows of one of our models, without tests."""
    return rows_of(model).real()


def late_messages() -> Any:
    """Return the messages that were due 15 minutes ago, also those that are locked: no message takes so long."""
    return real_rows(Message).filter(status=Message.Status.RECEIVED, due_at__lte=from_now(-LATE_SECONDS))


def running_calls() -> list[int]:
    """Return the primary keys of the calls that run for longer than their lease."""
    return list(hanging.running(hanging.claimed_for(conf.LEASE_SECONDS)))


def late_calls(running: list[int] | None = None) -> Any:
    """Return the calls that were due 15 minutes ago and do not run.

    Calls that wait for an earlier call of their order, or whose receiver is paused or away, are left out.

    Args:
        running: what `running_calls` returned; None to call it.
    """
    known = ledger.known_receivers()
    due = real_rows(ReceiverCall).due(from_now(-LATE_SECONDS)).of(known)
    blocked = rows_of(ReceiverState).filter(IS_PAUSED | IS_OPEN).values("receiver")
    running = running_calls() if running is None else running
    return due.first_in_line(known).exclude(receiver__in=blocked).exclude(pk__in=running).order_by()


def given_up_calls() -> Any:
    """Return the calls that were given up automatically."""
    return real_rows(ReceiverCall).failing().filter(status=ReceiverCall.Status.GIVEN_UP)


def gone_calls() -> Any:
    """Return the open calls whose receiver is not connected in this process."""
    open_calls = real_rows(ReceiverCall).open()
    return open_calls.exclude(pk__in=open_calls.of(ledger.known_receivers()).values("pk"))


def failing_calls() -> Any:
    """Return the failed calls that are tried again."""
    return real_rows(ReceiverCall).failing().filter(status=ReceiverCall.Status.PENDING)


def failing_messages() -> Any:
    """Return the messages that could not be applied and are tried again; a locked order is no failure."""
    return real_rows(Message).failing().filter(status=Message.Status.RECEIVED).exclude(cause=ORDER_LOCKED)


def is_locked() -> Q:
    """Return the condition of messages that have waited for a minute and wait for a row that is locked."""
    return Q(status=Message.Status.RECEIVED, cause=ORDER_LOCKED, received_at__lte=from_now(-LOCKED_SECONDS))


def locked_messages() -> Any:
    """Return the messages that wait for a row of an order that another transaction holds."""
    return real_rows(Message).filter(is_locked())


def is_in_part() -> Q:
    """Return the condition of messages of the last 30 days that were applied in part, and not corrected since."""
    return Q(is_in_part=True, received_at__gte=from_now(-IN_PART_SECONDS))


def messages_in_part() -> Any:
    """Return the messages that were applied in part."""
    return real_rows(Message).filter(is_in_part())


def has_impossible_time() -> Q:
    """Return the condition of messages of the last 3 days with a time before 2000, or later than the message."""
    return Q(has_impossible_time=True, received_at__gte=from_now(-IMPOSSIBLE_TIMES_SECONDS))


def messages_with_impossible_times() -> Any:
    """Return the messages with impossible times."""
    return real_rows(Message).filter(has_impossible_time())


def outdated_returns() -> Any:
    """Return the messages of the last two weeks that know less of a return than we do."""
    since = timezone.now() - timedelta(days=OUTDATED_DAYS)
    return real_rows(Message).outdated_returns().filter(received_at__gte=since)


def orders_not_received() -> Any:
    """Return the stubs: orders that are known only from their shipments, invoices and so on."""
    return real_rows(Order).filter(received_at=None)


def orders_not_in_our_shop() -> Any:
    """Return the orders that `HOST_ORDER_RESOLVER` did not find in the shop; none without a resolver."""
    return real_rows(HostLink).absent() if conf.HOST_ORDER_RESOLVER else rows_of(HostLink).none()


def lines_not_in_our_shop() -> Any:
    """Return the order lines that `HOST_LINE_RESOLVER` did not find in the shop; none without a resolver."""
    return real_rows(MissingLine) if conf.HOST_LINE_RESOLVER else rows_of(MissingLine).none()


def parcels_with_a_problem() -> Any:
    """Return the shipments with the status of a delivery problem."""
    return real_rows(Shipment).filter(status=EXCEPTION)


def undecided_refusals() -> Any:
    """Return the refused messages that were neither let in nor dismissed."""
    return rows_of(RefusedBody).waiting()
