"""Count what Stock Hub sends differently from its documentation, from the notes of applied messages.

`journal.settle` sets `notes_due_at` on a message with notes, in the same statement. A batch of such messages is counted
and marked as counted in one transaction, so each message counts once, also if a process is killed.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from django.db import OperationalError, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest, Least

from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import NOW, close_if_broken, database_alias, with_retries, write_transaction
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.models import Drift, Message
from stockhub_webhooks.models.drift import NAME_LENGTH
from stockhub_webhooks.serializers.fields import LEFT_OUT

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
    while time.monotonic() < until and not (stop and stop.is_set()):
        try:
            counted = with_retries(_count_batch, is_transaction=True)
        except OperationalError:  # another process counts, on a database without SKIP LOCKED
            close_if_broken(database_alias())
            break
        done += counted
        if counted < BATCH:
            break
    throttle.start()
    return done


def _count_batch() -> int:
    using = database_alias()
    with write_transaction(using):
        due = Message.objects.using(using).filter(notes_due_at__lte=NOW).order_by("notes_due_at", "pk")
        messages = list(leases.skip_locked(due.defer("body", "headers")[:BATCH]))
        if messages:
            for key, seen in sorted(_differences(messages).items()):
                _add(key, seen)
            Message.objects.using(using).filter(pk__in=[row.pk for row in messages]).update(notes_due_at=None)
    return len(messages)


def _differences(messages: Iterable[Message]) -> dict[Key, Seen]:
    differences: dict[Key, Seen] = {}
    for message in messages:
        if message.is_test:
            continue
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
    path, code, detail = INDEX.sub("[]", note.get("path", "")), note.get("code", ""), note.get("detail", "")
    if code == "unknown_field":
        found = Drift.Kind.UNKNOWN_FIELD, path
    elif code == "unknown_value":
        found = Drift.Kind.UNKNOWN_CODE, f"{path}: {detail}"
    elif code == "missing_field":
        found = Drift.Kind.MISSING_FIELD, path
    elif code == "unknown_version":
        found = Drift.Kind.VERSION, detail
    elif code == "topic_differs":
        found = Drift.Kind.TOPIC, detail
    elif code in LEFT_OUT:
        found = Drift.Kind.LEFT_OUT, f"{path}: {code}"
    else:
        return None
    kind, name = found
    return topic, str(kind), name[:NAME_LENGTH]


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


def _update(rows: object, seen: Seen) -> bool:
    values = {
        "count": F("count") + seen.count,
        "first_seen_at": Least(F("first_seen_at"), Value(seen.first.received_at)),
        "last_seen_at": Greatest(F("last_seen_at"), Value(seen.last.received_at)),
        "sample": seen.last,
    }
    return bool(partial(rows.update, **values)())  # type: ignore[attr-defined]
