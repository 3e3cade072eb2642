"""Which work somebody must look after. What is counted here, the admin lists by the same functions."""

from __future__ import annotations

from typing import Any

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias, from_now
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.models import HostLink, Message, Order, ReceiverCall, Shipment
from stockhub_webhooks.models.shipment import EXCEPTION

LATE_SECONDS = 15 * 60


def rows_of(model: Any) -> Any:
    """All rows of a model of ours, where they are written."""
    return model._default_manager.using(database_alias())


def real_rows(model: Any) -> Any:
    """The same without tests, which nobody must look after."""
    return rows_of(model).real()


def late_messages() -> Any:
    """Those that should have been applied 15 minutes ago."""
    return real_rows(Message).filter(status=Message.Status.RECEIVED, due_at__lte=from_now(-LATE_SECONDS))


def late_calls() -> Any:
    """Those that could have been made 15 minutes ago: others wait for one that is tried again later."""
    known = ledger.known_receivers()
    return real_rows(ReceiverCall).due(from_now(-LATE_SECONDS)).of(known).first_in_line(known).order_by()


def given_up_calls() -> Any:
    """Those that nobody has looked at yet."""
    return real_rows(ReceiverCall).failing().filter(status=ReceiverCall.Status.GIVEN_UP)


def gone_calls() -> Any:
    """The open ones whose receiver this process does not know."""
    open_calls = real_rows(ReceiverCall).open()
    return open_calls.exclude(pk__in=open_calls.of(ledger.known_receivers()).values("pk"))


def failing_calls() -> Any:
    """Those that failed and are tried again later."""
    return real_rows(ReceiverCall).failing().filter(status=ReceiverCall.Status.PENDING)


def failing_messages() -> Any:
    """Those that could not be applied, and are tried again later."""
    return real_rows(Message).failing().filter(status=Message.Status.RECEIVED)


def orders_not_received() -> Any:
    """Orders that are known from their shipments, invoices and so on only."""
    return real_rows(Order).filter(received_at=None)


def orders_not_in_our_shop() -> Any:
    """Orders that the shop was asked for and does not have; none where it says of no order whether it has it."""
    return real_rows(HostLink).absent() if conf.HOST_ORDER_RESOLVER else rows_of(HostLink).none()


def parcels_with_a_problem() -> Any:
    """Shipments with a problem on the way."""
    return real_rows(Shipment).filter(status=EXCEPTION)
