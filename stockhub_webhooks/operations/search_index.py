"""Index of the search, which the worker completes, so that no message waits for it.

It consists of the search keys of addresses, for those that were written before the columns existed or by other code
than `Address.save` and `apply`, and of the numbers in messages without a document.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import Error as DatabaseFault
from django.db.models import Exists, OuterRef

from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import close_if_broken, database_alias, with_retries, write_transaction
from stockhub_webhooks.db.throttle import Throttle, is_over
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Address, MentionedNumber, Message, RefusedBody, search_keys
from stockhub_webhooks.models.mentioned_number import unread
from stockhub_webhooks.serializers.mentioned_numbers import numbers_in

logger = logger_of(__name__)

BATCH = 200
BODIES = 20  # of up to MAX_BODY_BYTES

throttle = Throttle(60.0)


def index_due(*, until: float = float("inf"), stop: threading.Event | None = None) -> int:
    """Write what is missing; return the number of addresses and messages.

    Args:
        until: end, on the clock of `time.monotonic`.
        stop: checked between two batches.
    """
    if not throttle.is_due():
        return 0
    done, steps = 0, [*STEPS]
    try:
        while steps and not is_over(until, stop):
            step, size = steps[0]
            written = with_retries(step, is_transaction=True)
            done += written
            if written < size:
                del steps[0]
    except DatabaseFault as fault:
        logger.info("the search index was not completed (%s), it is later", type(fault).__name__)
        close_if_broken(database_alias())
        steps = []
    if not steps:
        throttle.start()
    return done


def _set_keys() -> int:
    using = database_alias()
    due = Address.objects.using(using).filter(keys_due__isnull=False).order_by("keys_due", "pk")
    if not due.exists():
        return 0  # mostly, and without a lock
    with write_transaction(using):
        addresses = leases.skip_locked(due[:BATCH])
        for address in addresses:
            address.set_search_keys()
        Address.objects.using(using).bulk_update(addresses, [*search_keys.KEYS, "keys_due"])
    return len(addresses)


def _write_numbers(rows: Callable[[], Any], relation: str) -> int:
    """Write the numbers of the newest bodies that have none; two processes may write the same ones."""
    using = database_alias()
    bodies = list(unread(rows(), relation).only("body", "headers").order_by("-pk")[:BODIES])
    if not bodies:
        return 0
    numbers = [
        MentionedNumber(number=number, is_personal=is_personal, **{relation: row})
        for row in bodies
        for number, is_personal in (numbers_in(bytes(row.body), row.headers) or {"": True}).items()
    ]
    with write_transaction(using):
        MentionedNumber.objects.using(using).bulk_create(numbers, batch_size=500)
    return len(bodies)


def _remove_numbers() -> int:
    """Remove the numbers of refused bodies that are not kept any more."""
    using = database_alias()
    kept = RefusedBody.objects.using(using).filter(pk=OuterRef("refused_body"))
    rows = MentionedNumber.objects.using(using).filter(~Exists(kept), refused_body__isnull=False)
    pks = list(rows.values_list("pk", flat=True)[: BATCH * 10])
    MentionedNumber.objects.using(using).filter(pk__in=pks).delete()
    return len(pks)


def _settled() -> Any:
    """Return the messages that a person has to look at; those that wait are processed soon."""
    statuses = (Message.Status.QUARANTINED, Message.Status.FAILED)
    return Message.objects.using(database_alias()).filter(status__in=statuses)


def _kept() -> Any:
    """Return the refused messages that were not let in."""
    return RefusedBody.objects.using(database_alias()).filter(message=None)


STEPS: tuple[tuple[Callable[[], int], int], ...] = (
    (_set_keys, BATCH),
    (partial(_write_numbers, _settled, "message"), BODIES),
    (partial(_write_numbers, _kept, "refused_body"), BODIES),
    (_remove_numbers, BATCH * 10),
)
