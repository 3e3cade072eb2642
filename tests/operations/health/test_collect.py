"""The health report, the permissions for its details, and the exit codes."""

import json
import os
import re
from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from stockhub_webhooks import signals, views
from stockhub_webhooks.contract import topics
from stockhub_webhooks.models import Heartbeat, Message, ReceiverCall, Refusal, RefusedBody
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.problems import Level
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.receiving import refused_bodies
from stockhub_webhooks.receiving.authentication import fingerprint
from tests.conftest import KEY, PREFIX, TEST_KEY
from tests.operations.health.conftest import PAST, now
from tests.samples import sample

pytestmark = pytest.mark.django_db(databases="__all__")

BROKEN = {
    "given_up": ("given_up", Level.CRITICAL),
    "failed": ("given_up", Level.CRITICAL),
    "quarantined": ("quarantined", Level.WARNING),
    "impossible_times": ("impossible_times", Level.WARNING),
    "refusals": ("refusals", Level.WARNING),
    "refused_stock_hub": ("refusals", Level.CRITICAL),
    "silence": ("silence", Level.WARNING),
    "no_worker": ("no_worker", Level.CRITICAL),
    "backlog": ("backlog", Level.WARNING),
    "order_locked": ("order_locked", Level.WARNING),
    "gone_receivers": ("gone_receivers", Level.WARNING),
    "spool": ("spool", Level.CRITICAL),
    "spool_late": ("spool_late", Level.CRITICAL),
}
EACH_FAULT = pytest.mark.parametrize("fault", BROKEN)


def status(*arguments):
    """Return the exit code of the command."""
    try:
        call_command("stockhub_status", *arguments)
    except SystemExit as end:
        return end.code
    return 0


def gone(*args, **kwargs):
    raise OperationalError("could not connect to Testman's server")


# ---------------------------------------------------------------- problems


@EACH_FAULT
def test_each_problem_is_found_alone_and_has_its_exit_code(broken, fault, capsys):
    broken(fault)
    code, level = BROKEN[fault]
    (found,) = find_problems(collect_report())
    assert (found.code, found.level) == (code, level)
    assert status() == level
    assert found.text in capsys.readouterr().out
    assert status("--json") == level
    printed = json.loads(capsys.readouterr().out)
    assert printed["status"] == level.name.lower()
    assert [problem["code"] for problem in printed["findings"]] == [code]


def test_locked_order_is_named_with_its_holder_and_only_after_a_minute(broken):
    broken("order_locked")
    (found,) = find_problems(collect_report())
    assert all(part in found.text for part in ("Order 000000123", "pid 17", "application psql"))
    Message.objects.update(error="Order 000000124 is locked by another transaction")
    (found,) = find_problems(collect_report())
    assert "Order 000000124" in found.text
    Message.objects.update(received_at=now() - timedelta(seconds=50))
    assert find_problems(collect_report()) == []


def ahead(**delta):
    return (now() + timedelta(**delta)).isoformat()


@pytest.mark.parametrize(
    ("times", "is_zone"),
    [
        ([{"hours": 1}, {"hours": 2}], True),
        ([{"hours": 14}], True),
        ([{"hours": 2, "minutes": -4}], True),  # it took four minutes to arrive
        ([{"minutes": 25}], False),
        ([{"hours": 2}, {"hours": 2, "minutes": 30}], False),
        ([{"hours": 48}], False),
    ],
)
def test_times_ahead_by_whole_hours_are_those_of_a_wrong_zone(post, times, is_zone):
    for number, time in enumerate(times):
        post("order", sample("order", increment_id=f"{number}", updated_at=ahead(**time)))
    (found,) = find_problems(collect_report())
    assert ("NAIVE_TIMEZONE" in found.text, "clock" in found.text) == (is_zone, not is_zone)
    assert str(len(times)) in found.text


def test_a_date_that_stands_for_none_does_not_hide_a_wrong_zone(post):
    post("shipment", sample("shipment", increment_id="1", delivered_at="1970-01-01 00:00:00"))
    assert "clock" in find_problems(collect_report())[0].text
    post("shipment", sample("shipment", increment_id="2", delivered_at=ahead(hours=1)))
    assert "NAIVE_TIMEZONE" in find_problems(collect_report())[0].text


def test_impossible_times_of_long_ago_and_of_tests_raise_no_problem(broken):
    broken("impossible_times")
    Message.objects.update(received_at=now() - timedelta(days=4))
    assert collect_report().impossible_times.count == 0
    Message.objects.update(received_at=now(), account="test")
    assert collect_report().impossible_times.count == 0


def test_messages_applied_in_part_are_counted_without_a_problem(post, capsys):
    post("order", sample("order", grand_total="a lot"))
    assert status() == 0
    assert "applied in part, of the last 30 days: 1" in capsys.readouterr().out
    Message.objects.update(received_at=now() - timedelta(days=31))
    assert collect_report().in_part.count == 0


@EACH_FAULT
def test_links_of_problems_open_in_the_admin(broken, fault, staff):
    broken(fault)
    for found in find_problems(collect_report()):
        assert not found.link or staff.get(found.link).status_code == 200


@EACH_FAULT
def test_report_has_no_personal_data_and_no_key(broken, fault, capsys):
    broken(fault)
    status()
    status("--json")
    out = capsys.readouterr().out
    assert not re.search(r"testman|teststraat|example\.com|mistyped|wrong\b.*key-", out, re.IGNORECASE)
    assert KEY not in out


@pytest.mark.parametrize("language", ["en", "nl"])
def test_report_of_a_healthy_shop_has_no_problems(post, language, capsys):
    for topic in topics.ALL:
        post(topic)
    with translation.override(language):
        assert status() == 0
    out = capsys.readouterr().out
    assert not re.search("^  !", out, re.MULTILINE)
    assert ("Alles is in orde." in out) is (language == "nl")
    assert fingerprint(KEY) in out


def test_new_shop_has_no_problems(capsys):
    assert status() == 0
    assert status("--json") == 0


def test_unavailable_database_is_critical(monkeypatch, capsys):
    monkeypatch.setattr("stockhub_webhooks.operations.health.collect._messages", gone)
    assert status() == Level.CRITICAL
    assert status("--json") == Level.CRITICAL
    out = capsys.readouterr().out
    assert "OperationalError" in out
    assert "Testman" not in out


def test_unreadable_spool_is_critical(broken, monkeypatch, capsys):
    def denied():
        raise PermissionError

    monkeypatch.setattr("stockhub_webhooks.receiving.spool.files", denied)
    assert status() == Level.CRITICAL
    assert "PermissionError" in capsys.readouterr().out


# ---------------------------------------------------------------- the numbers


def test_report_has_the_last_message_of_each_topic_and_the_last_use_of_each_key(post):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"one": [KEY, "the-new-key"], "two": "the-key-of-two"}}):
        post("order")
        post("shipment")
        post("shipment", key="the-key-of-two")
        post("any", b"x", key="the-key-of-two")
        last = Message.objects.order_by("-pk")[1].received_at
        report = collect_report()
        assert report.last_messages["shipment"] == last
        assert report.last_messages["invoice"] is None
        assert report.last_messages["any"] == report.last_message_at
        used = {key.fingerprint: key for key in report.keys}
        assert used[fingerprint("the-new-key")].last_used is None
        assert used[fingerprint("the-key-of-two")].account == "two"
        assert used[fingerprint(KEY)].last_used == Message.objects.get(topic="shipment", account="one").received_at
    assert {key.fingerprint for key in collect_report().keys if not key.is_configured} == {
        fingerprint("the-key-of-two")
    }  # the new one was never used


def test_only_webhooks_count_as_last_messages(post):
    post("order")
    Message.objects.update(source="hand")
    assert collect_report().last_message_at is None


def test_report_has_open_messages_due_calls_and_workers(post, hear):
    hear(signals.order_created)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "INLINE_BUDGET_SECONDS": 0}):
        post("order")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("invoice")
    Heartbeat.objects.create(name="worker", beat_at=now())
    report = collect_report()
    assert (report.open_messages.count, report.due_calls.count, report.late.count) == (1, 1, 0)
    assert report.open_messages.oldest == Message.objects.get(topic="invoice").received_at
    assert set(report.workers) == {"worker"}
    assert report.has_worker
    ReceiverCall.objects.update(due_at=PAST)
    report = collect_report()
    assert (report.late.count, report.late.oldest, report.due_calls.oldest) == (1, PAST, PAST)


def test_call_that_waits_for_an_earlier_one_is_not_late(post, hear):
    def fail(**arguments):
        raise ValueError

    hear(signals.event_recorded, fail)
    post("order")
    post("shipment")
    first = ReceiverCall.objects.order_by("pk").first()
    ReceiverCall.objects.exclude(pk=first.pk).update(due_at=PAST)
    assert collect_report().late.count == 0


def test_refusals_of_a_day_are_a_problem_until_a_request_is_accepted(broken, post):
    broken("refusals")
    broken("refused_stock_hub")
    refusals = collect_report().refusals
    assert (refusals.by_reason, refusals.kept) == ({"wrong_key": 2}, 1)
    refused_bodies.dismiss([RefusedBody.objects.get().pk], by="office", reason="a stranger's")
    assert [problem.code for problem in find_problems(collect_report())] == ["refusals"]
    post("order", b"x")  # is answered 406, so it is not accepted
    assert "refusals" in [problem.code for problem in find_problems(collect_report())]
    Message.objects.all().delete()
    post("order")
    report = collect_report()
    assert report.refusals.by_reason == {"wrong_key": 2}
    assert find_problems(report) == []
    Refusal.objects.update(hour=now() - timedelta(hours=25))
    assert collect_report().refusals.by_reason == {}


def test_report_has_the_files_in_the_spool(broken, tmp_path, capsys):
    (tmp_path / "spool").mkdir()
    file = tmp_path / "spool" / "one.json"
    file.write_text("{}")
    spool = collect_report().spool
    assert (spool.waiting.count, spool.late.count, spool.broken) == (1, 0, 0)
    assert status() == 0
    os.utime(file, (0, 0))
    assert collect_report().late.count == 1
    assert status() == Level.CRITICAL


def test_status_names_the_late_files_and_nothing_of_their_content(broken, tmp_path, capsys):
    broken("spool_late")
    (tmp_path / "spool" / "x.json").write_text('{"customer": "Testman"}')
    os.utime(tmp_path / "spool" / "x.json", (0, 0))
    status()
    shown = capsys.readouterr().out
    assert "x.json" in shown
    assert "Testman" not in shown


@pytest.mark.parametrize(
    ("record", "command"),
    [
        ({"schema": "beta"}, "python manage.py tenant_command stockhub_worker --once --schema=beta"),
        ({"database": "shop2"}, "python manage.py stockhub_ingest {file}"),
        ({"alias": "other", "schema": "beta"}, "python manage.py stockhub_ingest {file}"),
    ],
)
def test_file_of_another_database_is_named_with_the_command_that_imports_it(broken, tmp_path, capsys, record, command):
    (tmp_path / "spool").mkdir()
    file = tmp_path / "spool" / "one.json"
    file.write_text(json.dumps(record))
    assert status() == Level.WARNING
    shown = capsys.readouterr().out
    assert command.format(file=file) in shown
    assert [problem.code for problem in find_problems(collect_report())] == ["spool_other"]
    assert status("--json") == Level.WARNING
    with suppress(SystemExit):
        call_command("stockhub_doctor")
    assert command.format(file=file) in capsys.readouterr().out


def test_file_that_was_just_imported_is_no_error(broken, monkeypatch, tmp_path):
    monkeypatch.setattr("stockhub_webhooks.receiving.spool.files", lambda: iter([tmp_path / "taken.json"]))
    assert collect_report().spool.waiting.count == 0


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SILENCE_AFTER_HOURS": 24})
def test_number_of_queries_does_not_depend_on_the_number_of_rows(post, hear):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            find_problems(collect_report())
        return len(captured)

    hear(signals.event_recorded)
    hear(signals.order_created)
    post("order", key="wrong")  # only then its topics are looked up
    queries()  # the first one inserts the row of the test write
    few = queries()
    for number in range(3):
        for topic in topics.ALL:
            post(topic, sample(topic, increment_id=f"{number}"))
        post("order", b"x")
        post("order", key=f"wrong {number}")
    assert queries() == few
    # four are for the test write in the transaction of this test on SQLite: a savepoint and its time-out;
    # eight count what is past its term and still here
    assert few <= 29


# ---------------------------------------------------------------- over HTTP


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": {"default": KEY, "test": TEST_KEY}})
def test_health_details_need_a_real_account_or_a_permission(broken, client, staff, clerk_without_staff, staff_who_may):
    broken("quarantined")
    address = PREFIX + "health"
    for plain, account in (
        (client.get(address), None),
        (client.get(address, headers={"x-api-key": "wrong"}), None),
        (client.get(address, headers={"x-api-key": TEST_KEY}), "test"),
        (clerk_without_staff.get(address), None),
        (staff_who_may().get(address), None),
        (staff_who_may("view_order", "view_refusal", "release").get(address), None),
    ):
        assert (plain.status_code, plain.json()) == (200, {"status": "ok"})
        assert plain.get("x-stockhub-account") == account
    seeing = (client.get(address, headers={"x-api-key": KEY}), staff.get(address))
    for detailed in (*seeing, staff_who_may("view_message").get(address)):
        assert detailed.status_code == 200
        assert detailed.json()["status"] == "warning"
        assert detailed.json()["quarantined"]["count"] == 1
        assert detailed["Cache-Control"] == "private, no-store"
        assert KEY not in detailed.text


@pytest.fixture
def staff_who_may(django_user_model):
    """Return a function that logs a new staff user with some permissions in."""
    from django.contrib.auth.models import Permission
    from django.test import Client

    def log_in(*codenames):
        user = django_user_model.objects.create_user(f"staff {codenames}", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        http = Client()
        http.force_login(user)
        return http

    return log_in


@pytest.fixture
def clerk_without_staff(django_user_model):
    from django.test import Client

    http = Client()
    http.force_login(django_user_model.objects.create_user("customer", password="secret"))
    return http


@override_settings(STOCKHUB_WEBHOOKS={"REQUIRE_API_KEY": False})
def test_health_details_are_hidden_without_required_keys(client):
    for headers in ({}, {"x-api-key": "anything"}):
        assert client.get(PREFIX + "health", headers=headers).json() == {"status": "ok"}


def test_without_a_database_health_details_answer_503_and_liveness_200(client, monkeypatch):
    monkeypatch.setattr("stockhub_webhooks.operations.health.collect._messages", gone)
    answer = client.get(PREFIX + "health", headers={"x-api-key": KEY})
    assert (answer.status_code, answer.json()["status"]) == (503, "critical")
    assert client.get(PREFIX + "health").status_code == 200


def test_liveness_needs_no_user_and_no_user_table():
    view = views.HealthView.as_view()
    request = RequestFactory().get("/")
    assert view(request).status_code == 200
    request.user = AnonymousUser()
    assert view(request).status_code == 200

    class Away:
        is_active = property(gone)

    request.user = Away()
    assert view(request).status_code == 200
