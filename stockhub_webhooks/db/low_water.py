"""Low-water marks: a query for due rows begins where the last one found its first row, not at the beginning.

A row that is done has no `due_at` any more, but its former entry stays in the index until the database has removed it.
That is impossible while any transaction is open, so each query for due rows would read all these entries again.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from stockhub_webhooks.db.throttle import Throttle

BEGINNING = datetime(2000, 1, 1, tzinfo=timezone.utc)
FULL_LOOK_SECONDS = 10.0
MARGIN = timedelta(seconds=10)  # a row may be committed so much later than its `due_at` was written


class LowWaterMark(Throttle):
    """The time before which no row of one kind is due, as far as this process knows, by the database's clock.

    Every ten seconds the whole table is searched: a clock that was set back, and a transaction that took longer than
    the margin, write times below the mark.
    """

    def __init__(self) -> None:
        super().__init__(FULL_LOOK_SECONDS)
        self._marks: dict[str, datetime] = {}
        self._newest = BEGINNING  # the newest due row that any search has found: so late it is at least

    def floor(self, key: str = "") -> datetime:
        """Return the time to search from; the caller must search, since every ten seconds it is the beginning."""
        if self.is_due(key):
            self.start(key)
            return BEGINNING
        return self._marks.get(key, BEGINNING)

    def rise(self, due_at: datetime | None, key: str = "") -> None:
        """Set the mark after a search.

        Args:
            due_at: that of the first row; None if there was none, so that the mark rises as far as it can be known.
            key: the kind of the rows.
        """
        if due_at is not None:
            self._newest = max(self._newest, due_at)
        self._marks[key] = (self._newest if due_at is None else due_at) - MARGIN

    def mark(self, key: str = "") -> datetime:
        """Return the time before which no row is due, for a further search of the same moment."""
        return self._marks.get(key, BEGINNING)

    def fall_below(self, time: datetime) -> None:
        """Search from the beginning the next time, if rows that are due since this time may be below a mark."""
        for key, mark in list(self._marks.items()):
            if time < mark:
                self._ends.pop(key, None)

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self._marks.clear()
        self._newest = BEGINNING
