"""The documents of the calls that are claimed together, loaded with one statement for each kind.

Receivers get objects of now. A receiver that writes to our tables may have changed the documents of the calls after it,
so these are loaded anew by their own calls; so are documents that were loaded more than a second ago.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any

from django.db import connections

from stockhub_webhooks.delivery.subjects import subject_of
from stockhub_webhooks.models import Event, ReceiverCall

FRESH_SECONDS = 1.0
OUR_TABLES = "stockhub_webhooks_"


class Documents(local):
    """The documents that this thread loaded beforehand, by kind and primary key; each is handed out once."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int], Any] = {}
        self._loaded_at = float("-inf")

    def load(self, calls: Sequence[ReceiverCall], using: str) -> None:
        """Load the documents of several calls; one call loads its own."""
        self._rows.clear()
        if len(calls) < 2:
            return
        self._loaded_at = time.monotonic()
        pks: dict[str, set[int]] = {}
        subjects = {subject.name: subject for subject in (subject_of(call.event) for call in calls)}
        for call in calls:
            pks.setdefault(subject_of(call.event).name, set()).add(call.event.subject_id)
        for name, subject in subjects.items():
            self._rows |= {(name, pk): row for pk, row in subject.load_many(pks[name], using).items()}

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


DOCUMENTS = Documents()
