"""What a report tells: numbers and times, no personal data, no keys."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stockhub_webhooks.conf import conf
from stockhub_webhooks.operations.health.work import LATE_SECONDS

ANY = "any"  # a topic that nobody knows


@dataclass(frozen=True)
class Backlog:
    """How many there are, and since when the oldest lies there."""

    count: int = 0
    oldest: datetime | None = None

    def __add__(self, other: Backlog) -> Backlog:
        return Backlog(self.count + other.count, min(filter(None, (self.oldest, other.oldest)), default=None))


@dataclass(frozen=True)
class KeyUse:
    """One key, by its fingerprint, and when a message last came with it."""

    fingerprint: str
    account: str
    is_configured: bool
    last_used: datetime | None


@dataclass(frozen=True)
class GoneReceiver:
    """A receiver that is owed calls, and that this process does not know: renamed, removed, or not rolled out yet."""

    receiver: str
    signal: str
    open_calls: int


@dataclass(frozen=True)
class ReceiverCalls:
    """What one receiver could do now, and what it has failed to do."""

    receiver: str
    due: Backlog = Backlog()
    given_up: Backlog = Backlog()


@dataclass(frozen=True)
class Spool:
    """The files that wait for the database, and those that could not be read."""

    waiting: Backlog = Backlog()
    late: Backlog = Backlog()
    broken: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Refusals:
    """Who was not let in during the last 24 hours; `kept` may be Stock Hub's own and can still be let in."""

    by_reason: dict[str, int] = field(default_factory=dict)
    last_at: datetime | None = None
    kept: int = 0
    last_kept_at: datetime | None = None


@dataclass(frozen=True)
class Report:
    """Everything that `health`, `stockhub_status` and the alarm tell, without tests. All times are aware.

    Attributes:
        made_at: when it was made; ages are to be counted to here.
        database: the kind of the database's fault; then all that comes from tables is empty. "" is well.
        last_messages: topic to the last webhook's time, None where none ever came; "any" where it is not known.
        open_messages: stored, not applied yet.
        due_calls: open receiver calls whose time has come.
        given_up_calls: without those that somebody gave up by hand.
        receivers: the same by receiver: each that is known here, is owed calls or has some given up.
        late: all work that was due 15 minutes ago, and that this process could do.
        late_messages: the part of it that is messages.
        late_calls: the part of it that is receiver calls.
        workers: name to the last sign of life.
        silent_hours: opening hours since the last webhook, None where none ever came.
    """

    made_at: datetime
    database: str = ""
    last_messages: dict[str, datetime | None] = field(default_factory=dict)
    keys: list[KeyUse] = field(default_factory=list)
    open_messages: Backlog = Backlog()
    quarantined: Backlog = Backlog()
    failed: Backlog = Backlog()
    due_calls: Backlog = Backlog()
    given_up_calls: Backlog = Backlog()
    receivers: list[ReceiverCalls] = field(default_factory=list)
    late: Backlog = Backlog()
    late_messages: Backlog = Backlog()
    late_calls: Backlog = Backlog()
    gone_receivers: list[GoneReceiver] = field(default_factory=list)
    spool: Spool = Spool()
    refusals: Refusals = field(default_factory=Refusals)
    workers: dict[str, datetime] = field(default_factory=dict)
    silent_hours: float | None = None

    @property
    def last_message_at(self) -> datetime | None:
        """When the last webhook came in."""
        return max(filter(None, self.last_messages.values()), default=None)

    @property
    def is_silent(self) -> bool:
        """Whether nothing came in for longer than `SILENCE_AFTER_HOURS`."""
        return bool(conf.SILENCE_AFTER_HOURS > 0 and (self.silent_hours or 0) >= conf.SILENCE_AFTER_HOURS)

    @property
    def has_worker(self) -> bool:
        """Whether somebody came by within the last 15 minutes to finish left-over work."""
        limit = self.made_at - timedelta(seconds=LATE_SECONDS)
        return any(beat >= limit for beat in self.workers.values())

    def as_json(self) -> dict[str, Any]:
        """For `json.dumps`: times are text in ISO 8601."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value
