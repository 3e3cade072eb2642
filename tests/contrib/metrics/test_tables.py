"""What stands in the tables is told as `health` has it."""

import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from prometheus_client import REGISTRY, CollectorRegistry

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.contrib.metrics.tables import TABLES, Tables
from stockhub_webhooks.models import Heartbeat, Message, ReceiverCall
from stockhub_webhooks.operations.health.collect import collect_report
from tests.conftest import KEY, TEST_KEY
from tests.operations.health.conftest import PAST, broken, now  # noqa: F401 - a fixture
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__")


def test_a_new_shop_has_zeros_and_no_findings(scrape):
    found = scrape()
    assert found["database_up",] == 1
    assert {found[name,] for name in ("open_messages", "quarantined_messages", "failed_messages")} == {0}
    assert {found["late_work", kind] for kind in ("message", "receiver_call", "spool_file")} == {0}
    assert found["oldest_open_message_age_seconds",] == 0
    absent = {"finding", "silence_seconds", "last_message_timestamp_seconds", "worker_heartbeat_timestamp_seconds"}
    assert not absent & {key[0] for key in found}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("given_up", {("given_up_receiver_calls", "shop.refuses"): 1, ("finding", "given_up"): 2}),
        ("failed", {("failed_messages",): 1, ("finding", "given_up"): 2}),
        ("quarantined", {("quarantined_messages",): 1, ("finding", "quarantined"): 1}),
        ("refusals", {("refused_deliveries", "wrong_key"): 1, ("finding", "refusals"): 1}),
        ("refused_stock_hub", {("refused_deliveries", "wrong_key"): 1, ("finding", "refusals"): 2}),
        ("silence", {("finding", "silence"): 1}),
        ("no_worker", {("open_messages",): 1, ("late_work", "message"): 1, ("finding", "no_worker"): 2}),
        ("backlog", {("open_messages",): 1, ("late_work", "message"): 1, ("finding", "backlog"): 1}),
        ("order_locked", {("open_messages",): 1, ("finding", "order_locked"): 1}),
        ("gone_receivers", {("due_receiver_calls", "shop.removed"): 1, ("finding", "gone_receivers"): 1}),
        ("spool", {("broken_spool_files",): 1, ("finding", "spool"): 2}),
    ],
)
def test_each_fault_is_reported(request, scrape, fault, expected):
    request.getfixturevalue("broken")(fault)
    found = scrape()
    assert expected.items() <= found.items()
    assert len([key for key in found if key[0] == "finding"]) == 1


def test_two_findings_of_one_kind_are_reported_once(request, scrape):
    bring_about = request.getfixturevalue("broken")
    bring_about("given_up")
    bring_about("failed")
    assert scrape()["finding", "given_up"] == 2


def test_moments_and_ages_are_in_seconds(post, hear, scrape):
    hear(signals.order_created, uid="shop.hears")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "INLINE_BUDGET_SECONDS": 0}):
        post("order")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("invoice")
    Message.objects.filter(topic="order").update(received_at=now() - timedelta(hours=2))
    Message.objects.filter(topic="invoice").update(received_at=now() - timedelta(hours=1))
    ReceiverCall.objects.update(due_at=now() - timedelta(minutes=10))
    Heartbeat.objects.create(name="worker", beat_at=PAST)
    found = scrape()
    hour = pytest.approx(3600, abs=60)
    assert found["oldest_open_message_age_seconds",] == hour
    assert found["silence_seconds",] == hour
    assert time.time() - found["last_message_timestamp_seconds", "order"] == pytest.approx(7200, abs=60)
    assert found["worker_heartbeat_timestamp_seconds", "worker"] == PAST.timestamp()
    assert found["due_receiver_calls", "shop.hears"] == 1
    assert found["oldest_due_receiver_call_age_seconds", "shop.hears"] == pytest.approx(600, abs=60)


def test_a_receiver_without_open_calls_is_reported_with_0(hear, scrape):
    hear(signals.order_created, uid="shop.hears")
    found = scrape()
    assert (found["due_receiver_calls", "shop.hears"], found["given_up_receiver_calls", "shop.hears"]) == (0, 0)


def test_files_in_the_spool_are_reported(settings, tmp_path, scrape):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "SPOOL_DIR": tmp_path}
    (tmp_path / "one.json").write_text("{}")
    found = scrape()
    assert (found["spool_files",], found["broken_spool_files",]) == (1, 0)
    assert found["oldest_spool_file_age_seconds",] < 900


def test_of_a_spool_that_cannot_be_read_no_number_is_made_up(monkeypatch, scrape):
    def denied():
        raise PermissionError

    monkeypatch.setattr("stockhub_webhooks.receiving.spool.files", denied)
    found = scrape()
    assert found["finding", "spool"] == 2
    assert not [key for key in found if "spool_file" in key[0]]


def test_of_a_database_that_is_away_no_number_is_made_up(post, monkeypatch, scrape):
    def away():
        raise OperationalError

    monkeypatch.setattr("stockhub_webhooks.operations.health.collect._messages", away)
    found = scrape()
    assert (found["database_up",], found["finding", "database"]) == (0, 2)
    gauges = {key[0] for key in found if not key[0].endswith(("_total", "_count", "_sum"))}
    assert gauges == {
        "database_up",
        "finding",
        "spool_files",
        "oldest_spool_file_age_seconds",
        "broken_spool_files",
    }


def test_tests_are_left_out(settings, post, scrape):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": {"default": KEY, "test": TEST_KEY}}
    post("order", b"x", key=TEST_KEY)
    found = scrape()
    assert found["quarantined_messages",] == 0
    assert not [key for key in found if key[0] == "last_message_timestamp_seconds"]


def test_a_scrape_costs_the_same_few_queries_however_much_there_is(post, hear):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            list(Tables().collect())
        return len(captured)

    hear(signals.event_recorded, uid="shop.hears")
    post("order", key="wrong")  # only then refused messages are looked up
    few = queries()
    for number in range(3):
        for topic in topics.ALL:
            post(topic, sample(topic, increment_id=f"{number}"))
        post("order", b"x")
        post("order", key=f"wrong {number}")
    assert queries() == few
    assert few <= 16  # three of them count what is past its term and still here


def test_registering_it_asks_nothing_of_the_database():
    with CaptureQueriesContext(connection) as captured:
        CollectorRegistry(auto_describe=True).register(Tables())
    assert len(captured) == 0


def test_a_page_of_the_default_registry_shows_it_by_itself(post):
    post("order", b"x")
    assert TABLES in REGISTRY._collector_to_names
    assert REGISTRY.get_sample_value("stockhub_webhooks_quarantined_messages") == 1


def test_given_up_and_due_are_the_sums_over_the_receivers(request):
    request.getfixturevalue("broken")("given_up")
    report = collect_report()
    (refuses,) = [each for each in report.receivers if each.receiver == "shop.refuses"]
    assert refuses.given_up == report.given_up_calls
    assert (refuses.given_up.count, refuses.due.count, report.due_calls.count) == (1, 0, 0)
