"""Documents of calls that are claimed together, loaded with one statement for each kind.

Receivers must get the present state. If a receiver writes to our tables, the documents that were loaded for the calls
after it are dropped, and these calls load their own; so are documents that were loaded more than a second ago.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any

from django.db import connections

from stockhub_webhooks.delivery.subjects import Subject, subject_of
from stockhub_webhooks.models import Event, ReceiverCall

FRESH_SECONDS = 1.0
OUR_TABLES = "stockhub_webhooks_"


class PrefetchedDocuments(local):
    """Documents that this thread has loaded for its next calls, by kind and primary key; each is used once."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int], Any] = {}
        self._loaded_at = float("-inf")

    def load(self, calls: Sequence[ReceiverCall], using: str) -> None:
        """Load the documents of several calls. A single call loads its own document when it is made."""
        self._rows.clear()
        if len(calls) < 2:
            return
        self._loaded_at = time.monotonic()
        pks: dict[Subject, set[int]] = {}
        for call in calls:
            pks.setdefault(subject_of(call.event), set()).add(call.event.subject_id)
        for subject, own_pks in pks.items():
            self._rows |= {(subject.name, pk): row for pk, row in subject.load_many(own_pks, using).items()}

    def document_of(self, event: Event, using: str) -> Any:
        """Return the document that an event is about, as it is now; None if it is gone."""
        subject = subject_of(event)
        row = self._rows.pop((subject.name, event.subject_id), None)
        if row is None or time.monotonic() > self._loaded_at + FRESH_SECONDS:
            return subject.load(event.subject_id, using)
        return row

    @contextmanager
    def watching(self, using: str) -> Iterator[None]:
        """Drop the loaded documents if a statement inside the block writes to our tables."""
        if not self._rows:
            yield
            return
        with connections[using].execute_wrapper(self._notice):
            yield

    def _notice(self, execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
        text = str(sql)
        if OUR_TABLES in text and not text.startswith("SELECT"):
            self._rows.clear()
        return execute(sql, *rest)


DOCUMENTS = PrefetchedDocuments()
