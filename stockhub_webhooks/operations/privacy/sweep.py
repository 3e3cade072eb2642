"""The hourly removal of what is past its term or was erased, by one worker at a time, between its other work.

The database is swept once an hour, and the closed files of `JOURNAL_COPY_DIR` every six hours on each machine, so that
the line of an erased message is gone within a day.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models.lock import acquire, release
from stockhub_webhooks.operations.privacy import files, late, retention
from stockhub_webhooks.operations.privacy.retention import Batch
from stockhub_webhooks.receiving import journal_copy

logger = logger_of(__name__)

LOCK = "retention"
EVERY_SECONDS = 3600.0
COPIES_SECONDS = 6 * 3600.0
ASK_SECONDS = 60.0
MAX_PAUSE_SECONDS = 5.0


class Sweep:
    """The removal as a series of short steps, so that new messages are processed between two of them."""

    def __init__(self) -> None:
        self._batches: Iterator[Batch] | None = None
        self._locks: dict[str, float] = {}  # that this process acquired for it, with their interval
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
            logger.info("removed %s rows that were past their term or erased (%s)", batch.rows, batch.kind)
        stop.wait(min(time.monotonic() - began, MAX_PAUSE_SECONDS))
        return True

    def leave(self) -> None:
        """Let another process continue, if this one ends before it is done."""
        if self._batches is not None:
            self._batches = None
            for name, seconds in self._locks.items():
                release(name, seconds)

    def _is_due(self) -> bool:
        """Begin what no process has begun for its interval."""
        if time.monotonic() < self._next_question:
            return False
        self._next_question = time.monotonic() + ASK_SECONDS
        self._locks = {}
        work: list[Iterator[Batch]] = []
        if self._acquire(LOCK, EVERY_SECONDS):
            late.clean()
            work.append(retention.prune(pauses=False))
        folder = journal_copy.directory()
        if folder and self._acquire(_copies_lock(), COPIES_SECONDS):
            work.append(_clean_copies(folder))
        self._batches = chain(*work) if work else None
        return bool(work)

    def _acquire(self, name: str, seconds: float) -> bool:
        if not acquire(name, seconds):
            return False
        self._locks[name] = seconds
        return True


def _copies_lock() -> str:
    """Return the name of the lock of this machine's directory, which other machines may not have."""
    return f"copies {socket.gethostname()}"[:64]


def _clean_copies(folder: Path) -> Iterator[Batch]:
    """Clean the closed files of a directory; yield each."""
    try:
        journal_copy.probe()  # a disk that hangs would hold the worker up
        for path in files.closed_copies(folder):
            journal_copy.probe()
            yield Batch("journal copy", files.clean_copy(path))
    except OSError as error:
        logger.error(
            "the copy of the journal still has lines of erased messages (%s): let this process write to "
            "JOURNAL_COPY_DIR; it is tried again",
            error_location(error),
        )
        release(_copies_lock(), COPIES_SECONDS)
