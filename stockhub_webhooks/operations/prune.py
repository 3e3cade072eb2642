"""Takes away what came in as a test, in small steps: it may be stopped at any time, and begun again.

Messages go before documents, so that nobody applies one of them to what is gone already.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.models import Address, Event, Message, Order, ReceiverCall
from stockhub_webhooks.processing.apply import BY_TOPIC

BATCH = 200

# Each kind before the kind that it hangs on, so that no step takes more with it than its own lines and parcels.
DOCUMENTS = (*(kind.model for kind in BY_TOPIC.values() if kind.model is not Order), Order)
KINDS: tuple[Any, ...] = (ReceiverCall, Event, Message, *DOCUMENTS)


def count(account: str) -> dict[Any, int]:
    """How many rows of each kind an account has."""
    return {model: _rows(model, account).count() for model in KINDS}


def remove(account: str) -> Iterator[tuple[Any, int]]:
    """Take all rows of an account away, a batch at each step: the kind and how many of it are gone now.

    Raises:
        django.db.Error: a step was called off time and again; what is gone stays gone.
    """
    for model in KINDS:
        while gone := with_retries(partial(_step, model, account)):
            yield model, gone


def _rows(model: Any, account: str) -> Any:
    return model.objects.using(database_alias()).of_account(account)


def _step(model: Any, account: str) -> int:
    """One transaction."""
    using = database_alias()
    addresses = [field.attname for field in model._meta.fields if field.related_model is Address]
    with write_transaction(using):
        found = list(_rows(model, account).order_by("pk").values_list("pk", *addresses)[:BATCH])
        model.objects.using(using).filter(pk__in=[row[0] for row in found]).only("pk").delete()  # bodies are long
        owned = [key for row in found for key in row[1:] if key]
        Address.objects.using(using).filter(pk__in=owned).delete()
    return len(found)
