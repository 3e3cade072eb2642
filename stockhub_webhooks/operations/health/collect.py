"""Collects a health report, with a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from django.db import Error as DatabaseError
from django.db.models import Count, Max, Min, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from stockhub_webhooks.conf import TEST_ACCOUNT, conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import NOW, database_alias, from_now
from stockhub_webhooks.db.faults import is_missing_table
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.delivery import hanging, ledger
from stockhub_webhooks.models import Drift, Heartbeat, Message, ReceiverCall
from stockhub_webhooks.models.shipment import MAX_ZONE_ERROR
from stockhub_webhooks.operations.health import refusals, work
from stockhub_webhooks.operations.health.failing import failing_lookups, failing_receivers, states_in_trouble
from stockhub_webhooks.operations.health.locked import locked_rows
from stockhub_webhooks.operations.health.report import (
    ANY,
    MAX_PAST_TERM,
    Backlog,
    BlockedReceiver,
    DriftCount,
    GoneReceiver,
    ImpossibleTimes,
    KeyUse,
    ReceiverCalls,
    Report,
    Spool,
)
from stockhub_webhooks.operations.health.silence import open_hours, silence_after
from stockhub_webhooks.operations.health.spool_files import collect_files
from stockhub_webhooks.operations.health.work import LATE_SECONDS, real_rows, rows_of
from stockhub_webhooks.operations.health.write_probe import write_error
from stockhub_webhooks.operations.privacy import retention
from stockhub_webhooks.receiving.authentication import fingerprint
from stockhub_webhooks.receiving.recent import RECENT
from stockhub_webhooks.serializers.times import CLOCK_TOLERANCE

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MAX_DRIFT = 50
MAX_TIMES = 100  # so many messages show whether the zone or a clock is wrong


def collect_report(*, with_keys: bool = True, with_writes: bool = True) -> Report:
    """Return the current state. A database error does not raise; it is part of the report.

    Args:
        with_keys: include drift, the last use of each key, which scans the index of all messages, old addresses, and
            the refusals by key. Without it, the cost does not depend on the number of settled messages.
        with_writes: try a write to the database and to the spool directory, and look for lost messages.
    """
    files = collect_files(is_probed=with_writes)
    try:
        with query_timeout(database_alias()):
            last, drift = (_last_by_key(), _drift()) if with_keys else (_last_by_topic(), [])
            report = _from_tables(files, last, drift, is_full=with_keys)
            past_term = retention.past_term(grace=retention.GRACE, is_quick=not with_keys, at_most=MAX_PAST_TERM)
            report = replace(report, past_term=past_term)
            return replace(report, **_writes()) if with_writes else report
    except DatabaseError as error:
        name, missing = type(error).__name__, is_missing_table(error)
        return Report(made_at=now(), database=name, no_tables=missing, spool=files, late=files.late)


def collect_spool() -> Report:
    """Return a report of this process's spool directory alone, without a query."""
    return Report(made_at=now(), spool=collect_files(is_probed=True))


def _last_by_key() -> list[dict[str, Any]]:
    return list(
        rows_of(Message)
        .filter(source=Message.Source.WEBHOOK)
        .values("topic", "key_fingerprint", "account")
        .annotate(last=Max("received_at"))
        .order_by()
    )


def _last_by_topic() -> list[dict[str, Any]]:
    """Return the last message of each topic, with one index lookup each. A GROUP BY would scan the whole index."""
    of_topic = real_rows(Message).filter(source=Message.Source.WEBHOOK).order_by("-received_at").values("received_at")
    names = {f"last_{number}": topic for number, topic in enumerate((*topics.ALL, ""))}
    lookups = {name: Subquery(of_topic.filter(topic=topic)[:1]) for name, topic in names.items()}
    row = rows_of(Message).order_by().annotate(**lookups).values(*names).first() or {}
    return [{"topic": topic, "last": row[name]} for name, topic in names.items() if row.get(name)]


def _from_tables(files: Spool, last: list[dict[str, Any]], drift: list[DriftCount], *, is_full: bool) -> Report:
    last_messages = _last_messages(row for row in last if row.get("account") != TEST_ACCOUNT)
    last_at = max(filter(None, last_messages.values()), default=None)
    messages = _messages()
    calls = _calls()
    running = work.running_calls() if any(row["lapsed_count"] for row in calls) else []
    if running:
        calls = _calls(running)
    receivers = _receivers(calls)
    late = backlog_of(work.late_calls(running), "due_at")
    made_at = now()
    silent_hours = round(open_hours(last_at, made_at), 2) if last_at else None
    states = states_in_trouble()
    unsettled = {row["receiver"] for row in calls if row["open_count"]} | {
        each.receiver for each in receivers if each.given_up.count
    }
    return Report(
        made_at=made_at,
        last_messages=last_messages,
        keys=_keys(row for row in last if "key_fingerprint" in row),
        open_messages=messages["open"],
        quarantined=messages["quarantined"],
        failed=messages["failed"],
        in_part=messages["in_part"],
        impossible_times=_impossible_times(times) if (times := messages["times"].count) else ImpossibleTimes(),
        due_calls=sum((each.due for each in receivers), Backlog()),
        given_up_calls=sum((each.given_up for each in receivers), Backlog()),
        receivers=receivers,
        late=messages["late"] + late + files.late,
        late_messages=messages["late"],
        locked_messages=messages["locked"],
        locked_rows=locked_rows() if messages["locked"].count else [],
        late_calls=late,
        gone_receivers=_gone(calls),
        hanging_receivers=_hanging(calls),
        blocked_receivers=_blocked(states, calls),
        spool=files,
        refusals=refusals.collect(made_at, with_keys=is_full),
        workers=dict(rows_of(Heartbeat).order_by("name").values_list("name", "beat_at")),
        drift=drift,
        silent_hours=silent_hours,
        silence_after_hours=silence_after(silent_hours, always=is_full),
        failing_receivers=failing_receivers(states, unsettled),
        failing_lookups=failing_lookups(made_at),
    )


def _last_messages(rows: Iterable[dict[str, Any]]) -> dict[str, datetime | None]:
    last: dict[str, datetime | None] = dict.fromkeys(topics.ALL)
    for row in rows:
        topic = row["topic"] or ANY  # an unreadable message to the shared URL
        former = last.get(topic)
        last[topic] = max(former, row["last"]) if former else row["last"]
    return last


def backlog_of(rows: Any, column: str) -> Backlog:
    """Return the number of rows, and the oldest time in a column."""
    return Backlog(**rows.aggregate(count=Count("pk"), oldest=Min(column)))


def collect_keys() -> list[KeyUse]:
    """Return the last use of each key by topic; it scans the index of all messages."""
    return _keys(_last_by_key())


def _keys(rows: Iterable[dict[str, Any]]) -> list[KeyUse]:
    configured = {fingerprint(key): account for account, keys in conf.accounts().items() for key in keys}
    used: dict[str, tuple[datetime, str]] = {}
    by_topic: dict[str, dict[str, datetime]] = {}
    for row in rows:
        name, topic = row["key_fingerprint"], row["topic"] or ANY
        used[name] = max(used.get(name, (row["last"], row["account"])), (row["last"], row["account"]))
        last = by_topic.setdefault(name, {})
        last[topic] = max(last.get(topic, row["last"]), row["last"])
    return [
        KeyUse(
            name,
            configured.get(name) or used[name][1],
            name in configured,
            used[name][0] if name in used else None,
            by_topic.get(name, {}),
        )
        for name in [*configured, *sorted(set(used) - set(configured) - {""})]
    ]


def _messages() -> dict[str, Backlog]:
    status = Message.Status
    conditions = {
        "open": Q(status=status.RECEIVED),
        "quarantined": Q(status=status.QUARANTINED),
        "failed": Q(status=status.FAILED),
        "locked": work.is_locked(),
    }
    late = Q(status=status.RECEIVED, due_at__lte=from_now(-LATE_SECONDS))
    counts = (
        real_rows(Message)
        .filter(status__in=(status.RECEIVED, status.QUARANTINED, status.FAILED))
        .aggregate(
            **{f"{name}_count": Count("pk", filter=condition) for name, condition in conditions.items()},
            **{f"{name}_oldest": Min("received_at", filter=condition) for name, condition in conditions.items()},
            **{f"{name}_newest": Max("pk", filter=condition) for name, condition in conditions.items()},
            late_count=Count("pk", filter=late),
            late_oldest=Min("due_at", filter=late),
            late_newest=Max("pk", filter=late),
        )
    )
    flagged = _flagged_messages()
    return flagged | {
        name: Backlog(counts[f"{name}_count"], counts[f"{name}_oldest"], counts[f"{name}_newest"])
        for name in (*conditions, "late")
    }


def _flagged_messages() -> dict[str, Backlog]:
    """Count the messages that were applied in part, and those with impossible times, in one query."""
    conditions = {"in_part": work.is_in_part(), "times": work.has_impossible_time()}
    counts = (
        real_rows(Message)
        .filter(conditions["in_part"] | conditions["times"])
        .aggregate(
            **{f"{name}_count": Count("pk", filter=condition) for name, condition in conditions.items()},
            **{f"{name}_oldest": Min("received_at", filter=condition) for name, condition in conditions.items()},
        )
    )
    return {name: Backlog(counts[f"{name}_count"], counts[f"{name}_oldest"]) for name in conditions}


def _impossible_times(count: int) -> ImpossibleTimes:
    rows = work.messages_with_impossible_times().order_by("-received_at")
    newest = list(rows.values_list("received_at", "notes")[:MAX_TIMES])
    ahead = [seconds for _received_at, notes in newest if (seconds := _seconds_ahead(notes))]
    last_at = max((received_at for received_at, _notes in newest), default=None)
    return ImpossibleTimes(count, last_at, bool(ahead) and all(map(_is_whole_hours, ahead)))


def _seconds_ahead(notes: list[dict[str, str]]) -> int:
    """Return by how many seconds the latest time of a message is ahead; the others are the past by the same clock."""
    details = (note.get("detail", "") for note in notes if note.get("code") == "in_the_future")
    return max((int(detail) for detail in details if detail.isdecimal()), default=0)


def _is_whole_hours(seconds: int) -> bool:
    """Return True for what a wrong time zone makes of a time just before the message."""
    delay = -seconds % 3600
    return seconds <= MAX_ZONE_ERROR.total_seconds() and delay <= CLOCK_TOLERANCE.total_seconds()


def _calls(running: Iterable[int] = ()) -> list[dict[str, Any]]:
    """Count the open and due calls by receiver; those that run are not due, although their lease is over."""
    due = Q(due_at__lte=NOW) & ~Q(pk__in=running)
    lapsed = Q(status=ReceiverCall.Status.RUNNING, due_at__lte=NOW)
    claimed_at_the_latest = from_now(conf.LEASE_SECONDS - conf.RECEIVER_ALARM_SECONDS)
    long = Q(status=ReceiverCall.Status.RUNNING, due_at__lte=claimed_at_the_latest)
    rows = (
        real_rows(ReceiverCall)
        .open()
        .values("signal", "receiver")
        .annotate(open_count=Count("pk"), due_count=Count("pk", filter=due), due_oldest=Min("due_at", filter=due))
        .annotate(lapsed_count=Count("pk", filter=lapsed), long_count=Count("pk", filter=long))
        .order_by("receiver", "signal")
    )
    return [row | {"due": Backlog(row["due_count"], row["due_oldest"])} for row in rows]


def _hanging(calls: Iterable[dict[str, Any]]) -> list[str]:
    is_any_long = any(row["long_count"] for row in calls)
    return sorted(set(hanging.long_calls(conf.RECEIVER_ALARM_SECONDS))) if is_any_long else []


def _receivers(calls: Iterable[dict[str, Any]]) -> list[ReceiverCalls]:
    due: dict[str, Backlog] = {}
    for row in calls:
        due[row["receiver"]] = due.get(row["receiver"], Backlog()) + row["due"]
    given_up = _given_up()
    names = set(due).union(given_up, *ledger.known_receivers().values())
    return [ReceiverCalls(name, due.get(name, Backlog()), given_up.get(name, Backlog())) for name in sorted(names)]


def _given_up() -> dict[str, Backlog]:
    """Count the given-up calls by receiver."""
    rows = work.given_up_calls().values("receiver").order_by("receiver")
    oldest = Min(Coalesce("event__message__received_at", "event__occurred_at"))
    counts = rows.annotate(count=Count("pk"), oldest=oldest, last=Max("failed_at"))
    return {row["receiver"]: Backlog(row["count"], row["oldest"], _microseconds(row["last"])) for row in counts}


def _microseconds(at: datetime | None) -> int | None:
    return (at - EPOCH) // timedelta(microseconds=1) if at else None


def _gone(calls: Iterable[dict[str, Any]]) -> list[GoneReceiver]:
    known = ledger.known_receivers()
    return [
        GoneReceiver(row["receiver"], row["signal"], row["open_count"])
        for row in calls
        if row["receiver"] not in known.get(row["signal"], ())
    ]


def _blocked(states: Iterable[Any], calls: Iterable[dict[str, Any]]) -> list[BlockedReceiver]:
    """Return the receivers that are paused or away, with the number of their waiting calls."""
    waiting: dict[str, int] = {}
    for row in calls:
        waiting[row["receiver"]] = waiting.get(row["receiver"], 0) + row["open_count"]
    return [
        BlockedReceiver(
            receiver=row.receiver,
            is_paused=bool(row.is_paused),
            since=row.paused_at if row.is_paused else row.opened_at,
            until=row.paused_until if row.is_paused else None,
            waiting=waiting.get(row.receiver, 0),
        )
        for row in states
        if row.is_paused or row.opened_at
    ]


def _drift() -> list[DriftCount]:
    names = [field.name for field in fields(DriftCount)]
    rows = rows_of(Drift).order_by("-last_seen_at", "-pk").values_list(*names)[:MAX_DRIFT]
    return [DriftCount(*row) for row in rows]


def _writes() -> dict[str, Any]:
    """Return whether the database takes writes, and the messages that it has lost."""
    return {"write_error": write_error(), "lost_messages": RECENT.count_lost()}
