"""Examination from inside: one function for each subject."""

from datetime import datetime, timedelta, timezone

import pytest
from django.db import DatabaseError, connections
from django.db.migrations.recorder import MigrationRecorder

from stockhub_webhooks import runners, signals
from stockhub_webhooks.models import Heartbeat, Message, Topic
from stockhub_webhooks.operations.doctor import examination, findings
from stockhub_webhooks.operations.doctor.examination import examine
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.problems import Level, Problem
from stockhub_webhooks.operations.health.report import Report
from stockhub_webhooks.receiving import spool
from tests.conftest import KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db


@pytest.fixture
def well(settings, tmp_path):
    """Set up a healthy shop."""
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "SPOOL_DIR": tmp_path / "spool"}
    (tmp_path / "spool").mkdir(mode=0o700)
    return settings


def of(subject):
    """Return the findings on one subject."""
    return list(subject(examination.Context(collect_report(), runners.current().applies_in_request)))


def codes(found):
    return [finding.code for finding in found]


def worst(found):
    return max((finding.level for finding in found), default=Level.OK)


def test_healthy_shop_has_nothing_to_do(well, hear):
    hear(signals.order_created, uid="shop.orders")
    Heartbeat.objects.create(name="worker", beat_at=datetime.now(timezone.utc))
    sections = list(examine(applies_in_request=True))
    assert findings.todos(sections) == []
    assert findings.worst(sections) == Level.OK
    assert [section.title for section in sections] == [str(title) for title, _subject in examination.SUBJECTS]
    assert KEY not in str(sections)


def test_system_checks_are_reported_with_their_hints(well):
    well.STOCKHUB_WEBHOOKS = {"API_KEYS": "", "SPOOL_DIR": ""}
    found = of(examination.settings)
    assert [finding.level for finding in found] == [Level.CRITICAL, Level.WARNING, Level.WARNING]
    assert found[0].code == "E003"
    assert all(finding.todo for finding in found)


def test_silenced_check_is_not_reported(well):
    well.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY}
    well.SILENCED_SYSTEM_CHECKS = ["stockhub_webhooks.W004"]
    assert worst(of(examination.settings)) == Level.OK


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"CONN_MAX_AGE": 0}, "a connection of its own"),
        ({"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}, "kept for 60 s. They are tested before use."),
        ({"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}, "Connections are kept."),
        ({"OPTIONS": {"pool": True}}, "are pooled"),
    ],
)
def test_use_of_connections_is_reported(changes, kept):
    assert kept in examination._use_of_connections({"OPTIONS": {}} | changes)


def test_checks_of_the_tables_are_reported(monkeypatch):
    from stockhub_webhooks.operations.checks import addresses, tables

    def troubled():
        yield from addresses.not_mounted()
        yield examination.CheckMessage(40, "No transactions.", hint="InnoDB", id="stockhub_webhooks.E018")

    monkeypatch.setattr(tables, "CHECKS", (troubled,))
    assert of(examination.database)[1:] == [(Level.CRITICAL, "No transactions. (E018)", "InnoDB", "E018")]


def test_silenced_check_of_the_tables_is_not_reported(monkeypatch, settings):
    from stockhub_webhooks.operations.checks import tables

    settings.SILENCED_SYSTEM_CHECKS = ["stockhub_webhooks.E018"]
    message = examination.CheckMessage(20, "No transactions.", id="stockhub_webhooks.E018")
    monkeypatch.setattr(tables, "CHECKS", (lambda: [message],))
    assert len(of(examination.database)) == 1
    assert examination._as_finding(message) == (Level.OK, "No transactions. (E018)", "", "E018")


def test_unapplied_migration_is_reported(well):
    assert codes(of(examination.migrations)) == ["migrations_applied"]
    MigrationRecorder.Migration.objects.filter(app="stockhub_webhooks").delete()
    (found,) = of(examination.migrations)
    assert "stockhub_webhooks.0001_initial" in found.text
    assert (found.level, found.todo) == (Level.CRITICAL, "python manage.py migrate")


def test_unavailable_database_is_reported_and_the_rest_is_examined(well, monkeypatch):
    def away(*arguments):
        raise DatabaseError("secret host")

    monkeypatch.setattr(examination, "collect_report", lambda: Report(datetime.now(timezone.utc), database="x"))
    monkeypatch.setattr(connections["default"], "ensure_connection", away)
    monkeypatch.setattr(examination, "MigrationExecutor", away)
    sections = list(examine(applies_in_request=True))
    subjects = [subject for _title, subject in examination.SUBJECTS]
    found = {subject: section.findings for subject, section in zip(subjects, sections, strict=True)}
    assert codes(found[examination.database]) == codes(found[examination.migrations]) == ["database"]
    assert "(DatabaseError)" in found[examination.database][0].text
    assert (found[examination.messages], codes(found[examination.runner])) == ([], ["runner"])
    assert codes(found[examination.spool_directory]) == ["spool_written"]
    assert "secret" not in str(sections)


def test_failing_examination_is_a_finding_without_secrets(monkeypatch, well):
    def fails(_):
        raise RuntimeError("a secret")

    monkeypatch.setattr(examination, "SUBJECTS", (("Spool", fails),))
    (section,) = examine(applies_in_request=True)
    assert codes(section.findings) == ["not_examined"]
    assert "RuntimeError" in section.findings[0].text
    assert "a secret" not in str(section)


# ---------------------------------------------------------------- receivers and the runner


def test_missing_receivers_are_a_warning(monkeypatch):
    monkeypatch.setattr(signals, "BY_NAME", {"event_recorded": signals.EventSignal()})
    (found,) = of(examination.receivers)
    assert (found.level, "stockhub_receivers.py" in found.todo) == (Level.WARNING, True)


def test_events_without_a_receiver_are_reported(hear):
    hear(signals.order_created, uid="shop.orders")
    hear(signals.order_created, uid="shop.mails")
    connected, without_receiver = of(examination.receivers)
    assert connected.text == "order_created: shop.mails, shop.orders"
    assert without_receiver.code == "events_without_receiver"
    assert "rma.created" in without_receiver.text
    assert "order.created" not in without_receiver.text
    hear(signals.event_recorded, uid="shop.every")
    assert set(codes(of(examination.receivers))) == {"receivers"}


def test_receiver_of_event_recorded_covers_all_events(hear):
    for signal in signals.BY_EVENT_TYPE.values():
        hear(signal)
    assert set(codes(of(examination.receivers))) == {"receivers"}


@pytest.mark.parametrize(("runner", "level"), [("inline", Level.WARNING), ("worker", Level.CRITICAL)])
def test_missing_worker_is_reported_with_a_cron_line(settings, runner, level):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "RUNNER": runner}
    found = of(examination.runner)
    assert (worst(found), codes(found)) == (level, ["runner", "no_worker"])
    assert runner in found[0].text
    assert "stockhub_worker --once" in found[-1].todo


# ---------------------------------------------------------------- the spool


def test_spool_is_tested_with_a_file_that_is_removed(well):
    folder = spool.directory()
    assert worst(of(examination.spool_directory)) == Level.OK
    assert list(folder.iterdir()) == []


def test_missing_spool_directory_is_not_created(well):
    folder = spool.directory()
    folder.rmdir()
    found = of(examination.spool_directory)
    assert codes(found) == ["spool_written", "spool_not_created"]
    assert str(folder.parent) in found[0].text
    assert not folder.exists()


def test_unwritable_spool_directory_is_a_problem(well, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.os, "fsync", full)
    (found,) = of(examination.spool_directory)
    assert (found.level, found.code, "(OSError)" in found.text) == (Level.CRITICAL, "spool_unwritable", True)
    assert list(spool.directory().iterdir()) == []


def test_without_a_spool_setting_nothing_is_tested(well):
    well.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY}
    assert worst(of(examination.spool_directory)) == Level.OK
    with pytest.raises(FileNotFoundError):
        spool.probe()


def test_other_user_than_the_owner_of_the_spool_is_a_warning(well, monkeypatch):
    monkeypatch.setattr(examination.os, "geteuid", lambda: 4711)
    found = of(examination.spool_directory)
    assert (found[-1].level, found[-1].code) == (Level.WARNING, "spool_of_another_user")
    assert found[-1].todo


# ---------------------------------------------------------------- messages


def test_last_messages_and_problems_are_reported(well, post):
    assert codes(of(examination.messages)) == ["no_messages"]
    post("order")
    post("rma", b"{")
    (spool.directory() / "00000000-0000-0000-0000-000000000000.json").write_text("{}")
    found = of(examination.messages)
    assert codes(found) == ["last_messages", "quarantined", "spool_waiting"]
    assert str(Topic.ORDER.label) in found[0].text
    assert str(Topic.RMA.label) in found[0].text
    assert "/admin/stockhub_webhooks/message/" in found[1].todo
    assert Message.objects.count() == 2


def test_impossible_times_are_reported_with_what_to_set_and_a_link(well, post):
    ahead = datetime.now(timezone.utc) + timedelta(hours=2)
    post("order", sample("order", updated_at=ahead.isoformat()))
    found = of(examination.messages)
    assert codes(found) == ["last_messages", "impossible_times"]
    assert "NAIVE_TIMEZONE" in found[1].text
    assert "needs=times" in found[1].todo


def test_problem_without_a_page_points_to_stockhub_status(settings):
    settings.ROOT_URLCONF = "tests.host.no_addresses"
    finding = Problem("spool", Level.CRITICAL, "A file is broken.")
    assert "A file is broken. " in examination._see(finding)
    assert "python manage.py stockhub_status" in examination._see(finding)


def test_steps_are_sorted_by_level_and_not_repeated():
    sections = [
        findings.Section(
            "one", [findings.fine("", "x"), findings.warning("", "a", "later"), findings.problem("", "b", "second?")]
        ),
        findings.Section("two", [findings.problem("", "c", "third"), findings.problem("", "d", "second?")]),
    ]
    assert findings.todos(sections) == ["second?", "third", "later"]
    assert findings.worst([]) == Level.OK
