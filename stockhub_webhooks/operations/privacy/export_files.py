"""Files of large exports, which may hold a customer who is erased."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from django.db import models

from stockhub_webhooks.db.connections import NOW, database_alias, with_retries, write_transaction
from stockhub_webhooks.models import ExportPart, ExportRequest


def remove(topics: Collection[str]) -> int:
    """Delete the files of exports of these topics that have customers; return their number.

    An export that is under way begins anew. One that is done stays as a record without its file.
    """
    chosen = _with_customers().filter(topic__in=topics)
    return sum(with_retries(partial(_remove, pk), is_transaction=True) for pk in chosen.values_list("pk", flat=True))


def _remove(pk: int) -> bool:
    using = database_alias()
    anew = {"reached": [], "documents": 0, "rows": 0, "claim": None, "due_at": NOW}
    with write_transaction(using):
        rows = _with_customers().filter(pk=pk)
        # first, so that a process that writes it loses its claim, or has written its part before
        if not rows.filter(due_at__isnull=False).update(**anew):
            rows.update(is_deleted=True)
        parts = ExportPart.objects.using(using).filter(request_id=pk)
        return bool(parts._raw_delete(using))


def _with_customers() -> models.QuerySet[ExportRequest]:
    return ExportRequest.objects.using(database_alias()).filter(with_persons=True, is_deleted=False)
