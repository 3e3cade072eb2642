"""Texts of people in tables that no column attributes to an order: reasons, errors of replays, the admin log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.db.models import Q

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Address
from stockhub_webhooks.models.personal import RETENTION
from stockhub_webhooks.operations.privacy.subjects import Subjects, address_columns

MIN_LENGTH = 4  # shorter values are in too many words
BATCH = 500


def of(subjects: Subjects) -> set[str]:
    """Return what the customers of these orders are recognised by in a text: e-mail, telephone, surname and street."""
    keys = {
        getattr(row, f"{column}_id")
        for rows in subjects.documents().values()
        for row in rows
        for column in address_columns(type(row))
        if column != "origin_address"
    }
    addresses = Address.objects.using(database_alias()).filter(pk__in=keys - {None})
    values = {text.strip() for address in addresses for text in _recognisable(address) if text}
    return {value for value in values if len(value) >= MIN_LENGTH}


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
