"""What failed, grouped by its cause: the database groups the rows that fail, found by their status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet

from stockhub_webhooks.models import Message, ReceiverCall
from stockhub_webhooks.operations.health.work import real_rows, rows_of

MOST_GROUPS = 100


@dataclass(frozen=True)
class Kind:
    """A kind of work that can fail.

    Attributes:
        name: for the page.
        model: its rows.
        keys: the columns whose values a group shares.
        moment: the column that says when its message came in.
    """

    name: str
    model: type[Any]
    keys: tuple[str, ...]
    moment: str

    def failing(self) -> QuerySet[Any]:
        """All of it that failed, without tests."""
        rows: QuerySet[Any] = real_rows(self.model).failing()
        return rows

    def members(self, key: Mapping[str, str], newest: int) -> QuerySet[Any]:
        """The rows of a group as far as it was shown: what came after `newest`, a primary key, is not meant."""
        return self.failing().filter(**{name: key[name] for name in self.keys}, pk__lte=newest).order_by("pk")

    def with_what_is_named(self) -> QuerySet[Any]:
        """Rows with what one wants to know of a sample, without bodies."""
        rows: QuerySet[Any] = rows_of(self.model)
        if self.model is ReceiverCall:
            heavy = ("event__changes", "event__message__body", "event__message__headers")
            return rows.select_related("event__message").defer(*heavy)
        return rows.defer("body", "headers")


CALLS = Kind("call", ReceiverCall, ("receiver", "cause"), "event__message__received_at")
MESSAGES = Kind("message", Message, ("status", "cause"), "received_at")
KINDS = {kind.name: kind for kind in (CALLS, MESSAGES)}


@dataclass(frozen=True)
class Group:
    """Rows that failed for one cause.

    Attributes:
        kind: what they are.
        key: the values that they share.
        count: how many.
        by_status: how many of each status.
        first: when the first of their messages came in.
        last: when the last did.
        newest: the newest row, which is the sample.
    """

    kind: Kind
    key: Mapping[str, str]
    count: int
    by_status: Mapping[str, int]
    first: datetime
    last: datetime
    newest: Any


def groups(kind: Kind, most: int = MOST_GROUPS) -> list[Group]:
    """The groups of a kind, at most so many, the one with the newest row first. Two queries."""
    statuses = kind.model.Status.values
    found = list(
        kind.failing()
        .order_by()
        .values(*kind.keys)
        .annotate(
            number=Count("pk"),
            first=Min(kind.moment),
            last=Max(kind.moment),
            last_pk=Max("pk"),
            **{f"in_{status}": Count("pk", filter=Q(status=status)) for status in statuses},
        )
        .order_by("-last_pk")[:most]
    )
    rows = kind.with_what_is_named().in_bulk([row["last_pk"] for row in found])
    return list(_built(kind, found, rows))


def _built(kind: Kind, found: list[dict[str, Any]], rows: Mapping[int, Any]) -> Iterator[Group]:
    for row in found:
        if row["last_pk"] in rows:  # else deleted in between
            yield Group(
                kind=kind,
                key={name: row[name] for name in kind.keys},
                count=row["number"],
                by_status={status: row[f"in_{status}"] for status in kind.model.Status.values if row[f"in_{status}"]},
                first=row["first"],
                last=row["last"],
                newest=rows[row["last_pk"]],
            )
