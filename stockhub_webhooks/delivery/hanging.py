"""Receivers that hang: their calls have been running for long, in any process.

A call runs if its row is locked: a claim alone may be the rest of a batch. The end of the lease tells when it was
claimed. SQLite has no row locks, and one transaction that writes at a time.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import connections

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db import leases
from stockhub_webhooks.db.connections import database_alias, from_now
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.models import ReceiverCall

LONG_SECONDS = 10.0
MAX_LONG_CALLS = 2


class HangingReceivers:
    """The receivers of which no further call may begin, as of the last probe of this process.

    Attributes:
        throttle: the pause between two probes.
        identities: the receivers with two calls that have been running for long.
    """

    def __init__(self) -> None:
        self.throttle = Throttle(1.0)
        self.identities: frozenset[str] = frozenset()

    def probe(self, *, has_long_calls: bool) -> None:
        """Find the receivers.

        Args:
            has_long_calls: False if no call was claimed so long ago, so that no row has to be probed.
        """
        self.throttle.start()
        running = Counter(long_calls(LONG_SECONDS) if has_long_calls and has_row_locks() else [])
        self.identities = frozenset(receiver for receiver, number in running.items() if number >= MAX_LONG_CALLS)


HANGING = HangingReceivers()


def claimed_for(seconds: float, using: str) -> Any:
    """Return the calls with a claim that is so many seconds old, or older."""
    running = ReceiverCall.objects.using(using).filter(status=ReceiverCall.Status.RUNNING)
    return running.due(from_now(conf.LEASE_SECONDS - seconds))


def has_row_locks() -> bool:
    """Return True if the database can lock rows."""
    return bool(connections[database_alias()].features.has_select_for_update)


def long_calls(seconds: float) -> list[str]:
    """Return the receiver of each call that has been running for so long; without row locks, that was claimed then."""
    receivers = dict(claimed_for(seconds, database_alias()).values_list("pk", "receiver"))
    if receivers and has_row_locks():
        running = leases.locked(ReceiverCall.objects.using(database_alias()).filter(pk__in=receivers))
        return [receivers[pk] for pk in running]
    return list(receivers.values())
