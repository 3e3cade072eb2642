"""The health report: numbers and times, without personal data or keys."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stockhub_webhooks.operations.health.work import LATE_SECONDS

ANY = "any"  # the topic could not be determined
MAX_PAST_TERM = 1000


@dataclass(frozen=True)
class Backlog:
    """A number of waiting items, and the time of the oldest one.

    Attributes:
        newest: a number that grows with each new item, so that the alarm knows a new one; None if that is not needed.
    """

    count: int = 0
    oldest: datetime | None = None
    newest: int | None = field(default=None, compare=False)

    def __add__(self, other: Backlog) -> Backlog:
        return Backlog(
            self.count + other.count,
            min(filter(None, (self.oldest, other.oldest)), default=None),
            max(filter(None, (self.newest, other.newest)), default=None),
        )


@dataclass(frozen=True)
class KeyUse:
    """A key, identified by its fingerprint, and the time of its last message, of all topics and by topic."""

    fingerprint: str
    account: str
    is_configured: bool
    last_used: datetime | None
    last_by_topic: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class GoneReceiver:
    """A receiver with open calls that is not connected in this process: renamed, removed, or not deployed yet."""

    receiver: str
    signal: str
    open_calls: int


@dataclass(frozen=True)
class LockedRow:
    """A row that another transaction holds, such as "Order 000000123", and the connection that probably holds it.

    `holder` is "" if the database does not show it.
    """

    row: str
    holder: str


@dataclass(frozen=True)
class ReceiverCalls:
    """The due calls and the given-up calls of one receiver."""

    receiver: str
    due: Backlog = Backlog()
    given_up: Backlog = Backlog()


@dataclass(frozen=True)
class OtherFiles:
    """Files in the spool directory that belong to another database or schema, and the command that imports them."""

    owner: str
    names: list[str]
    command: str


@dataclass(frozen=True)
class BlockedReceiver:
    """A receiver that is paused by a person, or away: its breaker is open.

    Attributes:
        is_paused: True if a person paused it, whether or not it is away as well.
        since: start of the pause, or else of the outage.
        until: end of the pause, None if it has none.
        waiting: its calls that are not done.
    """

    receiver: str
    is_paused: bool
    since: datetime | None
    until: datetime | None
    waiting: int


@dataclass(frozen=True)
class FailingReceiver:
    """A receiver whose attempts have only failed.

    Attributes:
        since: the first failure after its last success.
        in_a_row: the failed attempts since then.
        others_succeed: True if any receiver has succeeded since then.
    """

    receiver: str
    since: datetime
    in_a_row: int
    others_succeed: bool


@dataclass(frozen=True)
class FailingLookups:
    """Orders for which `HOST_ORDER_RESOLVER` raised, or lines for which `HOST_LINE_RESOLVER` did, with one cause.

    Attributes:
        since: since when the first of them has not been found.
        others_succeed: True if other look-ups succeed.
        of_lines: True for order lines.
    """

    cause: str
    count: int
    since: datetime
    others_succeed: bool
    of_lines: bool = False


@dataclass(frozen=True)
class Spool:
    """The files in the spool directory: waiting, late, and broken ones; or why it cannot be listed or written.

    Attributes:
        fault: why it cannot be listed; "" if it can.
        names: names of the oldest files that wait, at most 10.
        others: those of the oldest files that this process does not import.
        write_fault: why it cannot be written, if that was tried.
        copy_fault: why `JOURNAL_COPY_DIR` cannot be written, if that was tried.
    """

    waiting: Backlog = Backlog()
    late: Backlog = Backlog()
    broken: int = 0
    fault: str = ""
    write_fault: str = ""
    copy_fault: str = ""
    names: list[str] = field(default_factory=list)
    others: list[OtherFiles] = field(default_factory=list)


@dataclass(frozen=True)
class ImpossibleTimes:
    """Messages of the last 3 days with a time that cannot be true.

    Attributes:
        count: the number of these messages.
        last_at: the time of receipt of the last one.
        are_whole_hours: True if all times ahead are so by whole hours, as with a wrong time zone.
    """

    count: int = 0
    last_at: datetime | None = None
    are_whole_hours: bool = False


@dataclass(frozen=True)
class DriftCount:
    """A counter of `Drift`; `sample` is the key of its latest message, None if that was deleted."""

    topic: str
    kind: str
    name: str
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    sample: int | None


@dataclass(frozen=True)
class RefusedGroup:
    """Kept bodies of one topic and key that wait for a decision.

    Attributes:
        account: the account that they probably belong to; "" if that is unknown.
        key_fingerprint: the key; "" if none was sent.
        delete_at: when the oldest one is deleted.
    """

    account: str
    topic: str
    key_fingerprint: str
    count: int
    first_at: datetime
    last_at: datetime
    delete_at: datetime


@dataclass(frozen=True)
class Refusals:
    """Refused requests of the last 24 hours, and all kept bodies that wait for a decision.

    Attributes:
        by_reason: all refused requests.
        by_key: those with a key, by its fingerprint; the most frequent keys only. Empty if keys were left out.
        deliveries: without those of muted senders, and without the requests for pages of ours.
        last_at: the time of the last of these.
        muted: the requests of muted senders.
        kept: the bodies that look like Stock Hub's, and were neither let in nor dismissed.
        last_kept_at: the time of the last of them.
        groups: the largest groups of them.
        untold: those that nobody was told of yet, by mail or on the overview.
        expiring: those of these that are soon deleted.
        delete_at: when the oldest of them is deleted.
        pushed_out: the bodies of the last 7 days that made room for later ones.
        accepted_at: topic to the time of its last message that was not answered 406; empty if nothing was refused.
    """

    by_reason: dict[str, int] = field(default_factory=dict)
    by_key: dict[str, int] = field(default_factory=dict)
    deliveries: int = 0
    last_at: datetime | None = None
    muted: int = 0
    kept: int = 0
    last_kept_at: datetime | None = None
    groups: list[RefusedGroup] = field(default_factory=list)
    untold: int = 0
    expiring: int = 0
    delete_at: datetime | None = None
    pushed_out: int = 0
    accepted_at: dict[str, datetime | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The data of `health`, `stockhub_status` and the alarm, without tests. All times are aware.

    Attributes:
        made_at: the time of the report; ages are computed up to this time.
        database: the class of the database error, "" if there is none. With an error, all data from tables is empty.
        no_tables: True if the database answers, and a table or a column of ours is missing.
        write_error: the class of the error of a test write, "" if the database takes writes.
        lost_messages: messages that this process has stored and the database no longer has; 0 in a new process.
        last_messages: topic to the time of its last webhook, None if there was none; key "any" for unknown topics.
        open_messages: messages that are stored but not applied yet.
        due_calls: open receiver calls that are due and do not run.
        in_part: messages of the last 30 days that were applied in part.
        given_up_calls: receiver calls given up automatically, not by a person.
        receivers: due and given-up calls by receiver, for receivers that are connected or have such calls.
        late: work that was due 15 minutes ago, does not run, and that this process is able to do.
        late_messages: the messages in `late`.
        locked_messages: messages that have waited for a minute, since another transaction holds their order.
        locked_rows: the rows that these messages wait for, at most 5.
        late_calls: the receiver calls in `late`.
        failing_receivers: receivers that have only failed, apart from those that are paused or away.
        failing_lookups: orders and lines for which a resolver of the shop raised, by cause.
        workers: name of a worker to its last heartbeat.
        drift: differences between messages and their documentation, the latest ones first; at most 50.
        past_term: kind of personal data to the number of rows that are past their term for a day, and still here;
            counting ends at `MAX_PAST_TERM` of a kind, since there may be millions.
        silent_hours: opening hours since the last webhook, None if there was none.
        silence_after_hours: opening hours that count as silence, by `SILENCE_AFTER_HOURS` or learned; None for never,
            and if it was not learned, since there is no silence yet.
    """

    made_at: datetime
    database: str = ""
    no_tables: bool = False
    write_error: str = ""
    lost_messages: int = 0
    last_messages: dict[str, datetime | None] = field(default_factory=dict)
    keys: list[KeyUse] = field(default_factory=list)
    open_messages: Backlog = Backlog()
    quarantined: Backlog = Backlog()
    failed: Backlog = Backlog()
    in_part: Backlog = Backlog()
    impossible_times: ImpossibleTimes = ImpossibleTimes()
    due_calls: Backlog = Backlog()
    given_up_calls: Backlog = Backlog()
    receivers: list[ReceiverCalls] = field(default_factory=list)
    late: Backlog = Backlog()
    late_messages: Backlog = Backlog()
    locked_messages: Backlog = Backlog()
    locked_rows: list[LockedRow] = field(default_factory=list)
    late_calls: Backlog = Backlog()
    gone_receivers: list[GoneReceiver] = field(default_factory=list)
    hanging_receivers: list[str] = field(default_factory=list)
    blocked_receivers: list[BlockedReceiver] = field(default_factory=list)
    spool: Spool = Spool()
    refusals: Refusals = field(default_factory=Refusals)
    workers: dict[str, datetime] = field(default_factory=dict)
    drift: list[DriftCount] = field(default_factory=list)
    past_term: dict[str, int] = field(default_factory=dict)
    silent_hours: float | None = None
    silence_after_hours: float | None = None
    failing_receivers: list[FailingReceiver] = field(default_factory=list)
    failing_lookups: list[FailingLookups] = field(default_factory=list)

    @property
    def last_message_at(self) -> datetime | None:
        """The time of the last webhook."""
        return max(filter(None, self.last_messages.values()), default=None)

    @property
    def is_silent(self) -> bool:
        """True if no message arrived for `silence_after_hours`."""
        return bool(self.silence_after_hours and (self.silent_hours or 0) >= self.silence_after_hours)

    @property
    def has_worker(self) -> bool:
        """True if a worker was alive in the last 15 minutes."""
        limit = self.made_at - timedelta(seconds=LATE_SECONDS)
        return any(beat >= limit for beat in self.workers.values())

    def as_json(self) -> dict[str, Any]:
        """Return a dict for `json.dumps`, with times in ISO 8601."""
        return {name: _to_json(value) for name, value in asdict(self).items()}


def _to_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _to_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_to_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value
