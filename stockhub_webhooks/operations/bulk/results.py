"""What became of the rows of a bulk request: done, failed again, waiting, or settled by a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import BulkEntry, BulkRequest, HostLink, Message, ReceiverCall, RefusedBody
from stockhub_webhooks.operations.bulk import missed
from stockhub_webhooks.operations.bulk.actions import ACTIONS

SUCCEEDED, FAILED, WAITING, SETTLED = GROUPS = ("succeeded", "failed", "waiting", "settled")

_CALL, _MESSAGE, _LINK = ReceiverCall.Status, Message.Status, HostLink.Status
_BY_HAND = Q(status=_CALL.GIVEN_UP, cause=ReceiverCall.BY_HAND)

# by model of the rows that tell the result: conditions that leave no row out, and no row in two of them
CONDITIONS: Mapping[type[Any], Mapping[str, Q]] = {
    ReceiverCall: {
        SUCCEEDED: Q(status=_CALL.DONE),
        FAILED: (Q(status=_CALL.GIVEN_UP) & ~_BY_HAND) | (Q(status=_CALL.PENDING) & ~Q(cause="")),
        WAITING: Q(status=_CALL.RUNNING) | Q(status=_CALL.PENDING, cause=""),
        SETTLED: _BY_HAND,
    },
    Message: {
        SUCCEEDED: Q(status=_MESSAGE.APPLIED),
        FAILED: Q(status__in=(_MESSAGE.QUARANTINED, _MESSAGE.FAILED)) | (Q(status=_MESSAGE.RECEIVED) & ~Q(cause="")),
        WAITING: Q(status=_MESSAGE.RECEIVED, cause=""),
        SETTLED: Q(status=_MESSAGE.DISMISSED),
    },
    HostLink: {
        SUCCEEDED: Q(status=_LINK.FOUND),
        FAILED: Q(status__in=HostLink.ABSENT) & Q(attempts__gt=0),
        WAITING: Q(status=_LINK.NEW) | (Q(status__in=HostLink.ABSENT) & Q(attempts=0)),
        SETTLED: Q(pk__in=[]),
    },
}


@dataclass(frozen=True)
class BulkResult:
    """Numbers of rows by what became of them.

    Attributes:
        counts: the numbers, by `GROUPS`.
        by_receiver: the same by receiver, if the rows are receiver calls; the most failures first.
    """

    counts: Mapping[str, int]
    by_receiver: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """True if nothing waits any more."""
        return not self.counts[WAITING]


def result_model(request: BulkRequest) -> type[Any]:
    """Return the model whose rows tell the result: a refused message that was let in is a message.

    What our shop missed is told by its tasks.
    """
    if request.action == BulkRequest.Action.TELL_MISSED:
        return ReceiverCall
    model = ACTIONS[request.action].model
    return Message if model is RefusedBody else model


def rows_of(request: BulkRequest, group: str = "") -> QuerySet[Any]:
    """Return the rows that the request acted on; only those of one of `GROUPS` if one is given."""
    using, model = database_alias(), result_model(request)
    acted = BulkEntry.objects.using(using).filter(request=request, is_acted=True)
    rows: QuerySet[Any] = model._default_manager.using(using)
    if request.action == BulkRequest.Action.TELL_MISSED:
        rows = missed.calls_of(acted.values("row"))
    elif ACTIONS[request.action].model is RefusedBody:
        released = RefusedBody.objects.using(using).filter(pk__in=acted.values("row"))
        rows = rows.filter(pk__in=released.values("message"))
    else:
        rows = rows.filter(Exists(acted.filter(row=OuterRef("pk"))))
    return rows.filter(CONDITIONS[model][group]) if group in GROUPS else rows


def results(request: BulkRequest) -> BulkResult:
    """Return what became of the rows that the request acted on, by one query."""
    model = result_model(request)
    numbers = {f"of_{group}": Count("pk", filter=CONDITIONS[model][group]) for group in GROUPS}
    rows = rows_of(request).order_by()
    if model is not ReceiverCall:
        found = rows.aggregate(**numbers)
        return BulkResult({group: found[f"of_{group}"] for group in GROUPS})
    by_receiver = {
        row["receiver"]: {group: row[f"of_{group}"] for group in GROUPS}
        for row in rows.values("receiver").annotate(**numbers).order_by("receiver")
    }
    worst_first = dict(sorted(by_receiver.items(), key=lambda item: -item[1][FAILED]))
    return BulkResult({group: sum(each[group] for each in by_receiver.values()) for group in GROUPS}, worst_first)
