"""Receivers that hang: several of their calls have been running for long, in any process.

A call runs if its row is locked; a call that is only claimed may wait in a batch. When it was claimed follows from the
end of its lease. On SQLite, which has no row locks, only one receiver can run at a time, so none is found.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.db import connections

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import database_alias, from_now
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.models import ReceiverCall
from stockhub_webhooks.models.ledger import ReceiverCallQuerySet

LONG_SECONDS = 10.0
MAX_LONG_CALLS = 2


class HangingReceivers(Throttle):
    """The receivers of which no further call may begin; this process looks for them once a second.

    Attributes:
        identities: the receivers with at least `MAX_LONG_CALLS` calls that have been running for long.
    """

    def __init__(self) -> None:
        super().__init__(1.0)
        self.identities: frozenset[str] = frozenset()

    def refresh(self, since: datetime) -> datetime | None:
        """Find the receivers that hang.

        Args:
            since: the low-water mark of the search.

        Returns:
            The first `due_at` that was found, for the low-water mark; None if no call was claimed that long ago.
        """
        self.start()
        claimed = claimed_for(LONG_SECONDS).filter(due_at__gte=since)
        first = claimed.values_list("due_at", flat=True).first() if has_row_locks() else None
        numbers = Counter(running(claimed).values() if first else [])
        self.identities = frozenset(receiver for receiver, number in numbers.items() if number >= MAX_LONG_CALLS)
        return first

    def reset(self) -> None:
        """Forget the receivers."""
        super().reset()
        self.identities = frozenset()


HANGING = HangingReceivers()


def claimed_for(seconds: float) -> ReceiverCallQuerySet:
    """Return the running calls that were claimed at least so many seconds ago, oldest first."""
    running = ReceiverCall.objects.using(database_alias()).filter(status=ReceiverCall.Status.RUNNING)
    return running.due(from_now(conf.LEASE_SECONDS - seconds))


def has_row_locks() -> bool:
    """Return True if the database can lock rows."""
    return bool(connections[database_alias()].features.has_select_for_update)


def long_calls(seconds: float) -> list[str]:
    """Return the receiver of each call that has been running for at least so many seconds.

    Without row locks, these are all calls that were claimed that long ago.
    """
    claimed = claimed_for(seconds)
    return list(running(claimed).values() if has_row_locks() else claimed.values_list("receiver", flat=True))


def running(claimed: ReceiverCallQuerySet) -> dict[int, str]:
    """Return those of the claimed calls that run, as primary key to receiver; none on a database without row locks."""
    receivers = dict(claimed.values_list("pk", "receiver"))
    rows = ReceiverCall.objects.using(database_alias()).filter(pk__in=receivers)
    return {pk: receivers[pk] for pk in leases.locked(rows)} if receivers else {}
