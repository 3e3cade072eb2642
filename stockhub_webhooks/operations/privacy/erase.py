"""Erase the personal data of orders: each order in one transaction, under its lock.

Amounts, numbers and dates stay; no name, street, postcode, e-mail address or telephone number does, and no hash of one.
The order's row says that it is erased, so that later messages about it are applied without persons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Q
from django.utils import timezone

from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.db.writes import select_for_update
from stockhub_webhooks.delivery import manual
from stockhub_webhooks.models import (
    Address,
    Attempt,
    Document,
    Erasure,
    Message,
    Order,
    PaymentRequest,
    ReceiverCall,
    RefusedBody,
    WorklistRow,
)
from stockhub_webhooks.models.personal import RETENTION
from stockhub_webhooks.operations.privacy import bodies, erasure_log, export_files, files, traces
from stockhub_webhooks.operations.privacy.event_changes import clean_events
from stockhub_webhooks.operations.privacy.subjects import Subjects, address_columns
from stockhub_webhooks.processing.apply import BY_TOPIC

BATCH = 500
REASON = Message.ERASED  # of receiver calls that are given up
# emptied by steps of their own
OWN_STEPS = frozenset({"Address", "Attempt", "Event", "Message", "ReceiverCall", "RefusedBody"})


@dataclass
class ErasureResult:
    """What was erased, or would be.

    Attributes:
        subjects: the orders.
        counts: number of rows or files by what they are, such as `addresses` and `calls` (those given up).
        waiting: number of open messages about the orders, which are erased when they are applied.
        running: number of receiver calls that run now and are not stopped.
        log_line: the line for the log of erasures; "" for a preview.
    """

    subjects: Subjects
    counts: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    running: int = 0
    log_line: str = ""


class _RollBack(Exception):
    """The end of a preview."""


def preview(subjects: Subjects) -> ErasureResult:
    """Return what erasing would do: it is done and rolled back.

    Raises:
        django.db.Error: all retries failed.
    """
    result = ErasureResult(subjects)
    using = database_alias()
    try:
        with write_transaction(using):
            _erase_all(subjects, timezone.now(), result)
            raise _RollBack
    except _RollBack:
        pass
    about = traces.about(subjects)
    result.waiting = bodies.waiting(subjects.account, about)
    result.counts["files"] += files.clean_spool(subjects.account, about, dry_run=True)
    running = ReceiverCall.objects.using(using).filter(order__in=_pks(subjects.orders))
    result.running = running.filter(status=ReceiverCall.Status.RUNNING).count()
    return result


def erase(subjects: Subjects, *, by: str, at: datetime | None = None, is_again: bool = False) -> ErasureResult:
    """Erase the personal data of orders and of payment requests without an order, and record it.

    The erasure is recorded first, so that it can be completed if this process is killed. It may be repeated.

    Args:
        subjects: the orders and requests of one account.
        by: the user, for the record.
        at: the time of the erasure; None for now.
        is_again: True to repeat a recorded erasure.

    Raises:
        django.db.Error: all retries of a step failed; run it again.
        OSError: `ERASURE_LOG` cannot be written; nothing is erased.
    """
    result = ErasureResult(subjects)
    if not subjects:
        return result
    at = at or timezone.now()
    rows = Erasure.objects.using(database_alias())
    row = Erasure(account=subjects.account, order_numbers=subjects.numbers, erased_at=at, erased_by=by)
    result.log_line = erasure_log.line(row)
    if not is_again:
        erasure_log.append(result.log_line)
    if not (is_again and rows.filter(account=row.account, erased_at=at).exists()):
        row.save(using=database_alias())
    about, names, logged = traces.about(subjects), traces.of(subjects), traces.logged_rows(subjects)
    for model, pks in _erase_all(subjects, at, result).items():
        logged.setdefault(model, set()).update(pks)
    traces.clean_admin_log(logged, names)
    result.counts["files"] += files.clean_spool(subjects.account, about)
    result.waiting = bodies.waiting(subjects.account, about)
    return result


def _erase_all(subjects: Subjects, at: datetime, result: ErasureResult) -> dict[Any, set[int]]:
    """Erase; return the primary keys of what belongs to no order, by model."""
    names = traces.of(subjects)
    about, found = traces.about(subjects), subjects.identities()
    for order in subjects.orders:
        _in_transaction(Subjects(subjects.account, (order,)), at, result)
    for request in subjects.requests:
        _in_transaction(Subjects(subjects.account, (), (request,)), at, result)
    cleaned = {
        Message: bodies.clean_unapplied(subjects.account, about),
        RefusedBody: bodies.clean_refused(about),
    }
    result.counts["messages"] += len(cleaned[Message])
    result.counts["refused"] += len(cleaned[RefusedBody])
    result.counts["texts"] += traces.clean(names)
    result.counts["files"] += export_files.remove({each.topic for each in found})
    return cleaned


def _in_transaction(one: Subjects, at: datetime, result: ErasureResult) -> None:
    def step() -> Counter[str]:
        with write_transaction(database_alias()):
            return _erase_one(one, at)

    result.counts += with_retries(step, is_transaction=True)


def _erase_one(one: Subjects, at: datetime) -> Counter[str]:
    """Erase one order, in the caller's transaction."""
    using = database_alias()
    for order in one.orders:
        select_for_update(Order, using, id=order.pk)
    for request in one.requests:
        select_for_update(PaymentRequest, using, id=request.pk)
    Order.objects.using(using).filter(pk__in=_pks(one.orders), erased_at=None).update(erased_at=at)
    PaymentRequest.objects.using(using).filter(pk__in=_pks(one.requests), erased_at=None).update(erased_at=at)
    documents = one.documents()
    counts = Counter({"documents": sum(map(len, documents.values()))})
    messages = one.message_pks()
    counts["addresses"] = remove_addresses(documents)
    counts["events"], calls = clean_events(one)
    counts += _clean_calls(calls)
    _empty_columns(one)
    _empty_worklist(one)
    counts["messages"] = _clean_messages(messages)
    return counts


def _pks(rows: Iterable[Any]) -> list[int]:
    return [row.pk for row in rows]


# ---------------------------------------------------------------- documents


def remove_addresses(documents: dict[str, list[Any]]) -> int:
    """Delete the addresses of documents, and empty their unknown fields and digests; return the number of addresses."""
    using = database_alias()
    removed = 0
    for topic, rows in documents.items():
        model = BY_TOPIC[topic].model
        columns = address_columns(model)
        owned = [key for row in rows for name in columns if (key := getattr(row, f"{name}_id"))]
        model.objects.using(using).filter(pk__in=_pks(rows)).update(
            **dict.fromkeys(columns), **emptied(model, RETENTION[model.__name__].personal), reading_digest=""
        )
        removed += Address.objects.using(using).filter(pk__in=owned).delete()[0]
    return removed


def _empty_columns(one: Subjects) -> None:
    """Empty the personal columns of all other tables whose rows lead to an order."""
    orders = _pks(one.orders)
    for name, rule in RETENTION.items():
        model = apps.get_model("stockhub_webhooks", name)
        if not rule.personal or not rule.orders or name in OWN_STEPS or issubclass(model, Document):
            continue
        condition = Q(pk__in=[])
        for path in rule.orders:
            condition |= Q(**{f"{path}__in": orders})
        pks = list(model._default_manager.using(database_alias()).filter(condition).values_list("pk", flat=True))
        model._default_manager.using(database_alias()).filter(pk__in=pks).update(**emptied(model, rule.personal))


def _empty_worklist(one: Subjects) -> None:
    """Empty the personal columns of the rows about payment requests without an order, and about numbers of the shop."""
    traces.worklist_rows(one).update(**emptied(WorklistRow, RETENTION["WorklistRow"].personal))


def emptied(model: type[models.Model], names: Iterable[str]) -> dict[str, Any]:
    """Return an empty value for each column."""
    return {name: _empty_value(model._meta.get_field(name)) for name in names}


def _empty_value(column: Any) -> Any:
    if isinstance(column, models.JSONField):
        return {}
    if isinstance(column, models.BinaryField):
        return b""
    return None if column.null else ""


# ---------------------------------------------------------------- events, calls and messages


def _clean_calls(pks: list[int]) -> Counter[str]:
    """Give the pending calls up, and empty the errors of all that do not run now."""
    using = database_alias()
    counts: Counter[str] = Counter()
    for start in range(0, len(pks), BATCH):
        batch = pks[start : start + BATCH]
        counts["errors"] += Attempt.objects.using(using).filter(call__in=batch).delete()[0]
        calls = ReceiverCall.objects.using(using).filter(pk__in=batch).exclude(status=ReceiverCall.Status.RUNNING)
        # MariaDB locks a row before it looks at the status, so that an UPDATE would wait for a running receiver
        calls = calls.filter(pk__in=list(calls.values_list("pk", flat=True)))
        counts["errors"] += calls.exclude(last_error__in=("", f"{REASON}\n\n")).update(last_error="")
        pending = calls.filter(status=ReceiverCall.Status.PENDING) | calls.filter(
            status=ReceiverCall.Status.GIVEN_UP
        ).exclude(cause=ReceiverCall.BY_HAND)
        counts["calls"] += manual.give_up_by_hand(list(pending.values_list("pk", flat=True)), REASON)
    return counts


def _clean_messages(pks: set[int]) -> int:
    """Remove the bodies of settled messages, and of those that they were parts of; return their number.

    Open messages keep theirs until they are applied, which removes it.
    """
    rows = Message.objects.using(database_alias())
    parents = rows.filter(parts__in=pks).values_list("pk", flat=True)
    wanted = sorted({*pks, *parents})
    settled = [rows.filter(pk__in=wanted[start : start + BATCH]) for start in range(0, len(wanted), BATCH)]
    return sum(
        bodies.forget(batch.exclude(status=Message.Status.RECEIVED).filter(body_removed_at=None)) for batch in settled
    )
