"""The newest messages of this process, by which it notices that an older backup of the database was restored."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from uuid import UUID

from django.db import connections
from django.db.models import Max

from stockhub_webhooks.db.connections import database_alias, database_key
from stockhub_webhooks.models import Message

MAX_MESSAGES = 100


class RecentMessages:
    """The uid and the primary key of the newest committed messages of this process, without tests."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._keys: OrderedDict[UUID, tuple[str, int]] = OrderedDict()  # with the key of the database

    def remember(self, messages: Iterable[Message]) -> None:
        """Remember committed messages. Inside a transaction, which may be rolled back, nothing is remembered."""
        if connections[database_alias()].in_atomic_block:
            return
        with self._lock:
            for message in messages:
                if message.pk and not message.is_test:
                    self._keys[message.uid] = (database_key(), message.pk)
            while len(self._keys) > MAX_MESSAGES:
                self._keys.popitem(last=False)

    def forget(self) -> None:
        """Forget all messages."""
        with self._lock:
            self._keys.clear()

    def count_lost(self) -> int:
        """Return how many remembered messages were lost by a restore. A deleted message does not count.

        The primary key of a deleted message stays unused; after a restore, the lost keys are assigned again.

        Raises:
            django.db.Error: the database does not answer.
        """
        with self._lock:
            keys = {uid: pk for uid, (database, pk) in self._keys.items() if database == database_key()}
        rows = Message.objects.using(database_alias())
        present = set(rows.filter(uid__in=list(keys)).values_list("uid", flat=True)) if keys else set()
        missing = [pk for uid, pk in keys.items() if uid not in present]
        if not missing:
            return 0
        newest = rows.aggregate(newest=Max("pk"))["newest"] or 0
        reused = set(rows.filter(pk__in=missing).values_list("pk", flat=True))
        return sum(pk > newest or pk in reused for pk in missing)


RECENT = RecentMessages()
