"""Deletion of addresses: each belongs to one document, so it is deleted when the ORM deletes the document."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, pre_delete

from stockhub_webhooks.models.documents import Address
from stockhub_webhooks.models.numbers import ALL


def connect() -> None:
    """Connect the signals of all documents."""
    for model in ALL:
        pre_delete.connect(_load_keys, model, dispatch_uid="stockhub_webhooks.addresses")
        post_delete.connect(_delete_addresses, model, dispatch_uid="stockhub_webhooks.addresses")


def _load_keys(instance: Any, **kwargs: Any) -> None:
    """Load deferred keys of the addresses while the row still exists."""
    _keys(instance)


def _delete_addresses(instance: Any, using: str, **kwargs: Any) -> None:
    if keys := _keys(instance):
        # nothing else points at them, so there is nothing to collect
        Address.objects.using(using).filter(pk__in=keys)._raw_delete(using)


def _keys(document: Any) -> list[int]:
    columns = (field.attname for field in document._meta.concrete_fields if field.related_model is Address)
    return [key for name in columns if (key := getattr(document, name))]
