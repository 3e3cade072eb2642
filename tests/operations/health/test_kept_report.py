"""The report of `health` is kept for some seconds, and never for longer than a minute."""

import threading
import time

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from stockhub_webhooks.operations.health import alarm, kept_report
from stockhub_webhooks.operations.health.kept_report import MAX_SECONDS, KeptReport
from stockhub_webhooks.operations.health.report import Report
from tests.conftest import KEY, PREFIX


@pytest.fixture
def kept(monkeypatch):
    """Use a new kept report, which is kept even in tests."""
    kept = KeptReport()
    monkeypatch.setattr("stockhub_webhooks.views.KEPT_REPORT", kept)
    return kept


@pytest.mark.django_db
def test_monitor_that_asks_again_within_the_second_costs_no_query(kept, client):
    first = client.get(PREFIX + "health", headers={"x-api-key": KEY}).json()
    with CaptureQueriesContext(connection) as captured:
        second = client.get(PREFIX + "health", headers={"x-api-key": KEY}).json()
    assert len(captured) == 0
    assert second["made_at"] == first["made_at"]
    kept._ends.clear()
    assert client.get(PREFIX + "health", headers={"x-api-key": KEY}).json()["made_at"] > first["made_at"]


@pytest.mark.parametrize(("duration", "seconds"), [(0.0, 1.0), (0.5, 10.0), (30.0, MAX_SECONDS)])
def test_report_is_kept_as_its_cost_demands(kept, monkeypatch, duration, seconds):
    clock = [1000.0]
    monkeypatch.setattr(kept_report.time, "monotonic", lambda: clock[0])

    def collect():
        clock[0] += duration
        return Report(made_at=None)

    monkeypatch.setattr(kept_report, "collect_report", collect)
    kept.get()
    assert kept.seconds == pytest.approx(seconds)


def test_each_tenant_has_a_report_of_its_own(kept, monkeypatch):
    monkeypatch.setattr(kept_report, "collect_report", lambda: Report(made_at=None))
    reports = []
    for name in ("alfa", "beta", "alfa"):
        monkeypatch.setattr(connections["default"], "schema_name", name, raising=False)
        reports.append(kept.get())
    assert reports[0] is reports[2]
    assert reports[0] is not reports[1]


def test_several_threads_collect_one_report(kept, monkeypatch):
    collected = []

    def collect():
        time.sleep(0.1)
        collected.append(1)
        return Report(made_at=None)

    monkeypatch.setattr(kept_report, "collect_report", collect)
    threads = [threading.Thread(target=kept.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(collected) == 1


@pytest.mark.django_db
def test_alarm_does_not_read_the_keys_of_all_messages(post):
    post("order")
    with CaptureQueriesContext(connection) as captured:
        alarm.check()
    assert captured.captured_queries
    assert not any("key_fingerprint" in query["sql"] and "GROUP BY" in query["sql"] for query in captured)
