"""Low-water marks: a query for due rows begins where the last one found its first row, not at the beginning.

A row that is done has no `due_at` any more, but its former index entry stays until the database removes it, which it
cannot do while any transaction is open for long. Without a mark, each query for due rows reads all these entries again.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from stockhub_webhooks.db.connections import database_key
from stockhub_webhooks.db.throttle import Throttle

BEGINNING = datetime(2000, 1, 1, tzinfo=timezone.utc)
FULL_SEARCH_SECONDS = 10.0
MARGIN = timedelta(seconds=10)  # a row may be committed so much later than its `due_at` was written


class LowWaterMark(Throttle):
    """The time before which no row of one kind is due, as far as this process knows, by the database's clock.

    Every ten seconds the whole table is searched: a clock that was set back, and a transaction that took longer than
    the margin, write times below the mark.
    """

    def __init__(self) -> None:
        super().__init__(FULL_SEARCH_SECONDS)
        self._marks: dict[str, datetime] = {}
        self._newest = BEGINNING  # the newest `due_at` found so far: the database's clock is at least as late

    def floor(self, key: str = "") -> datetime:
        """Return the time to search from, every ten seconds the beginning. Call it only before a search."""
        key = self._key(key)
        if self.is_due(key):
            self.start(key)
            return BEGINNING
        return self._marks.get(key, BEGINNING)

    def rise(self, due_at: datetime | None, key: str = "") -> None:
        """Set the mark after a search.

        Args:
            due_at: that of the first row that was found; None if there was none.
            key: the kind of the rows.
        """
        if due_at is not None:
            self._newest = max(self._newest, due_at)
        self._marks[self._key(key)] = (self._newest if due_at is None else due_at) - MARGIN

    def mark(self, key: str = "") -> datetime:
        """Return the mark as it is, for a further query of the same search."""
        return self._marks.get(self._key(key), BEGINNING)

    def fall_below(self, time: datetime) -> None:
        """Let the next search begin at the beginning, if rows that are due since this time are below the mark."""
        for key, mark in list(self._marks.items()):
            if time < mark:
                self._ends.pop(key, None)

    def _key(self, key: str) -> str:
        return f"{database_key()} {key}"

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self._marks.clear()
        self._newest = BEGINNING
