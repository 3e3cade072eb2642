"""Removes all rows of the test account in small batches. It can be stopped at any time and run again.

Messages are removed before documents, so that no worker applies a message to a document that is already removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.models import Address, BookedPurchase, Event, HostLink, Message, Order, ReceiverCall, WorklistRow
from stockhub_webhooks.processing.apply import BY_TOPIC

BATCH = 200

# Children before parents, so that no batch cascades further than its own lines and tracks.
DOCUMENTS = (*(each.model for each in BY_TOPIC.values() if each.model is not Order), Order)
# `HostLink` by itself, since MariaDB would detach it from its document first, which its constraint forbids.
MODELS: tuple[Any, ...] = (ReceiverCall, BookedPurchase, Event, WorklistRow, Message, HostLink, *DOCUMENTS)


def count(account: str) -> dict[Any, int]:
    """Return the number of rows of an account by model."""
    return {model: _rows(model, account).count() for model in MODELS}


def remove(account: str) -> Iterator[tuple[Any, int]]:
    """Remove all rows of an account in batches; yield the model and the size of each batch.

    Raises:
        django.db.Error: a batch failed after all retries; earlier batches stay removed.
    """
    for model in MODELS:
        while removed := with_retries(partial(_remove_batch, model, account)):
            yield model, removed


def _rows(model: Any, account: str) -> Any:
    return model.objects.using(database_alias()).of_account(account)


def _remove_batch(model: Any, account: str) -> int:
    """Remove one batch in one transaction; return its size."""
    using = database_alias()
    with write_transaction(using):
        pks = list(_rows(model, account).order_by("pk").values_list("pk", flat=True)[:BATCH])
        rows = model.objects.using(using).filter(pk__in=pks)
        addresses = [field.attname for field in model._meta.fields if field.related_model is Address]
        rows.only("pk", *addresses).delete()  # with the addresses
    return len(pks)
