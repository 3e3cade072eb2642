"""Gauges from the health report, which is collected for each scrape.

All processes give the same numbers. A scrape costs the few queries of the report, and none that reads a whole table.
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
    """A number of the report, or one number for each value of `label`."""

    name: str
    help: str
    label: str
    read: Callable[[Report], Values]

    def family(self, values: Values = ()) -> GaugeMetricFamily:
        """Return the gauge as a metric family of prometheus-client."""
        family = GaugeMetricFamily(
            f"stockhub_webhooks_{self.name}", self.help, labels=[self.label] if self.label else []
        )
        for label, value in values:
            family.add_metric([label] if self.label else [], value)
        return family


def unlabelled(value: float) -> Values:
    """Return the single value of a gauge without a label."""
    return [("", value)]


def age(backlog: Backlog, report: Report) -> float:
    """Return the age of the oldest entry in seconds; 0 if there is none."""
    return max((report.made_at - backlog.oldest).total_seconds(), 0.0) if backlog.oldest else 0.0


def problem_levels(report: Report) -> Values:
    """Return the worst level of each problem."""
    levels: dict[str, float] = {}
    for problem in find_problems(report):
        levels[problem.code] = max(levels.get(problem.code, 0), int(problem.level))
    return levels.items()


WITHOUT_DATABASE = (
    Gauge(
        "database_up",
        "1 if the database answered this scrape; else 0, and all metrics from tables are absent.",
        "",
        lambda report: unlabelled(not report.database),
    ),
    Gauge(
        "finding",
        "Problems that the health check finds, by code: 1 for a warning, 2 for critical; absent if all is well.",
        "code",
        problem_levels,
    ),
    Gauge(
        "spool_files",
        "Messages that wait in the spool directory of this server; absent if the directory cannot be read.",
        "",
        lambda report: [] if report.spool.fault else unlabelled(report.spool.waiting.count),
    ),
    Gauge(
        "oldest_spool_file_age_seconds",
        "Seconds since the oldest waiting spool file was written.",
        "",
        lambda report: [] if report.spool.fault else unlabelled(age(report.spool.waiting, report)),
    ),
    Gauge(
        "broken_spool_files",
        "Files in the spool directory of this server that could not be read, and were set aside.",
        "",
        lambda report: [] if report.spool.fault else unlabelled(report.spool.broken),
    ),
)
FROM_TABLES = (
    Gauge(
        "open_messages",
        "Messages that are stored and not applied yet.",
        "",
        lambda report: unlabelled(report.open_messages.count),
    ),
    Gauge(
        "oldest_open_message_age_seconds",
        "Seconds since the oldest open message was received; 0 if there is none.",
        "",
        lambda report: unlabelled(age(report.open_messages, report)),
    ),
    Gauge(
        "quarantined_messages",
        "Messages that cannot be applied as they are.",
        "",
        lambda report: unlabelled(report.quarantined.count),
    ),
    Gauge(
        "failed_messages",
        "Messages that were given up after MAX_ATTEMPTS.",
        "",
        lambda report: unlabelled(report.failed.count),
    ),
    Gauge(
        "due_receiver_calls",
        "Receiver calls that are due and do not run.",
        "receiver",
        lambda report: [(each.receiver, each.due.count) for each in report.receivers],
    ),
    Gauge(
        "oldest_due_receiver_call_age_seconds",
        "Seconds since the oldest due receiver call became due; 0 if there is none.",
        "receiver",
        lambda report: [(each.receiver, age(each.due, report)) for each in report.receivers],
    ),
    Gauge(
        "given_up_receiver_calls",
        "Receiver calls that were given up automatically, not by a person.",
        "receiver",
        lambda report: [(each.receiver, each.given_up.count) for each in report.receivers],
    ),
    Gauge(
        "paused_receivers",
        "1 for each receiver that a person paused: its calls wait; absent for the others.",
        "receiver",
        lambda report: [(each.receiver, 1) for each in report.blocked_receivers if each.is_paused],
    ),
    Gauge(
        "receivers_away",
        "1 for each receiver whose breaker is open: its calls wait, and one at a time is tried; absent for the others.",
        "receiver",
        lambda report: [(each.receiver, 1) for each in report.blocked_receivers if not each.is_paused],
    ),
    Gauge(
        "late_work",
        "Messages, receiver calls and spool files that were due 15 minutes ago; without the calls that run.",
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
        "Unix time of the last heartbeat of a worker; absent if none ever ran.",
        "worker",
        lambda report: [(name, beat.timestamp()) for name, beat in report.workers.items()],
    ),
    Gauge(
        "last_message_timestamp_seconds",
        'Unix time of the last webhook, by topic ("any" if it is unknown); absent if none ever came.',
        "topic",
        lambda report: [(topic, last.timestamp()) for topic, last in report.last_messages.items() if last],
    ),
    Gauge(
        "silence_seconds",
        "Seconds within OPENING_HOURS since the last webhook; absent if none ever came.",
        "",
        lambda report: [] if report.silent_hours is None else unlabelled(report.silent_hours * 3600),
    ),
)


class Tables:
    """Collector of the gauges, also for a registry of the shop. It does not raise if the database is unavailable."""

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return the gauges without values, so that registering the collector makes no query."""
        return [gauge.family() for gauge in (*WITHOUT_DATABASE, *FROM_TABLES)]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the gauges with their values; without a database only those that need none."""
        with query_timeout(database_alias()):
            report = collect_report(with_keys=False, with_writes=False)
        if report.database:
            close_if_broken(database_alias())
        gauges = WITHOUT_DATABASE if report.database else (*WITHOUT_DATABASE, *FROM_TABLES)
        return [gauge.family(gauge.read(report)) for gauge in gauges]


TABLES = Tables()
REGISTRY.register(TABLES)
