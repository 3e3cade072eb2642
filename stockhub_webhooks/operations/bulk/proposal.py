"""Proposed bulk requests: the chosen rows are written down first, so that the confirmed request acts on no others."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import NOW, database_alias, from_now
from stockhub_webhooks.db.insert_selected import insert_keys
from stockhub_webhooks.db.sequences import insert_row
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.models import BulkEntry, BulkRequest, ReceiverCall
from stockhub_webhooks.operations.bulk.actions import ACTIONS

PROPOSED_FOR = timedelta(days=1)
ENTRIES_FOR = timedelta(days=90)


def propose(
    action: str, rows: QuerySet[Any], *, who: str, who_pk: str = "", parameters: dict[str, Any] | None = None
) -> BulkRequest:
    """Save a request that is not confirmed yet, with the rows on which its action is possible.

    With tasks that are to be tried again, the earlier tasks that they wait for are chosen, too: otherwise nothing would
    happen. `parameters["earlier"]` is their number.

    Args:
        action: a key of `ACTIONS`.
        rows: the rows that the user chose, of the model of the action.
        who: name of the user, for display.
        who_pk: primary key of the user, "" if there is none.
        parameters: what the action needs to know.
    """
    using = database_alias()
    request = BulkRequest(
        action=action,
        parameters=parameters or {},
        requested_by=who,
        requested_by_pk=who_pk,
        created_at=timezone.now(),
        reason="",
    )
    with transaction.atomic(using=using):
        _forget_old()
        insert_row(request, using)
        chosen = rows.using(using).filter(ACTIONS[action].possible(request.parameters))
        request.total = insert_keys(BulkEntry, "request", request.pk, "row", chosen)
        if action == BulkRequest.Action.TRY_AGAIN and request.total:
            earlier = insert_keys(BulkEntry, "request", request.pk, "row", _earlier_calls(request))
            request.total += earlier
            request.parameters |= {"earlier": earlier} if earlier else {}
        request.save(using=using, update_fields=["total", "parameters"])
    return request


def _earlier_calls(request: BulkRequest) -> QuerySet[Any]:
    """Return the calls that are not due yet, and that chosen calls of the same receiver and order wait for."""
    entries = BulkEntry.objects.using(database_alias()).filter(request=request)
    later = Q(event_id__gt=OuterRef("event_id")) | Q(event_id=OuterRef("event_id"), pk__gt=OuterRef("pk"))
    chosen = ReceiverCall.objects.using(database_alias()).filter(
        later, order_id=OuterRef("order_id"), receiver=OuterRef("receiver"), pk__in=entries.values("row")
    )
    waiting = ReceiverCall.objects.using(database_alias()).of(ledger.known_receivers())
    waiting = waiting.filter(status=ReceiverCall.Status.PENDING, due_at__gt=NOW)
    return waiting.filter(Exists(chosen)).exclude(pk__in=entries.values("row"))


def confirm(pk: int, *, reason: str = "", claimed: bool = False, who: str = "", who_pk: str = "") -> BulkRequest | None:
    """Begin a proposed request; return None if it was begun before.

    Args:
        pk: its primary key.
        reason: the reason of the user.
        claimed: True if the caller carries it out at once, so that no worker claims it.
        who: name of the user who confirms it, if it is another one.
        who_pk: primary key of that user.
    """
    token = uuid.uuid4()
    values: dict[str, Any] = {
        "status": BulkRequest.Status.OPEN,
        "reason": reason,
        "created_at": timezone.now(),
        "due_at": from_now(conf.LEASE_SECONDS) if claimed else NOW,
        "claim": token if claimed else None,
        **({"requested_by": who, "requested_by_pk": who_pk} if who else {}),
    }
    rows = BulkRequest.objects.using(database_alias()).filter(pk=pk)
    return rows.first() if rows.filter(status=BulkRequest.PROPOSED).update(**values) else None


def _forget_old() -> None:
    """Delete requests that nobody confirmed, and the rows of requests that ended long ago."""
    now = timezone.now()
    old = BulkRequest.objects.using(database_alias())
    unconfirmed = old.filter(status=BulkRequest.PROPOSED, created_at__lt=now - PROPOSED_FOR)
    ended = old.filter(finished_at__lt=now - ENTRIES_FOR)
    for rows in (unconfirmed, ended):
        entries = BulkEntry.objects.using(database_alias()).filter(request__in=list(rows.values_list("pk", flat=True)))
        entries._raw_delete(entries.db)
    unconfirmed.delete()
