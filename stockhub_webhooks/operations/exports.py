"""Large exports: a worker writes the file in parts, each in one transaction with the progress, and it is kept for days.

If the process is killed, another one goes on behind the last part when the lease lapses. The file lies in the database,
so that each web server can send it.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import F
from django.utils import timezone, translation

from stockhub_webhooks.db.connections import NOW, database_alias, with_retries, write_transaction
from stockhub_webhooks.db.sequences import insert_row
from stockhub_webhooks.db.throttle import is_over
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import ExportPart, ExportRequest
from stockhub_webhooks.office.export import sheet
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.export.rows import Chunk, Export, Position
from stockhub_webhooks.office.export.tables import TABLES
from stockhub_webhooks.operations import work_requests
from stockhub_webhooks.operations.work_requests import ClaimLost

logger = logger_of(__name__)

LARGE = 20_000  # documents; a smaller export is sent while it is read
KEPT_FOR = timedelta(days=3)
TURN_SECONDS = 0.5  # new messages wait for an export no longer than that


def begin(export: Export, total: int, *, who: str, who_pk: str) -> ExportRequest:
    """Save a request for the file of an export, which a worker then writes."""
    request = ExportRequest(
        requested_by=who,
        requested_by_pk=who_pk,
        created_at=timezone.now(),
        reason="",
        topic=export.table.topic,
        first=export.period.first,
        last=export.period.last,
        statuses=list(export.statuses),
        only_account=export.account,
        by_line=export.by_line,
        with_persons=export.with_persons,
        language=export.language or "",
        total=total,
        due_at=NOW,
    )
    insert_row(request, database_alias())
    return request


def continue_due(*, until: float = float("inf"), stop: threading.Event | None = None) -> int:
    """Continue one due export for some parts, after which other work has its turn.

    Args:
        until: end of the work, on the clock of `time.monotonic`.
        stop: event that ends the work after the current part.

    Returns:
        The number of parts, at least 1 if an export was due.
    """
    request = work_requests.claim_due(ExportRequest)
    if request is None:
        return 0
    until = min(until, time.monotonic() + TURN_SECONDS)
    done = 0
    with suppress(ClaimLost):
        try:
            for _count in write_parts(request):
                done += 1
                if is_over(until, stop):
                    work_requests.release(request)
                    break
        except (OperationalError, InterfaceError) as fault:
            work_requests.postpone(request, fault)
    return max(done, 1)


def write_parts(request: ExportRequest) -> Iterator[int]:
    """Write the remaining parts of a claimed export, yield the documents of each, and finish the export.

    Raises:
        django.db.OperationalError: all retries of a part failed; the parts before it are kept.
        ClaimLost: it was stopped, or claimed by another process.
    """
    export = export_of(request)
    after = Position(*request.reached) if request.reached else None
    headers = [] if after else [export.headers()]
    for chunk in export.chunks(after):
        _write_part(request, chunk, headers)
        headers = []
        yield chunk.documents
    if headers:
        _write_part(request, Chunk(Position(0, "", 0), [], 0), headers)
    work_requests.finish(request)


def export_of(request: ExportRequest) -> Export:
    """Return what a request exports."""
    period = Period(request.first, request.last)
    language = request.language or translation.get_language()
    return Export(
        TABLES[request.topic],
        period,
        request.by_line,
        request.with_persons,
        language,
        tuple(request.statuses or ()),
        request.only_account or "",
    )


def _write_part(request: ExportRequest, chunk: Chunk, headers: list[list[Any]]) -> None:
    using = database_alias()
    text = "".join(sheet.lines([*headers, *chunk.rows]))
    data = zlib.compress((text if headers else text.removeprefix(sheet.BYTE_ORDER_MARK)).encode())
    attempts = 0

    def attempt() -> None:
        nonlocal attempts
        attempts += 1
        rows = ExportRequest.objects.using(using).filter(pk=request.pk)
        # the last attempt may have been committed although its answer got lost
        if attempts > 1 and rows.values_list("reached", flat=True).get() == list(chunk.position):
            return
        with write_transaction(using):
            work_requests.renew(request)
            ExportPart.objects.using(using).create(request=request, data=data)
            counts: dict[str, Any] = {
                "documents": F("documents") + chunk.documents,
                "rows": F("rows") + len(chunk.rows),
            }
            work_requests.update(request, reached=list(chunk.position), attempts=1, **counts)

    with_retries(attempt, is_transaction=True)
    request.attempts = 1


def content(request: ExportRequest) -> Iterator[bytes]:
    """Yield the file of an export that is done; one part is in memory at a time."""
    parts = ExportPart.objects.using(database_alias()).filter(request=request).order_by("pk")
    last = 0
    while part := parts.filter(pk__gt=last).first():
        yield zlib.decompress(bytes(part.data))
        last = part.pk


def forget() -> None:
    """Delete the files that are older than `KEPT_FOR`, and those of exports that were stopped; the record stays."""
    using = database_alias()
    ended = ExportRequest.objects.using(using).filter(due_at=None, is_deleted=False)
    old = ended.filter(finished_at__lt=timezone.now() - KEPT_FOR) | ended.exclude(status=ExportRequest.Status.DONE)
    for pk in list(old.values_list("pk", flat=True)):
        parts = ExportPart.objects.using(using).filter(request_id=pk)
        parts._raw_delete(using)
        ExportRequest.objects.using(using).filter(pk=pk).update(is_deleted=True)
