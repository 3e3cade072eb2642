"""Rows whose deadline passed: they are opened, and `deadline.passed` is recorded in the same transaction.

The row's status and its list `announced` decide, so that each `since` is recorded once, whoever looks, whatever was
pruned since, and whatever the days of the settings are by now.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone

from stockhub_webhooks.db import row_locks
from stockhub_webhooks.db.connections import NOW, database_alias, with_retries, write_transaction
from stockhub_webhooks.db.throttle import is_over
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.db.writes import insert, select_for_update
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.exceptions import OrderLocked, error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Event, Order, WorklistRow
from stockhub_webhooks.models.ledger import DEADLINE
from stockhub_webhooks.office.worklists import rows
from stockhub_webhooks.office.worklists.loading import BATCH
from stockhub_webhooks.office.worklists.rules import RULES, Rule, active

logger = logger_of(__name__)

MAX_ANNOUNCED = 50

Status = WorklistRow.Status


def open_due(
    *,
    until: float = float("inf"),
    stop: threading.Event | None = None,
    is_first_run: bool = False,
    batch: int = BATCH,
) -> int:
    """Open the rows whose deadline passed, some at a time; return their number.

    What they stand on is read once more before, so that no row is opened of a purchase that went on meanwhile.

    Args:
        until: end, on the clock of `time.monotonic`.
        stop: checked between two rows.
        is_first_run: True if the rules were not applied to all documents yet.
        batch: the largest number of rows that are read together.
    """
    done = 0
    for rule in active():
        if rule.patience is None:
            continue
        _postpone(rule)
        after: tuple[datetime, int] | None = None
        while not is_over(until, stop):
            due = _due(rule, after, batch)
            if not due:
                break
            after = due[-1].since, due[-1].pk
            requests = [row.subject_id for row in due if row.order_id is None and row.kind == "payment_request"]
            orders = [row.order_id for row in due if row.order_id]
            rows.update(orders, [pk for pk in requests if pk], is_first_run=is_first_run)
            for row in due:
                if is_over(until, stop):
                    return done
                done += _open(row)
    return done


def _due(rule: Rule, after: tuple[datetime, int] | None, batch: int) -> list[WorklistRow]:
    """Return waiting rows whose deadline passed, the oldest first, without those of locked orders."""
    limit = timezone.now() - (rule.patience or timedelta())
    due = WorklistRow.objects.using(database_alias()).filter(status=Status.WAITING, rule=rule.code, since__lte=limit)
    if after:  # a row that could not be opened is left for the next time
        due = due.filter(since__gte=after[0]).exclude(since=after[0], pk__lte=after[1])
    held = row_locks.LOCKED.paused(Order, "id")
    if held:
        due = due.exclude(order__in=held)
    with query_timeout(database_alias()):
        return list(due.order_by("since", "pk")[:batch])


def _postpone(rule: Rule) -> None:
    """Set rows back that were opened when the deadline was shorter; nothing is recorded anew for them."""
    limit = timezone.now() - (rule.patience or timedelta())
    opened = WorklistRow.objects.using(database_alias()).filter(status=Status.OPEN, rule=rule.code, since__gt=limit)
    with_retries(partial(opened.update, status=Status.WAITING))


def _open(row: WorklistRow) -> bool:
    """Open one row; return False if another process was first, or if it cannot be done now."""
    try:
        return with_retries(partial(_open_and_record, row), is_transaction=True)
    except OrderLocked as locked:
        logger.warning("the deadline of worklist row %s is recorded later: %s", row.pk, locked)
    except Exception as fault:  # it must hold up no other work
        logger.error(
            "the deadline of worklist row %s was not recorded (%s); it stays due", row.pk, error_location(fault)
        )
    return False


def _open_and_record(row: WorklistRow) -> bool:
    using = database_alias()
    mine = WorklistRow.objects.using(using).filter(pk=row.pk, status=Status.WAITING, since=row.since)
    with write_transaction(using):
        if row.order_id:  # events of an order have their sequence under its lock
            select_for_update(Order, using, id=row.order_id)
        if not mine.update(status=Status.OPEN, opened_at=NOW):
            return False
        current = WorklistRow.objects.using(using).get(pk=row.pk)
        since = current.since.isoformat()
        if since not in current.announced:
            current.announced = [*current.announced, since][-MAX_ANNOUNCED:]
            current.save(using=using, update_fields=["announced"])
            event = event_of(current)
            if current.is_quiet:
                insert([event], using)
            else:
                ledger.record([event])
    return True


def event_of(row: WorklistRow) -> Event:
    """Return the unsaved event that the deadline of a row passed."""
    changes = {"kind": (None, row.kind), "rule": (None, row.rule), "since": (None, row.since.isoformat())}
    rule = RULES.get(row.rule)
    return Event(
        type=DEADLINE,
        account=row.account,
        order_id=row.order_id,
        message=None,
        subject_id=row.pk,
        increment_id=row.number[:64],
        po_number=row.po_number,
        changes={name: list(values) for name, values in changes.items()},
        occurred_at=row.since + ((rule.patience if rule else None) or timedelta()),
    )
