"""Rules on parcels that are on their way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stockhub_webhooks.models import Shipment
from stockhub_webhooks.models.shipment import EXCEPTION
from stockhub_webhooks.office.worklists.loading import Case, credible, first_known
from stockhub_webhooks.office.worklists.rules import Finding
from stockhub_webhooks.office.worklists.sending import CLOSED, status


def find(case: Case) -> Iterator[Finding]:
    """Yield parcels with a problem, and those of which nothing was heard for long.

    A parcel whose pieces all came back or were credited is not waited for.
    """
    for shipment in filter(case.purchase.has, case.purchase.shipments):
        if shipment.is_delivered or not shipment.has_left or _is_settled(case, shipment):
            continue
        if (shipment.status or "").upper() == EXCEPTION:
            since = first_known(shipment, "updated_at", "collected_at", "created_at")
            yield Finding("problem_on_the_way", shipment, since, [{"code": "problem_on_the_way"}])
        else:
            yield Finding("silent_in_transit", shipment, _last_sign(shipment), [{"code": "silent"}])


def _last_sign(shipment: Shipment) -> Any:
    times = (shipment.updated_at, shipment.collected_at, shipment.created_at)
    known = [at for time in times if (at := credible(time, shipment.received_at))]
    return max(known) if known else first_known(shipment)


def _is_settled(case: Case, shipment: Shipment) -> bool:
    if shipment.order_id is not None and status(shipment.order) == CLOSED:
        return True
    lines = [line for line in case.lines if line.order is not None and line.order.pk == shipment.order_id]
    sent = sum(line.sent for line in lines)
    return sent > 0 and sum(max(line.returned, line.refunded - line.reversed) for line in lines) >= sent
