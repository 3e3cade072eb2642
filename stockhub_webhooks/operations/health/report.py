"""The health report: numbers and times, without personal data or keys."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stockhub_webhooks.conf import conf
from stockhub_webhooks.operations.health.work import LATE_SECONDS

ANY = "any"  # the topic could not be determined


@dataclass(frozen=True)
class Backlog:
    """A number of waiting items, and the time of the oldest one."""

    count: int = 0
    oldest: datetime | None = None

    def __add__(self, other: Backlog) -> Backlog:
        return Backlog(self.count + other.count, min(filter(None, (self.oldest, other.oldest)), default=None))


@dataclass(frozen=True)
class KeyUse:
    """A key, identified by its fingerprint, and the time of its last message."""

    fingerprint: str
    account: str
    is_configured: bool
    last_used: datetime | None


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
class Spool:
    """The files in the spool directory: waiting, late, and unreadable ones; or why it cannot be listed or written."""

    """The files in the spool directory: waiting, late, and unreadable ones; or why it cannot be listed.

    Attributes:
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
class Refusals:
    """Refused requests of the last 24 hours; the `kept` bodies look like Stock Hub's and can still be released.

    `deliveries` and `last_at` leave out the requests for pages of ours.
    """

    by_reason: dict[str, int] = field(default_factory=dict)
    deliveries: int = 0
    last_at: datetime | None = None
    kept: int = 0
    last_kept_at: datetime | None = None


@dataclass(frozen=True)
class Report:
    """The data of `health`, `stockhub_status` and the alarm, without tests. All times are aware.

    Attributes:
        made_at: the time of the report; ages are computed up to this time.
        database: the class of the database error, "" if there is none. With an error, all data from tables is empty.
        write_error: the class of the error of a test write, "" if the database takes writes.
        lost_messages: messages that this process has stored and the database no longer has; 0 in a new process.
        last_messages: topic to the time of its last webhook, None if there was none; key "any" for unknown topics.
        open_messages: messages that are stored but not applied yet.
        due_calls: open receiver calls that are due.
        in_part: messages of the last 30 days that were applied in part.
        given_up_calls: receiver calls given up automatically, not by a person.
        receivers: due and given-up calls by receiver, for receivers that are connected or have such calls.
        late: work that was due 15 minutes ago, and that this process is able to do.
        late_messages: the messages in `late`.
        locked_messages: messages that have waited for a minute, since another transaction holds their order.
        locked_rows: the rows that these messages wait for, at most 5.
        late_calls: the receiver calls in `late`.
        workers: name of a worker to its last heartbeat.
        drift: differences between messages and their documentation, the latest ones first; at most 50.
        silent_hours: opening hours since the last webhook, None if there was none.
    """

    made_at: datetime
    database: str = ""
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
    silent_hours: float | None = None

    @property
    def last_message_at(self) -> datetime | None:
        """The time of the last webhook."""
        return max(filter(None, self.last_messages.values()), default=None)

    @property
    def is_silent(self) -> bool:
        """True if no message arrived for `SILENCE_AFTER_HOURS`."""
        return bool(conf.SILENCE_AFTER_HOURS > 0 and (self.silent_hours or 0) >= conf.SILENCE_AFTER_HOURS)

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
