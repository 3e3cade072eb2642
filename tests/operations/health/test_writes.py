"""Health tries a write to the database and to the spool directory, and looks for the messages that were answered."""

import uuid
from datetime import datetime, timezone

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import override_settings

from stockhub_webhooks.models import Lock, Message
from stockhub_webhooks.operations.doctor.examination import examine
from stockhub_webhooks.operations.health import write_probe
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.problems import Level
from stockhub_webhooks.operations.health.rules import find_problems
from stockhub_webhooks.receiving.recent import MAX_MESSAGES, RECENT, RecentMessages
from stockhub_webhooks.testing.factories import ReceiverCallFactory
from tests.conftest import KEY, PREFIX

PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)


def problems():
    return {(problem.code, problem.level) for problem in find_problems(collect_report())}


@pytest.fixture
def read_only(transactional_db, post):
    """Make this connection read-only, as one to a standby is, until the end of the test."""
    post("order")
    on, off = {
        "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
        "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(on)
    yield
    with connection.cursor() as cursor:
        cursor.execute(off)


@pytest.fixture
def lapsed_call(transactional_db):
    """A call that runs, or whose process died."""
    return ReceiverCallFactory(status="running", claim=uuid.uuid4(), due_at=PAST)


def test_database_that_takes_no_writes_is_named_while_a_call_runs(lapsed_call, read_only):
    assert ("read_only", Level.CRITICAL) in problems()


def test_database_that_takes_no_writes_is_critical(read_only, client):
    assert ("read_only", Level.CRITICAL) in problems()
    report = client.get(PREFIX + "health", headers={"x-api-key": KEY}).json()
    assert report["status"] == "critical"
    assert report["write_error"]
    assert report["open_messages"]["count"] == 0
    with pytest.raises(SystemExit) as exit_:
        call_command("stockhub_status")
    assert exit_.value.code == Level.CRITICAL
    assert "read_only" in {finding.code for section in examine(applies_in_request=True) for finding in section.findings}


def test_probe_is_a_write_once_a_minute(transactional_db):
    assert write_probe.write_error() == ""
    row = Lock.objects.get(name=write_probe.LOCK_NAME)
    write_probe.write_error()
    assert Lock.objects.get(name=write_probe.LOCK_NAME).acquired_at == row.acquired_at
    Lock.objects.update(acquired_at=PAST)
    write_probe.write_error()
    assert Lock.objects.get(name=write_probe.LOCK_NAME).acquired_at > row.acquired_at


@pytest.mark.django_db
def test_spool_directory_that_takes_no_file_is_critical(tmp_path):
    (tmp_path / "file").write_text("")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": tmp_path}):
        assert ("spool", Level.CRITICAL) not in problems()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": "/proc"}):
        assert ("spool", Level.CRITICAL) in problems()


# ---------------------------------------------------------------- an older backup under a running server


@pytest.fixture
def two(transactional_db, post):
    """Store two messages; return the second one."""
    post("order")
    post("shipment")
    return Message.objects.latest("pk")


def insert(pk):
    Message.objects.create(pk=pk, url_topic="order", account="default", body=b"{}", status="dismissed")


def test_no_message_is_missed_while_all_are_there(two):
    assert not any(code == "lost_messages" for code, _ in problems())
    assert collect_report().lost_messages == 0


def test_restored_older_backup_is_noticed(two):
    Message.objects.filter(pk=two.pk).delete()
    assert ("lost_messages", Level.CRITICAL) in problems()


def test_restored_older_backup_is_noticed_after_its_keys_were_given_out_again(two):
    Message.objects.filter(pk=two.pk).delete()
    insert(two.pk)
    insert(two.pk + 1)
    assert collect_report().lost_messages == 1


def test_message_that_was_deleted_by_a_person_is_no_alarm(two):
    insert(two.pk + 1)
    Message.objects.filter(pk=two.pk).delete()
    assert collect_report().lost_messages == 0


def test_message_that_came_back_under_another_key_is_no_alarm(two):
    Message.objects.filter(pk=two.pk).delete()
    Message.objects.create(pk=two.pk + 5, uid=two.uid, url_topic="order", account="default", body=b"{}")
    insert(two.pk)
    assert collect_report().lost_messages == 0


def test_number_of_remembered_messages_is_bounded(two):
    recent = RecentMessages()
    recent.remember(Message(pk=number, account="default") for number in range(1, MAX_MESSAGES + 50))
    assert len(recent._keys) == MAX_MESSAGES


def test_test_messages_and_uncommitted_ones_are_not_remembered(two):
    recent = RecentMessages()
    recent.remember([Message(pk=1, account="test")])
    with transaction.atomic():
        recent.remember([Message(pk=1, account="default")])
    assert not recent._keys
    assert len(RECENT._keys) == 2


def test_message_of_another_tenant_is_not_lost(post, transactional_db, monkeypatch):
    monkeypatch.setattr(connections["default"], "schema_name", "alfa", raising=False)
    post("order")
    monkeypatch.setattr(connections["default"], "schema_name", "beta")
    Message.objects.all().delete()  # as in the schema of a tenant that received nothing
    assert RECENT.count_lost() == 0
    monkeypatch.setattr(connections["default"], "schema_name", "alfa")
    assert RECENT.count_lost() == 1
