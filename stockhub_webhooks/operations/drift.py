"""Count what Stock Hub sends differently from its documentation, from the notes of applied messages.

`transitions.settle` sets `notes_due_at` on a message with notes, in the same statement. A batch of such messages is
counted and marked as counted in one transaction, so each message counts once, also if a process is killed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import Error as DatabaseFault
from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Greatest, Least

from stockhub_webhooks.db import leases, row_locks
from stockhub_webhooks.db.connections import close_if_broken, database_alias, with_retries, write_transaction
from stockhub_webhooks.db.throttle import Throttle, is_over
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Drift, Message
from stockhub_webhooks.models.drift import NAME_LENGTH, kind_of

logger = logger_of(__name__)

BATCH = 200
MAX_NAMES = 500  # for each topic: names come from outside
INDEX = re.compile(r"\[\d*\]")

throttle = Throttle(60.0)

Key = tuple[str, str, str]  # topic, kind, name


@dataclass
class Seen:
    """Messages of one batch with the same difference."""

    count: int
    first: Message
    last: Message


def count_due(*, until: float = float("inf"), stop: threading.Event | None = None) -> int:
    """Count the notes of messages that were applied lately; return the number of messages.

    Args:
        until: end, on the clock of `time.monotonic`.
        stop: checked between two batches.
    """
    if not throttle.is_due():
        return 0
    done = 0
    while not is_over(until, stop):
        try:
            counted = with_retries(_count_batch, is_transaction=True)
        except DatabaseFault as fault:
            logger.info("notes were not counted (%s), they are counted later", type(fault).__name__)
            close_if_broken(database_alias())
            break
        done += counted
        if counted < BATCH:
            break
    throttle.start()
    return done


def _count_batch() -> int:
    using = database_alias()
    if not Message.objects.using(using).filter(notes_due_at__isnull=False).exists():
        return 0  # mostly, and without a lock
    with write_transaction(using):
        due = Message.objects.using(using).filter(notes_due_at__isnull=False).order_by("notes_due_at", "pk")
        messages = leases.skip_locked(due.defer("body", "headers")[:BATCH])
        if messages:
            differences = _differences(messages)
            topics, names = {key[0] for key in differences}, {key[2] for key in differences}
            counters = Drift.objects.using(using).filter(topic__in=topics, name__in=names).order_by("pk")
            row_locks.lock_rows(counters.only("pk"), {"topic": min(topics, default="")})
            for key, seen in sorted(differences.items()):
                _add(key, seen)
            Message.objects.using(using).filter(pk__in=[row.pk for row in messages]).update(notes_due_at=None)
    return len(messages)


def _differences(messages: Iterable[Message]) -> dict[Key, Seen]:
    differences: dict[Key, Seen] = {}
    for message in messages:
        for key in {key for note in message.notes if (key := key_of(message.topic, note))}:
            seen = differences.setdefault(key, Seen(0, message, message))
            seen.count += 1
            seen.first = min(seen.first, message, key=_received_at)
            seen.last = max(seen.last, message, key=_received_at)
    return differences


def _received_at(message: Message) -> tuple[object, int]:
    return message.received_at, message.pk


def key_of(topic: str, note: Mapping[str, str]) -> Key | None:
    """Return the counter that a note belongs to; None if the note is no difference from the documentation."""
    code, detail = str(note.get("code", "")), str(note.get("detail", ""))
    path = INDEX.sub("[]", str(note.get("path", "")))
    kind = kind_of(code)
    if kind is None:
        return None
    names = {
        Drift.Kind.UNKNOWN_CODE: f"{path}: {detail}",
        Drift.Kind.LEFT_OUT: f"{path}: {code}",
        Drift.Kind.VERSION: detail,
        Drift.Kind.TOPIC: detail,
    }
    return topic, kind.value, names.get(kind, path)[:NAME_LENGTH]


def _add(key: Key, seen: Seen) -> None:
    topic, kind, name = key
    rows = Drift.objects.using(database_alias()).filter(topic=topic)
    if _update(rows.filter(kind=kind, name=name), seen):
        return
    if rows.count() >= MAX_NAMES:
        name = Drift.OTHERS
        if _update(rows.filter(kind=kind, name=name), seen):
            return
    times = {"first_seen_at": seen.first.received_at, "last_seen_at": seen.last.received_at}
    row = Drift(topic=topic, kind=kind, name=name, count=seen.count, sample=seen.last, **times)
    with transaction.atomic(using=database_alias()):
        # if another process inserts the same row, the batch is counted again from its start
        row.save(using=database_alias(), force_insert=True)


def _update(rows: QuerySet[Drift], seen: Seen) -> int:
    return rows.update(
        count=F("count") + seen.count,
        first_seen_at=Least(F("first_seen_at"), Value(seen.first.received_at)),
        last_seen_at=Greatest(F("last_seen_at"), Value(seen.last.received_at)),
        sample=seen.last,
    )
