"""The actions of bulk requests: the rows on which each is possible, and what it does with a batch of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.delivery import host_orders, manual
from stockhub_webhooks.models import BulkRequest, HostLink, Message, ReceiverCall, RefusedBody
from stockhub_webhooks.operations.bulk import missed
from stockhub_webhooks.receiving import refusals, transitions

Kind = BulkRequest.Action
CALL = ReceiverCall.Status


@dataclass(frozen=True)
class BulkAction:
    """An action on many rows.

    Attributes:
        model: the model of the rows.
        possible: the condition of the rows on which the action is possible, given the parameters of the request.
        apply: acts on rows by their primary keys, in the caller's transaction; returns the keys of those it changed.
        needs_reason: True if the user has to say why.
        permission: the permission that it needs; "" if that has the name of the action.
    """

    model: type[Any]
    possible: Callable[[dict[str, Any]], Q]
    apply: Callable[[BulkRequest, list[int]], list[int]]
    needs_reason: bool = False
    permission: str = ""

    def rows(self, parameters: dict[str, Any]) -> QuerySet[Any]:
        """Return all rows on which the action is possible."""
        rows: QuerySet[Any] = self.model._default_manager.using(database_alias()).filter(self.possible(parameters))
        return rows


def _reassignable(parameters: dict[str, Any]) -> Q:
    return manual.is_reassignable(parameters["signal"], parameters["former"])


def _try_again(request: BulkRequest, pks: list[int]) -> list[int]:
    manual.requeue(pks)
    return pks


def _give_up(request: BulkRequest, pks: list[int]) -> list[int]:
    manual.give_up_by_hand(pks, request.reason)
    return pks


def _reassign(request: BulkRequest, pks: list[int]) -> list[int]:
    return manual.reassign_calls(request.parameters["signal"], request.parameters["receiver"], pks)


def _release(request: BulkRequest, pks: list[int]) -> list[int]:
    account = request.parameters.get("account", "")
    return [pk for pk in pks if refusals.release([pk], by=request.requested_by, account=account)]


def _process_again(request: BulkRequest, pks: list[int]) -> list[int]:
    transitions.requeue(pks)
    return pks


def _look_again(request: BulkRequest, pks: list[int]) -> list[int]:
    host_orders.requeue(pks)
    return pks


def _tell_missed(request: BulkRequest, pks: list[int]) -> list[int]:
    return missed.tell(pks)


ACTIONS: dict[str, BulkAction] = {
    Kind.TRY_AGAIN: BulkAction(
        ReceiverCall, lambda parameters: Q(status__in=(CALL.PENDING, CALL.GIVEN_UP)), _try_again
    ),
    Kind.GIVE_UP: BulkAction(
        ReceiverCall,
        lambda parameters: Q(status__in=(CALL.PENDING, CALL.GIVEN_UP)) & ~Q(cause=ReceiverCall.BY_HAND),
        _give_up,
        needs_reason=True,
    ),
    Kind.REASSIGN: BulkAction(ReceiverCall, _reassignable, _reassign),
    Kind.RELEASE: BulkAction(RefusedBody, lambda parameters: Q(message=None), _release, needs_reason=True),
    Kind.PROCESS_AGAIN: BulkAction(
        Message, lambda parameters: ~Q(status=Message.Status.DISMISSED) & Q(body_removed_at=None), _process_again
    ),
    Kind.LOOK_AGAIN: BulkAction(HostLink, lambda parameters: Q(status__in=HostLink.ABSENT), _look_again),
    Kind.TELL_MISSED: BulkAction(HostLink, lambda parameters: Q(), _tell_missed, permission="process_again"),
}


def permission_of(action: str) -> str:
    """Return the name of the permission that an action needs."""
    return ACTIONS[action].permission or action
