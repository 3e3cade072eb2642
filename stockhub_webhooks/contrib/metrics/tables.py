"""Gauges made from the health report, read at each request.

It is the same whichever process answers, costs the few queries of that report, and counts no table through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily

from stockhub_webhooks.db.connections import close_if_broken, database_alias
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.report import Backlog, Report
from stockhub_webhooks.operations.health.rules import find_problems

Values = Iterable[tuple[str, float]]


class Gauge(NamedTuple):
    """A number of the report, or one for each value of its label."""

    name: str
    sentence: str
    label: str
    read: Callable[[Report], Values]

    def family(self, values: Values = ()) -> GaugeMetricFamily:
        """Return the gauge as Prometheus knows it."""
        family = GaugeMetricFamily(
            f"stockhub_webhooks_{self.name}", self.sentence, labels=[self.label] if self.label else []
        )
        for label, value in values:
            family.add_metric([label] if self.label else [], value)
        return family


def one(value: float) -> Values:
    """Return the only number of a gauge without a label."""
    return [("", value)]


def age(pile: Backlog, report: Report) -> float:
    """Return the age of the oldest entry in seconds; 0 if there is none."""
    return max((report.made_at - pile.oldest).total_seconds(), 0.0) if pile.oldest else 0.0


def found(report: Report) -> Values:
    """Return the worst level of each problem."""
    levels: dict[str, float] = {}
    for finding in find_problems(report):
        levels[finding.code] = max(levels.get(finding.code, 0), int(finding.level))
    return levels.items()


WITHOUT_DATABASE = (
    Gauge(
        "database_up",
        "1 where the database answered this scrape, else 0, and all that stands in tables is absent.",
        "",
        lambda report: one(not report.database),
    ),
    Gauge(
        "finding",
        "What health finds wrong, by its code: 1 a warning, 2 critical; absent where all is well.",
        "code",
        found,
    ),
    Gauge(
        "spool_files",
        "Messages that wait in the spool directory of this server; absent where it cannot be read.",
        "",
        lambda report: [] if report.spool.fault else one(report.spool.waiting.count),
    ),
    Gauge(
        "oldest_spool_file_age_seconds",
        "Seconds since the oldest of them was written.",
        "",
        lambda report: [] if report.spool.fault else one(age(report.spool.waiting, report)),
    ),
    Gauge(
        "broken_spool_files",
        "Files in the spool directory of this server that could not be read, and were set aside.",
        "",
        lambda report: [] if report.spool.fault else one(report.spool.broken),
    ),
)
FROM_TABLES = (
    Gauge(
        "open_messages",
        "Messages stored and not applied yet.",
        "",
        lambda report: one(report.open_messages.count),
    ),
    Gauge(
        "oldest_open_message_age_seconds",
        "Seconds since the oldest of them was received; 0 where there is none.",
        "",
        lambda report: one(age(report.open_messages, report)),
    ),
    Gauge(
        "quarantined_messages",
        "Messages that cannot be applied as they are, and need a look.",
        "",
        lambda report: one(report.quarantined.count),
    ),
    Gauge(
        "failed_messages",
        "Messages that are given up, after MAX_ATTEMPTS.",
        "",
        lambda report: one(report.failed.count),
    ),
    Gauge(
        "due_receiver_calls",
        "Receiver calls whose time has come.",
        "receiver",
        lambda report: [(each.receiver, each.due.count) for each in report.receivers],
    ),
    Gauge(
        "oldest_due_receiver_call_age_seconds",
        "Seconds since the oldest of them was due; 0 where there is none.",
        "receiver",
        lambda report: [(each.receiver, age(each.due, report)) for each in report.receivers],
    ),
    Gauge(
        "given_up_receiver_calls",
        "Receiver calls that are given up, without those that somebody gave up by hand.",
        "receiver",
        lambda report: [(each.receiver, each.given_up.count) for each in report.receivers],
    ),
    Gauge(
        "late_work",
        "Messages, receiver calls and files in the spool that were due 15 minutes ago.",
        "kind",
        lambda report: [
            ("message", report.late_messages.count),
            ("receiver_call", report.late_calls.count),
            ("spool_file", report.spool.late.count),
        ],
    ),
    Gauge(
        "refused_deliveries",
        "Deliveries refused in the last 24 hours.",
        "reason",
        lambda report: report.refusals.by_reason.items(),
    ),
    Gauge(
        "worker_heartbeat_timestamp_seconds",
        "Unix time of the worker's last sign of life; absent where none ever ran.",
        "worker",
        lambda report: [(name, beat.timestamp()) for name, beat in report.workers.items()],
    ),
    Gauge(
        "last_message_timestamp_seconds",
        'Unix time of the last webhook, by topic ("any" where it cannot be told); absent where none ever came.',
        "topic",
        lambda report: [(topic, last.timestamp()) for topic, last in report.last_messages.items() if last],
    ),
    Gauge(
        "silence_seconds",
        "Seconds of OPENING_HOURS since the last webhook; absent where none ever came.",
        "",
        lambda report: [] if report.silent_hours is None else one(report.silent_hours * 3600),
    ),
)


class Tables:
    """A collector for a registry of the shop's own. It never raises for a database that is away."""

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return the names, so that registering it asks nothing of the database."""
        return [gauge.family() for gauge in (*WITHOUT_DATABASE, *FROM_TABLES)]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the gauges."""
        with query_timeout(database_alias()):
            report = collect_report(with_keys=False)
        if report.database:
            close_if_broken(database_alias())
        gauges = WITHOUT_DATABASE if report.database else (*WITHOUT_DATABASE, *FROM_TABLES)
        return [gauge.family(gauge.read(report)) for gauge in gauges]


TABLES = Tables()
REGISTRY.register(TABLES)
