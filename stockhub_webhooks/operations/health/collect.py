"""Counts and reads what a report tells, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from django.db import Error as DatabaseFault
from django.db.models import Count, Max, Min, Q, Subquery, Sum
from django.utils.timezone import now

from stockhub_webhooks.conf import TEST_ACCOUNT, conf
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import NOW, database_alias, from_now
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.delivery import ledger
from stockhub_webhooks.models import Heartbeat, Message, ReceiverCall, Refusal, RefusedBody
from stockhub_webhooks.operations.health import work
from stockhub_webhooks.operations.health.report import (
    ANY,
    Backlog,
    GoneReceiver,
    KeyUse,
    ReceiverCalls,
    Refusals,
    Report,
    Spool,
)
from stockhub_webhooks.operations.health.silence import open_hours
from stockhub_webhooks.operations.health.work import LATE_SECONDS, real_rows, rows_of
from stockhub_webhooks.receiving import spool
from stockhub_webhooks.receiving.authentication import fingerprint

REFUSALS_OF = timedelta(hours=24)


def collect_report(*, with_keys: bool = True) -> Report:
    """How things are now. A database that is away is a part of the report, not an error.

    Args:
        with_keys: tell the use of each key too, for which the index of all messages is read. Without it nothing
            is read but what is open, wrong or new, however many messages there are.
    """
    files = _spool()
    try:
        with query_timeout(database_alias()):
            return _from_tables(files, _last_by_key() if with_keys else _last_by_topic())
    except DatabaseFault as fault:
        return Report(made_at=now(), database=type(fault).__name__, spool=files, late=files.late)


def _last_by_key() -> list[dict[str, Any]]:
    return list(
        rows_of(Message)
        .filter(source=Message.Source.WEBHOOK)
        .values("topic", "key_fingerprint", "account")
        .annotate(last=Max("received_at"))
        .order_by()
    )


def _last_by_topic() -> list[dict[str, Any]]:
    """One look into the index for each topic, in one query; of a grouping PostgreSQL would read the whole index."""
    of_topic = real_rows(Message).filter(source=Message.Source.WEBHOOK).order_by("-received_at").values("received_at")
    names = {f"last_{number}": topic for number, topic in enumerate((*topics.ALL, ""))}
    looks = {name: Subquery(of_topic.filter(topic=topic)[:1]) for name, topic in names.items()}
    found = rows_of(Message).order_by().annotate(**looks).values(*names).first() or {}
    return [{"topic": topic, "last": found[name]} for name, topic in names.items() if found.get(name)]


def _from_tables(files: Spool, last: list[dict[str, Any]]) -> Report:
    last_messages = _last_messages(row for row in last if row.get("account") != TEST_ACCOUNT)
    last_at = max(filter(None, last_messages.values()), default=None)
    messages = _messages()
    calls = _calls()
    receivers = _receivers(calls)
    late = pile_of(work.late_calls(), "due_at")
    made_at = now()
    return Report(
        made_at=made_at,
        last_messages=last_messages,
        keys=_keys(row for row in last if "key_fingerprint" in row),
        open_messages=messages["open"],
        quarantined=messages["quarantined"],
        failed=messages["failed"],
        due_calls=sum((each.due for each in receivers), Backlog()),
        given_up_calls=sum((each.given_up for each in receivers), Backlog()),
        receivers=receivers,
        late=messages["late"] + late + files.late,
        late_messages=messages["late"],
        late_calls=late,
        gone_receivers=_gone(calls),
        spool=files,
        refusals=_refusals(made_at),
        workers=dict(rows_of(Heartbeat).order_by("name").values_list("name", "beat_at")),
        silent_hours=round(open_hours(last_at, made_at), 2) if last_at else None,
    )


def _last_messages(rows: Iterable[dict[str, Any]]) -> dict[str, datetime | None]:
    found: dict[str, datetime | None] = dict.fromkeys(topics.ALL)
    for row in rows:
        topic = row["topic"] or ANY  # came to the shared URL, and cannot be read
        former = found.get(topic)
        found[topic] = max(former, row["last"]) if former else row["last"]
    return found


def pile_of(rows: Any, moment: str) -> Backlog:
    """How many rows, and since when by that column."""
    found = rows.aggregate(count=Count("pk"), oldest=Min(moment))
    return Backlog(found["count"], found["oldest"])


def _keys(rows: Iterable[dict[str, Any]]) -> list[KeyUse]:
    configured = {fingerprint(key): account for account, keys in conf.accounts().items() for key in keys}
    used: dict[str, tuple[datetime, str]] = {}
    for row in rows:
        name = row["key_fingerprint"]
        used[name] = max(used.get(name, (row["last"], row["account"])), (row["last"], row["account"]))
    return [
        KeyUse(name, configured.get(name) or used[name][1], name in configured, used[name][0] if name in used else None)
        for name in [*configured, *sorted(set(used) - set(configured) - {""})]
    ]


def _messages() -> dict[str, Backlog]:
    status = Message.Status
    which = {
        "open": Q(status=status.RECEIVED),
        "quarantined": Q(status=status.QUARANTINED),
        "failed": Q(status=status.FAILED),
    }
    late = Q(status=status.RECEIVED, due_at__lte=from_now(-LATE_SECONDS))
    found = (
        real_rows(Message)
        .filter(status__in=(status.RECEIVED, status.QUARANTINED, status.FAILED))
        .aggregate(
            **{f"{name}_count": Count("pk", filter=condition) for name, condition in which.items()},
            **{f"{name}_oldest": Min("received_at", filter=condition) for name, condition in which.items()},
            late_count=Count("pk", filter=late),
            late_oldest=Min("due_at", filter=late),
        )
    )
    return {name: Backlog(found[f"{name}_count"], found[f"{name}_oldest"]) for name in (*which, "late")}


def _calls() -> list[dict[str, Any]]:
    """The open calls by receiver."""
    due = Q(due_at__lte=NOW)
    rows = (
        real_rows(ReceiverCall)
        .open()
        .values("signal", "receiver")
        .annotate(open_count=Count("pk"), due_count=Count("pk", filter=due), due_oldest=Min("due_at", filter=due))
        .order_by("receiver", "signal")
    )
    return [row | {"due": Backlog(row["due_count"], row["due_oldest"])} for row in rows]


def _receivers(calls: Iterable[dict[str, Any]]) -> list[ReceiverCalls]:
    due: dict[str, Backlog] = {}
    for row in calls:
        due[row["receiver"]] = due.get(row["receiver"], Backlog()) + row["due"]
    given_up = _given_up()
    names = set(due).union(given_up, *ledger.known_receivers().values())
    return [ReceiverCalls(name, due.get(name, Backlog()), given_up.get(name, Backlog())) for name in sorted(names)]


def _given_up() -> dict[str, Backlog]:
    """By receiver."""
    rows = work.given_up_calls().values("receiver").order_by("receiver")
    found = rows.annotate(count=Count("pk"), oldest=Min("event__message__received_at"))
    return {row["receiver"]: Backlog(row["count"], row["oldest"]) for row in found}


def _gone(calls: Iterable[dict[str, Any]]) -> list[GoneReceiver]:
    known = ledger.known_receivers()
    return [
        GoneReceiver(row["receiver"], row["signal"], row["open_count"])
        for row in calls
        if row["receiver"] not in known.get(row["signal"], ())
    ]


def _refusals(made_at: datetime) -> Refusals:
    rows = (
        rows_of(Refusal)
        .filter(hour__gt=made_at - REFUSALS_OF)
        .values("reason")
        .annotate(number=Sum("count"), last=Max("last_at"))
        .order_by("reason")
    )
    found = list(rows)
    kept = rows_of(RefusedBody).filter(message=None).aggregate(count=Count("pk"), last=Max("refused_at"))
    return Refusals(
        by_reason={row["reason"]: row["number"] for row in found},
        last_at=max((row["last"] for row in found), default=None),
        kept=kept["count"],
        last_kept_at=kept["last"],
    )


def _spool() -> Spool:
    try:
        written = [at for path in spool.files() if (at := _written_at(path))]
        late = [at for at in written if now() - at >= timedelta(seconds=LATE_SECONDS)]
        return Spool(_pile(written), _pile(late), spool.broken())
    except OSError as fault:
        return Spool(fault=type(fault).__name__)


def _written_at(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    except FileNotFoundError:  # another process has just ingested it
        return None


def _pile(moments: list[datetime]) -> Backlog:
    return Backlog(len(moments), min(moments, default=None))
