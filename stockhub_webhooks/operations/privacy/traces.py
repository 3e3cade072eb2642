"""Texts of people in tables that no column attributes to an order: reasons, errors of replays, the admin log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.db.models import Q

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Address, Message, ReceiverCall, WorklistRow
from stockhub_webhooks.models.personal import RETENTION
from stockhub_webhooks.models.worklists import NUMBER
from stockhub_webhooks.operations.privacy.bodies import About
from stockhub_webhooks.operations.privacy.subjects import Subjects, address_columns
from stockhub_webhooks.processing.apply import BY_TOPIC

MIN_LENGTH = 4  # shorter values are in too many words
BATCH = 500


def of(subjects: Subjects) -> set[str]:
    """Return what the customers of these orders are recognised by in a text: e-mail, telephone, surname and street."""
    addresses = _addresses(subjects, {"origin_address"})
    values = {text.strip() for address in addresses for text in _recognisable(address) if text}
    return {value for value in values if len(value) >= MIN_LENGTH}


def about(subjects: Subjects) -> About:
    """Return which bodies are about the orders."""
    wanted = subjects.identities()
    return About(lambda named: not wanted.isdisjoint(named), persons(subjects))


def persons(subjects: Subjects) -> set[tuple[str, str]]:
    """Return surname and street of the customers, in lower case.

    The address of an invoice is left out: it may be the reseller's, which is in the messages of all customers.
    """
    addresses = _addresses(subjects, {"origin_address", "billing_address"})
    names = {((each.last_name or "").strip().lower(), (each.street or "").strip().lower()) for each in addresses}
    return {(surname, street) for surname, street in names if surname and len(street) >= MIN_LENGTH}


def _addresses(subjects: Subjects, without: Collection[str]) -> Any:
    keys = {
        getattr(row, f"{column}_id")
        for rows in subjects.documents().values()
        for row in rows
        for column in address_columns(type(row))
        if column not in without
    }
    return Address.objects.using(database_alias()).filter(pk__in=keys - {None})


def _recognisable(address: Address) -> Iterator[str | None]:
    yield from (address.email, address.telephone, address.last_name)
    if address.street:
        yield f"{address.street} {address.house_number or ''}"


def clean(names: Iterable[str]) -> int:
    """Empty the texts that hold one of the names, in the tables without a path to an order; return the number."""
    wanted = sorted(names)
    if not wanted:
        return 0
    cleaned = 0
    for name, rule in RETENTION.items():
        if rule.orders or name in ("Address", "Message", "RefusedBody"):
            continue
        model = apps.get_model("stockhub_webhooks", name)
        for column in sorted(rule.personal):
            rows = model._default_manager.using(database_alias())
            cleaned += rows.filter(_holds(column, wanted)).update(**{column: ""})
    return cleaned


def _holds(column: str, texts: list[str]) -> Q:
    return reduce(or_, (Q(**{f"{column}__icontains": text}) for text in texts))


def worklist_rows(subjects: Subjects) -> Any:
    """Return the rows of the worklists about payment requests without an order, and about numbers of the shop."""
    numbers = [row.po_number for row in subjects.rows if row.po_number]
    requests = [row.pk for row in subjects.requests]
    is_hers = Q(kind="payment_request", subject_id__in=requests) | Q(kind=NUMBER, number__in=numbers)
    return WorklistRow.objects.using(database_alias()).filter(is_hers, account=subjects.account)


def logged_rows(subjects: Subjects) -> dict[Any, set[int]]:
    """Return the keys of the rows that Django's log of changes may speak of, by model."""
    orders = [order.pk for order in subjects.orders]
    rows: dict[Any, set[int]] = {Message: subjects.message_pks()}
    for model in (ReceiverCall, WorklistRow):
        of_orders = model._default_manager.using(database_alias()).filter(order__in=orders)
        rows[model] = set(of_orders.values_list("pk", flat=True))
    rows[WorklistRow].update(worklist_rows(subjects).values_list("pk", flat=True))
    documents = subjects.documents().items()
    return rows | {BY_TOPIC[topic].model: {row.pk for row in found} for topic, found in documents}


def clean_admin_log(rows: Mapping[Any, set[int]], names: Iterable[str]) -> None:
    """Empty what was written about rows in Django's log of changes, such as a reason; who did what and when stays.

    Args:
        rows: primary keys by model.
        names: texts of entries that hold one of these are emptied, too.
    """
    wanted = sorted(names)
    for log in _admin_log():
        if wanted:
            log.filter(_holds("change_message", wanted)).update(change_message="")
        types = apps.get_model("contenttypes", "ContentType").objects.db_manager(log.db)
        for model, pks in rows.items():
            content_type = types.get_for_model(model)
            keys = [str(pk) for pk in sorted(pks)]
            for start in range(0, len(keys), BATCH):
                entries = log.filter(content_type=content_type, object_id__in=keys[start : start + BATCH])
                entries.exclude(change_message="").update(change_message="")


def _admin_log() -> Iterator[Any]:
    """Yield the log of the admin, if it is installed."""
    if apps.is_installed("django.contrib.admin"):
        yield apps.get_model("admin", "LogEntry").objects.all()
