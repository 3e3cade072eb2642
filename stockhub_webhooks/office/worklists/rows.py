"""The rows of the worklists, brought up to date from what holds now.

A row changes only if it is still as it was read, so that neither another process nor a person who dismissed it
meanwhile is overruled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import models
from django.utils import timezone

from stockhub_webhooks.db.connections import NOW, database_alias, with_retries, write_transaction
from stockhub_webhooks.db.sequences import insert_missing
from stockhub_webhooks.models import Order, WorklistRow
from stockhub_webhooks.models.worklists import NUMBER
from stockhub_webhooks.office.worklists import billing, incomplete, pull, returning, sending, transit
from stockhub_webhooks.office.worklists.loading import BATCH, Case, load
from stockhub_webhooks.office.worklists.rules import RULES, Finding, fingerprint

FAMILIES = (sending.find, transit.find, returning.find, billing.find, incomplete.find)
JUDGED = tuple(code for code, rule in RULES.items() if rule.of_purchase)
OLD = timedelta(days=30)  # at the first run; receivers are not called for older ones

Status = WorklistRow.Status
Key = tuple[str, str, str, str]


def findings_of(case: Case) -> list[Finding]:
    """Return what holds for the documents of a purchase, whatever the days of the settings are."""
    return list(pull.with_pull(case, (finding for family in FAMILIES for finding in family(case))))


def update(orders: Collection[int], payment_requests: Collection[int] = (), *, is_first_run: bool = False) -> int:
    """Bring the rows of these orders' purchases up to date; return the number of purchases.

    Args:
        orders: primary keys.
        payment_requests: primary keys of payment requests without an order.
        is_first_run: True if these rules were not applied to all documents yet: receivers hear nothing of what is old.
    """
    pks, requests = sorted(set(orders)), sorted(set(payment_requests))
    done = 0
    for start in range(0, max(len(pks), len(requests)), BATCH):
        cases = list(load(pks[start : start + BATCH], requests[start : start + BATCH]))
        done += len(cases)
        _store(cases, is_first_run)
    return done


def update_numbers(account: str, since_by_number: dict[str, datetime], *, is_first_run: bool = False) -> None:
    """Bring the rows of `never_mentioned` of an account up to date.

    Args:
        account: whose numbers.
        since_by_number: all order numbers of the shop that Stock Hub does not know, with the time of the order.
        is_first_run: as for `update`.
    """
    findings = [
        Finding("never_mentioned", Order(account=account, increment_id=number, po_number=number), since, [])
        for number, since in since_by_number.items()
    ]
    wanted = {(account, NUMBER, each.document.increment_id, each.rule): each for each in findings}
    rows = WorklistRow.objects.using(database_alias()).filter(account=account, kind=NUMBER, rule="never_mentioned")
    existing = {(row.account, row.kind, row.number, row.rule): row for row in rows}
    _write(wanted, existing, is_first_run)


def _store(cases: list[Case], is_first_run: bool) -> None:
    wanted = {finding.key: finding for case in cases for finding in findings_of(case)}
    orders = [order.pk for case in cases for order in case.purchase.orders]
    requests = [request.pk for case in cases for request in case.purchase.payment_requests]
    rows = WorklistRow.objects.using(database_alias()).filter(rule__in=JUDGED)
    existing = {_key(row): row for row in rows.filter(order__in=orders)}
    if requests:
        existing |= {_key(row): row for row in rows.filter(order=None, kind="payment_request", subject_id__in=requests)}
    if numbers := {order.po_number for case in cases for order in case.purchase.orders if order.po_number}:
        arrived = {(case.purchase.account, order.po_number) for case in cases for order in case.purchase.orders}
        never = WorklistRow.objects.using(database_alias()).filter(kind=NUMBER, number__in=numbers)
        never = never.exclude(status=Status.ENDED)
        existing |= {_key(row): row for row in never if (row.account, row.number) in arrived}
    if missing := {key[2] for key in wanted.keys() - existing.keys()}:  # such as of a document that had another order
        others = {_key(row): row for row in rows.filter(number__in=missing)}
        existing |= {key: row for key, row in others.items() if key in wanted}
    _write(wanted, existing, is_first_run)


def _key(row: WorklistRow) -> Key:
    return row.account, row.kind, row.number, row.rule


def _write(wanted: dict[Key, Finding], existing: dict[Key, WorklistRow], is_first_run: bool) -> None:
    using = database_alias()
    judged = [(row, _changed(row, wanted.get(key), is_first_run)) for key, row in existing.items()]
    changes = [(row, values) for row, values in judged if values]
    fresh = list(_new_rows((each for key, each in wanted.items() if key not in existing), is_first_run))
    gone = [row for row, values in changes if values.get("status") == Status.ENDED and _never_opened(row)]
    changes = [(row, values) for row, values in changes if row not in gone]
    if not (changes or fresh or gone):
        return

    def step() -> None:
        with write_transaction(using):
            rows = WorklistRow.objects.using(using)
            if gone:
                rows.filter(pk__in=[row.pk for row in gone], status=Status.WAITING, opened_at=None).delete()
            for row, values in changes:
                rows.filter(pk=row.pk, status=row.status, fingerprint=row.fingerprint).update(**values)
            insert_missing(fresh, using)

    with_retries(step, is_transaction=True)


def _never_opened(row: WorklistRow) -> bool:
    return row.status == Status.WAITING and row.opened_at is None


def _changed(row: WorklistRow, finding: Finding | None, is_first_run: bool) -> dict[str, Any]:
    """Return the columns of a row that are to be changed; {} if none is."""
    if finding is None:
        return {} if row.status == Status.ENDED else {"status": Status.ENDED, "ended_at": NOW}
    since = finding.since
    if RULES[row.rule].keeps_since and row.status != Status.ENDED:
        since = min(row.since, since)
    values = {**_facts(finding), "since": since, "fingerprint": fingerprint(since, finding.detail)}
    if row.status == Status.ENDED or (
        row.fingerprint != values["fingerprint"] and (row.status == Status.DISMISSED or row.since != since)
    ):
        values |= {"status": Status.WAITING, "ended_at": None, "dismissed_at": None, "dismissed_fingerprint": ""}
    if since > row.since:  # receivers hear of a new beginning, also if they did not of the former one
        values["is_quiet"] = _is_quiet(since, is_first_run)
    return {} if all(getattr(row, name) == value for name, value in values.items()) else values


def _facts(finding: Finding) -> dict[str, Any]:
    document: Any = finding.document
    order = document if isinstance(document, Order) else getattr(document, "order", None)
    return {
        "order_id": order.pk if order else None,
        "subject_id": document.pk,
        "po_number": document.po_number or (order.po_number if order else None),
        "detail": finding.detail,
    }


def _new_rows(findings: Iterable[Finding], is_first_run: bool) -> Iterator[WorklistRow]:
    for finding in findings:
        account, kind, number, rule = finding.key if finding.document.pk else _number_key(finding)
        yield WorklistRow(
            account=account,
            kind=kind,
            number=number,
            rule=rule,
            since=finding.since,
            fingerprint=fingerprint(finding.since, finding.detail),
            is_quiet=_is_quiet(finding.since, is_first_run),
            **_facts(finding),
        )


def _is_quiet(since: datetime, is_first_run: bool) -> bool:
    return is_first_run and since < timezone.now() - OLD


def _number_key(finding: Finding) -> Key:
    return finding.document.account, NUMBER, finding.document.increment_id, finding.rule


def dismiss(pks: Collection[int], *, by: str, reason: str) -> int:
    """Dismiss open rows until something of their facts changes; return their number."""
    rows = WorklistRow.objects.using(database_alias()).filter(pk__in=pks, status=Status.OPEN)
    count = 0
    for row in rows.only("pk", "fingerprint"):
        step = rows.filter(pk=row.pk, fingerprint=row.fingerprint).update
        values: dict[str, Any] = {"dismissed_by": by[:255], "dismissed_at": NOW, "dismissed_reason": reason}
        values |= {"dismissed_fingerprint": row.fingerprint, "status": Status.DISMISSED}
        count += with_retries(partial(step, **values))
    return count


def of_orders(orders: Collection[int]) -> Any:
    """Return the open rows of these orders whose rule is on, the oldest first."""
    return open_rows().filter(order__in=orders).order_by("since", "pk")


def open_rows(rule: str = "") -> Any:
    """Return the rows that are on the lists now: open, and their time is over by the days of the settings."""
    now = timezone.now()
    patience = {code: each.patience for code, each in RULES.items() if each.patience is not None}
    rows = WorklistRow.objects.real().using(database_alias()).filter(status=Status.OPEN)
    if rule:
        return rows.filter(rule=rule, since__lte=now - patience[rule]) if rule in patience else rows.none()
    # one comparison, so that each order of the page is read from its index; SQLite would join those of the rules first
    limits = [models.When(rule=code, then=models.Value(now - each)) for code, each in patience.items()]
    return rows.filter(since__lte=models.Case(*limits, output_field=models.DateTimeField()))
