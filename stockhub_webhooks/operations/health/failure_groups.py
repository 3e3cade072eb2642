"""Failed messages and receiver calls, grouped by cause. The database does the grouping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, Max, Min, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Left, StrIndex

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models import Message, ReceiverCall
from stockhub_webhooks.operations.health.work import real_rows, rows_of

MAX_GROUPS = 100
GIVEN_UP = frozenset({Message.Status.QUARANTINED, Message.Status.FAILED, ReceiverCall.Status.GIVEN_UP})


@dataclass(frozen=True)
class FailureType:
    """A model whose rows can fail.

    Attributes:
        name: its key in the forms of the admin.
        model: the model.
        keys: the columns by which failures are grouped.
        received_at: the path to the time at which the message was received.
    """

    name: str
    model: type[Any]
    keys: tuple[str, ...]
    received_at: Any

    def failing(self) -> QuerySet[Any]:
        """Return all rows that failed, without tests."""
        rows: QuerySet[Any] = real_rows(self.model).failing()
        return rows

    def members(self, key: Mapping[str, str], newest: int) -> QuerySet[Any]:
        """Return the rows of a group up to the primary key `newest`: later rows were not shown to the user.

        Args:
            key: values of all grouping columns, or of some of `ALONE`.
            newest: the primary key.

        Raises:
            KeyError: the key names no group.
        """
        names = [name for name in ALONE if name in key] if self is CALLS else []
        if len(names) != 1:
            names = list(self.keys)
        rows = self.failing().alias(error=ERROR) if names == ["error"] else self.failing()
        return rows.filter(**{name: key[name] for name in names}, pk__lte=newest).order_by("pk")

    def rows_for_display(self) -> QuerySet[Any]:
        """Return the rows with their related objects, and without bodies."""
        rows: QuerySet[Any] = rows_of(self.model)
        if self.model is ReceiverCall:
            heavy = ("event__changes", "event__message__body", "event__message__headers")
            return rows.select_related("event__message").defer(*heavy)
        return rows.defer("body", "headers")


# The type of an error, which a cause begins with: the same error has another place in the code of each receiver.
_AT = Value(" at ")
ERROR = Case(
    When(cause__contains=" at ", then=Left("cause", StrIndex("cause", _AT) - 1)),
    default=F("cause"),
    output_field=ExactCharField(),
)
ALONE = ("receiver", "error", "cause")  # each of these alone names several groups of calls

CALLED_FOR = Coalesce("event__message__received_at", "event__occurred_at")  # a deadline has no message
CALLS = FailureType("call", ReceiverCall, ("receiver", "cause"), CALLED_FOR)
MESSAGES = FailureType("message", Message, ("status", "cause"), "received_at")
FAILURE_TYPES = {each.name: each for each in (CALLS, MESSAGES)}


@dataclass(frozen=True)
class FailureGroup:
    """Rows that failed with the same cause.

    Attributes:
        failure_type: their model and grouping.
        key: the values of the grouping columns.
        count: the number of rows.
        by_status: the number of rows in each status.
        first: the time at which the first of their messages was received.
        last: the time at which the last of them was received.
        newest: the newest row, shown as an example.
    """

    failure_type: FailureType
    key: Mapping[str, str]
    count: int
    by_status: Mapping[str, int]
    first: datetime
    last: datetime
    newest: Any


@dataclass(frozen=True)
class SeveralGroups:
    """Groups of calls that are acted on together: all causes of one receiver, or one error in several receivers.

    Attributes:
        name: `receiver` or `error`.
        value: the receiver, or the type of the error.
        count: the number of calls.
        others: the number of causes of the receiver, or of receivers with the error.
        newest: primary key of the newest call.
    """

    name: str
    value: str
    count: int
    others: int
    newest: int


def find_several(limit: int = MAX_GROUPS) -> list[SeveralGroups]:
    """Return the errors that several receivers have, then the receivers with several causes, the largest first."""
    return [*_several("error", "receiver", limit), *_several("receiver", "cause", limit)]


def _several(name: str, other: str, limit: int) -> Iterator[SeveralGroups]:
    rows = CALLS.failing().order_by().annotate(error=ERROR).values(name)
    counted = rows.annotate(count=Count("pk"), others=Count(other, distinct=True), newest=Max("pk"))
    for row in counted.filter(others__gt=1).exclude(**{name: ""}).order_by("-count", name)[:limit]:
        yield SeveralGroups(name, row[name], row["count"], row["others"], row["newest"])


def find_groups(failure_type: FailureType, limit: int = MAX_GROUPS) -> list[FailureGroup]:
    """Return at most `limit` groups, with two queries.

    Those come first whose rows nobody tries again, the largest of them first; then the other ones, by their size too.
    """
    statuses = failure_type.model.Status.values
    given_up = [status for status in statuses if status in GIVEN_UP]
    aggregates = list(
        failure_type.failing()
        .order_by()
        .values(*failure_type.keys)
        .annotate(
            number=Count("pk"),
            first=Min(failure_type.received_at),
            last=Max(failure_type.received_at),
            last_pk=Max("pk"),
            final=Count("pk", filter=Q(status__in=given_up)),
            **{f"in_{status}": Count("pk", filter=Q(status=status)) for status in statuses},
        )
        .order_by("-final", "-number", "-last_pk")[:limit]
    )
    rows = failure_type.rows_for_display().in_bulk([row["last_pk"] for row in aggregates])
    return list(_build_groups(failure_type, aggregates, rows))


def _build_groups(
    failure_type: FailureType, aggregates: list[dict[str, Any]], rows: Mapping[int, Any]
) -> Iterator[FailureGroup]:
    for row in aggregates:
        if row["last_pk"] in rows:  # otherwise it was deleted between the two queries
            yield FailureGroup(
                failure_type=failure_type,
                key={name: row[name] for name in failure_type.keys},
                count=row["number"],
                by_status={
                    status: row[f"in_{status}"] for status in failure_type.model.Status.values if row[f"in_{status}"]
                },
                first=row["first"],
                last=row["last"],
                newest=rows[row["last_pk"]],
            )
