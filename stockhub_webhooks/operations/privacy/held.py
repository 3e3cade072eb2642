"""What retention never removes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, Q

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import ReceiverCall, WorklistRow
from stockhub_webhooks.models.worklists import NUMBER


def _on_a_worklist(column: str, **conditions: Any) -> Q:
    rows = WorklistRow.objects.using(database_alias()).filter(status=WorklistRow.Status.OPEN, **conditions)
    return Q(pk__in=rows.exclude(**{column: None}).order_by().values(column))


def _asked_for_a_worklist() -> Q:
    rows = WorklistRow.objects.using(database_alias()).filter(status=WorklistRow.Status.OPEN, kind=NUMBER)
    return Q(Exists(rows.filter(account=OuterRef("account"), number=OuterRef("po_number"))))


# Conditions by model on rows that stay whatever their age: what a worklist points at. Such an order keeps its documents
# and addresses.
HELD: dict[str, Callable[[], Q]] = {
    "AskedNumber": _asked_for_a_worklist,
    "Order": lambda: _on_a_worklist("order"),
    "PaymentRequest": lambda: _on_a_worklist("subject_id", kind="payment_request"),
}


def held(model: Any) -> Q:
    """Return the condition on rows of a model that are not removed."""
    condition = HELD.get(model.__name__)
    return condition() if condition else Q(pk__in=[])


def is_unfinished() -> Q:
    """Return the condition on calls that are open, or given up and not settled by a person."""
    given_up = Q(status=ReceiverCall.Status.GIVEN_UP) & ~Q(cause=ReceiverCall.BY_HAND)
    return Q(status__in=ReceiverCall.OPEN) | given_up
