"""Documents read with their lines in one statement, a left join, however many lines they have."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import F, QuerySet

from stockhub_webhooks.models.documents import Document

D = TypeVar("D", bound=Document)
PREFIX = "line_"


def with_items(rows: QuerySet[D]) -> list[D]:
    """Return the documents of a queryset, by primary key; `items.all()` of each asks the database no more.

    Fields that this app does not know (`extra`) are read at the first access.
    """
    relation: Any = rows.model._meta.get_field("items")
    fields = relation.related_model._meta.concrete_fields
    joined = rows.defer("extra").annotate(**{PREFIX + field.attname: F(f"items__{field.name}") for field in fields})
    documents: dict[int, D] = {}
    items: dict[int, list[Any]] = {}
    for row in joined.order_by("pk", "items__position", "items__pk"):
        document = documents.setdefault(row.pk, row)
        values = [row.__dict__.pop(PREFIX + field.attname) for field in fields]
        own = items.setdefault(row.pk, [])
        if values[0] is not None:
            item = relation.related_model.from_db(rows.db, [field.attname for field in fields], values)
            setattr(item, relation.field.name, document)
            own.append(item)
    for document in documents.values():
        _keep(document, items[document.pk])
    return list(documents.values())


def _keep(document: Any, items: list[Any]) -> None:
    """Keep the lines as Django's `prefetch_related` does."""
    result = document.items.get_queryset()
    result._result_cache = items
    result._prefetch_done = True
    cache = document.__dict__.setdefault("_prefetched_objects_cache", {})
    cache["items"] = result
