"""What is looked at from inside, and what is said of it."""

from datetime import datetime, timezone

import pytest
from django.db import DatabaseError, connections
from django.db.migrations.recorder import MigrationRecorder

from stockhub_webhooks import runners, signals
from stockhub_webhooks.models import Heartbeat, Message
from stockhub_webhooks.operations.doctor import examination, findings
from stockhub_webhooks.operations.doctor.examination import examine
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.report import Report
from stockhub_webhooks.operations.health.rules import Level, Problem
from stockhub_webhooks.receiving import spool
from tests.conftest import KEY

pytestmark = pytest.mark.django_db


@pytest.fixture
def well(settings, tmp_path):
    """A set-up as it should be."""
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "SPOOL_DIR": tmp_path / "spool"}
    (tmp_path / "spool").mkdir(mode=0o700)
    return settings


def of(subject):
    """What is found on one subject."""
    return list(subject(examination.Context(collect_report(), runners.current().applies_in_request)))


def said(found):
    return " ".join(finding.text for finding in found)


def worst(found):
    return max((finding.level for finding in found), default=Level.OK)


def test_a_shop_that_is_set_up_well_has_nothing_to_do(well, hear):
    hear(signals.order_created, uid="shop.orders")
    Heartbeat.objects.create(name="worker", beat_at=datetime.now(timezone.utc))
    sections = list(examine(applies_in_request=True))
    assert findings.todos(sections) == []
    assert findings.worst(sections) == Level.OK
    assert [section.title for section in sections] == [
        "Settings",
        "Database",
        "Tables",
        "Receivers",
        "Who does the work",
        "Spool",
        "Messages",
    ]
    assert KEY not in str(sections)


def test_the_system_checks_are_told_with_their_hints(well):
    well.STOCKHUB_WEBHOOKS = {"API_KEYS": "", "SPOOL_DIR": ""}
    found = of(examination.settings)
    assert [finding.level for finding in found] == [Level.CRITICAL, Level.WARNING, Level.WARNING]
    assert "(E003)" in found[0].text
    assert all(finding.todo for finding in found)


def test_a_check_that_the_host_silenced_is_not_told(well):
    well.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY}
    well.SILENCED_SYSTEM_CHECKS = ["stockhub_webhooks.W004"]
    assert worst(of(examination.settings)) == Level.OK


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"CONN_MAX_AGE": 0}, "a connection of its own"),
        ({"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}, "kept for 60 s. They are looked at before use."),
        ({"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}, "Connections are kept."),
        ({"OPTIONS": {"pool": True}}, "are pooled"),
    ],
)
def test_how_connections_are_kept_is_told(changes, kept):
    assert kept in examination._kept({"OPTIONS": {}} | changes)


def test_what_the_tables_tell_is_told(monkeypatch):
    from stockhub_webhooks.operations.checks import configuration, tables

    def troubled():
        yield from configuration.not_mounted()
        yield examination.CheckMessage(40, "No transactions.", hint="InnoDB", id="stockhub_webhooks.E018")

    monkeypatch.setattr(tables, "CHECKS", (troubled,))
    assert of(examination.database)[1:] == [(Level.CRITICAL, "No transactions. (E018)", "InnoDB")]


def test_what_is_silenced_of_the_tables_is_not_told(monkeypatch, settings):
    from stockhub_webhooks.operations.checks import tables

    settings.SILENCED_SYSTEM_CHECKS = ["stockhub_webhooks.E018"]
    message = examination.CheckMessage(20, "No transactions.", id="stockhub_webhooks.E018")
    monkeypatch.setattr(tables, "CHECKS", (lambda: [message],))
    assert len(of(examination.database)) == 1
    assert examination._as_finding(message) == (Level.OK, "No transactions. (E018)", "")


def test_a_migration_that_is_not_applied_is_told(well):
    assert said(of(examination.migrations)) == "All migrations are applied."
    MigrationRecorder.Migration.objects.filter(app="stockhub_webhooks").delete()
    (found,) = of(examination.migrations)
    assert "stockhub_webhooks.0001_initial" in found.text
    assert (found.level, found.todo) == (Level.CRITICAL, "python manage.py migrate")


def test_a_database_that_is_away_is_told_and_the_rest_is_looked_at(well, monkeypatch):
    def away(*arguments):
        raise DatabaseError("secret host")

    monkeypatch.setattr(examination, "collect_report", lambda: Report(datetime.now(timezone.utc), database="x"))
    monkeypatch.setattr(connections["default"], "ensure_connection", away)
    monkeypatch.setattr(examination, "MigrationExecutor", away)
    found = {section.title: section.findings for section in examine(applies_in_request=True)}
    assert "does not answer (DatabaseError)" in said(found["Database"])
    assert "does not answer" in said(found["Tables"])
    assert (found["Messages"], said(found["Who does the work"])) == ([], "The runner is inline.")
    assert "was removed" in said(found["Spool"])
    assert "secret" not in str(found)


def test_a_subject_that_fails_is_a_finding_and_tells_no_secret(monkeypatch, well):
    def fails(_):
        raise RuntimeError("a secret")

    monkeypatch.setattr(examination, "SUBJECTS", (("Spool", fails),))
    (section,) = examine(applies_in_request=True)
    assert "could not be looked at: RuntimeError" in section.findings[0].text
    assert "a secret" not in str(section)


# ---------------------------------------------------------------- receivers and the runner


def test_without_a_receiver_the_shop_hears_nothing(monkeypatch):
    monkeypatch.setattr(signals, "BY_NAME", {"event_recorded": signals.EventSignal()})
    (found,) = of(examination.receivers)
    assert (found.level, "stockhub_receivers.py" in found.todo) == (Level.WARNING, True)


def test_what_nobody_hears_is_told(hear):
    hear(signals.order_created, uid="shop.orders")
    hear(signals.order_created, uid="shop.mails")
    text = said(of(examination.receivers))
    assert "order_created: shop.mails, shop.orders" in text
    assert "Heard by nobody:" in text
    assert "rma.created" in text
    assert "order.created" not in text
    hear(signals.event_recorded, uid="shop.every")
    assert "Heard by nobody" not in said(of(examination.receivers))


def test_where_every_event_is_heard_nothing_is_missed(hear):
    for signal in signals.BY_EVENT_TYPE.values():
        hear(signal)
    assert "Heard by nobody" not in said(of(examination.receivers))


@pytest.mark.parametrize(("runner", "level"), [("inline", Level.WARNING), ("worker", Level.CRITICAL)])
def test_a_worker_that_is_missed_is_told_with_the_line_to_write(settings, runner, level):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "RUNNER": runner}
    found = of(examination.runner)
    assert (worst(found), f"The runner is {runner}" in said(found)) == (level, True)
    assert "stockhub_worker --once" in found[-1].todo


# ---------------------------------------------------------------- the spool


def test_a_file_is_really_written_and_nothing_is_left(well):
    folder = spool.directory()
    assert worst(of(examination.spool_directory)) == Level.OK
    assert list(folder.iterdir()) == []


def test_a_directory_that_is_not_there_yet_is_not_made(well):
    folder = spool.directory()
    folder.rmdir()
    found = of(examination.spool_directory)
    assert f"written to {folder.parent}" in found[0].text
    assert "made for the first message" in found[1].text
    assert not folder.exists()


def test_a_directory_that_takes_nothing_is_a_problem(well, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.os, "fsync", full)
    (found,) = of(examination.spool_directory)
    assert (found.level, "took no file (OSError)" in found.text) == (Level.CRITICAL, True)
    assert list(spool.directory().iterdir()) == []


def test_without_a_directory_there_is_none_to_try(well):
    well.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY}
    assert worst(of(examination.spool_directory)) == Level.OK
    with pytest.raises(FileNotFoundError):
        spool.probe()


def test_who_runs_it_as_another_user_is_told(well, monkeypatch):
    monkeypatch.setattr(examination.os, "geteuid", lambda: 4711)
    found = of(examination.spool_directory)
    assert worst(found) == Level.WARNING
    assert "as the user that the server runs as" in found[-1].todo


# ---------------------------------------------------------------- messages


def test_what_came_in_last_and_what_lies_about_is_told(well, post):
    assert "None came in yet" in said(of(examination.messages))
    post("order")
    post("rma", b"{")
    (spool.directory() / "00000000-0000-0000-0000-000000000000.json").write_text("{}")
    found = of(examination.messages)
    assert "order " in found[0].text
    assert "return " in found[0].text
    assert "1 message needs a look." in said(found)
    assert "/admin/stockhub_webhooks/message/" in " ".join(finding.todo for finding in found)
    assert "1 file waits" in said(found)
    assert Message.objects.count() == 2


def test_what_has_no_page_is_seen_in_stockhub_status(settings):
    settings.ROOT_URLCONF = "tests.host.no_addresses"
    finding = Problem("spool", Level.CRITICAL, "A file is broken.")
    assert examination._see(finding) == "A file is broken. See python manage.py stockhub_status"


def test_what_to_do_begins_with_what_loses_messages_and_says_each_thing_once():
    sections = [
        findings.Section("one", [findings.fine("x"), findings.warning("a", "later"), findings.problem("b", "second?")]),
        findings.Section("two", [findings.problem("c", "third"), findings.problem("d", "second?")]),
    ]
    assert findings.todos(sections) == ["second?", "third", "later"]
    assert findings.worst([]) == Level.OK
