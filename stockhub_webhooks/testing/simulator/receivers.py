"""What the shop's receivers did with the messages of a simulation, as the database of this process knows it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import Count, Sum

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Event, Message, ReceiverCall
from stockhub_webhooks.testing.simulator.summary import DETAIL_LENGTH, SHOWN

DONE, WAITING, FAILED = "done", "waiting", "failed"
LOOK_SECONDS = 0.5


class Receivers:
    """The calls for some orders that were recorded after this object was made.

    Args:
        po_numbers: the shop's numbers of the orders.
    """

    def __init__(self, po_numbers: Collection[str]) -> None:
        self._po_numbers = set(po_numbers)
        self._messages = Message.objects.using(database_alias()).filter(pk__gt=_newest(Message))
        calls = ReceiverCall.objects.using(database_alias()).order_by()
        self._calls = calls.filter(event__gt=_newest(Event))

    def wait(self, seconds: float) -> None:
        """Wait until all work is done, or nothing of it has changed for so many seconds."""
        before, changed_at = self._state(), time.monotonic()
        while self._is_open() and time.monotonic() < changed_at + seconds:
            time.sleep(min(LOOK_SECONDS, seconds))
            if (now := self._state()) != before:
                before, changed_at = now, time.monotonic()

    @property
    def is_receiver_here(self) -> bool:
        """True if this database has messages of the simulation."""
        return self._messages.exists()

    @property
    def waiting_messages(self) -> int:
        """The number of messages that are not applied yet."""
        return self._messages.filter(due_at__isnull=False).count()

    def results(self) -> Counter[tuple[str, str, str]]:
        """Count the calls by result, receiver and the first line of their last error.

        A call failed if it was given up, or if the receiver raised and is called again later. A call waits if the
        receiver asked for that, or was not called yet.
        """
        rows = self._calls.values_list("status", "cause", "receiver", "last_error", "event__po_number")
        return Counter(
            (_result(status, cause), receiver, "" if status == DONE else error.partition("\n")[0][:DETAIL_LENGTH])
            for status, cause, receiver, error, po_number in rows
            if po_number in self._po_numbers
        )

    def _is_open(self) -> bool:
        return self._calls.open().exists() or self.waiting_messages > 0

    def _state(self) -> Any:
        by_status = self._calls.values("status").annotate(count=Count("pk"), attempts=Sum("attempts"))
        return self.waiting_messages, sorted(map(str, by_status))


def lines(results: Counter[tuple[str, str, str]], waiting_messages: int) -> Iterator[str]:
    """Yield the lines of the summary: the calls by result, and what most of those that are not done say."""
    by_result: Counter[str] = Counter()
    for (result, _receiver, _error), count in results.items():
        by_result[result] += count
    yield "receivers: " + ", ".join(f"{by_result[result]} {result}" for result in (DONE, WAITING, FAILED))
    if waiting_messages:
        yield f"  {waiting_messages} messages are not applied yet: is a worker running?"
    undone = [(each, count) for each, count in results.most_common() if each[0] != DONE]
    for (result, receiver, error), count in undone[:SHOWN]:
        yield f"  {receiver}: {count} {result}: {error or 'not called yet: is a worker running?'}"
    if len(undone) > SHOWN:
        yield f"  and {len(undone) - SHOWN} more"


def _newest(model: Any) -> int:
    return model.objects.using(database_alias()).order_by("-pk").values_list("pk", flat=True).first() or 0


def _result(status: str, cause: str) -> str:
    if status == ReceiverCall.Status.DONE:
        return DONE
    return FAILED if cause or status == ReceiverCall.Status.GIVEN_UP else WAITING
