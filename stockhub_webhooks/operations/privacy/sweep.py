"""The hourly removal of what is past its term, by one worker at a time, between its other work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models.lock import acquire, release
from stockhub_webhooks.operations.privacy import late, retention

logger = logger_of(__name__)

LOCK = "retention"
EVERY_SECONDS = 3600.0
ASK_SECONDS = 60.0
MAX_PAUSE_SECONDS = 5.0


class Sweep:
    """The removal as a series of short steps, so that new messages are processed between two of them."""

    def __init__(self) -> None:
        self._batches: Iterator[retention.Batch] | None = None
        self._next_question = 0.0

    def step(self, stop: threading.Event) -> bool:
        """Remove one batch if it is time, and pause for as long as it took; return False if there is nothing to do.

        Raises:
            django.db.Error: the database failed; the rest stays for the next hour.
        """
        if self._batches is None and not self._is_due():
            return False
        began = time.monotonic()
        batch = next(self._batches or iter(()), None)
        if batch is None:
            self._batches = None
            return False
        if batch.rows:
            logger.info("removed %s rows that were past their term (%s)", batch.rows, batch.kind)
        stop.wait(min(time.monotonic() - began, MAX_PAUSE_SECONDS))
        return True

    def leave(self) -> None:
        """Let another process continue, if this one ends before it is done."""
        if self._batches is not None:
            self._batches = None
            release(LOCK, EVERY_SECONDS)

    def _is_due(self) -> bool:
        """Begin if no process has done so for an hour."""
        if time.monotonic() < self._next_question:
            return False
        self._next_question = time.monotonic() + ASK_SECONDS
        if not acquire(LOCK, EVERY_SECONDS):
            return False
        late.clean()
        self._batches = retention.prune(pauses=False)
        return True
