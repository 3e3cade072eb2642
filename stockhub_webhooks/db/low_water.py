"""Low-water marks: a query for due rows begins where the last one found its first row, not at the beginning.

A row that is done has no `due_at` any more, but its former entry stays in the index until the database has removed it.
That is impossible while any transaction is open, so each query for due rows would read all these entries again.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from stockhub_webhooks.db.throttle import Throttle

BEGINNING = datetime(2000, 1, 1, tzinfo=timezone.utc)
FULL_LOOK_SECONDS = 60.0
MARGIN = timedelta(seconds=10)  # a row may be committed so much later than its `due_at` was written


class LowWaterMark(Throttle):
    """The time before which no row of one kind is due, as far as this process knows, by the database's clock.

    Once a minute the whole table is searched: a clock that was set back, and a transaction that took longer than the
    margin, write times below the mark.
    """

    def __init__(self) -> None:
        super().__init__(FULL_LOOK_SECONDS)
        self._marks: dict[str, datetime] = {}

    def floor(self, key: str = "") -> datetime:
        """Return the time to search from; the caller must search, since once a minute it is the beginning."""
        if self.is_due(key):
            self.start(key)
            return BEGINNING
        return self._marks.get(key, BEGINNING)

    def rise(self, due_at: datetime | None, key: str = "") -> None:
        """Set the mark by the `due_at` of the first row that a search found."""
        if due_at is not None:  # the columns are nullable, but such a row is not due
            self._marks[key] = due_at - MARGIN

    def fall_below(self, time: datetime) -> None:
        """Search from the beginning the next time, if rows that are due since this time may be below a mark."""
        for key, mark in list(self._marks.items()):
            if time < mark:
                self._ends.pop(key, None)

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self._marks.clear()
