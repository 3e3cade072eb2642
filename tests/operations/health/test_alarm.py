"""The alarm: once per episode, at most one mail an hour, and its errors break nothing."""

import re
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.delivery import manual
from stockhub_webhooks.models import Alarm, Heartbeat, Lock, Message, ReceiverCall, Refusal, RefusedBody
from stockhub_webhooks.operations import worker
from stockhub_webhooks.operations.health import alarm
from stockhub_webhooks.operations.health.collect import collect_report
from tests.conftest import KEY

pytestmark = pytest.mark.django_db
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)

MAILED = (
    "given_up",
    "failed",
    "quarantined",
    "refusals",
    "refused_stock_hub",
    "silence",
    "no_worker",
    "spool",
    "spool_late",
)
EACH_MAILED = pytest.mark.parametrize("fault", MAILED)


@pytest.fixture(autouse=True)
def _admins(settings):
    # Django 6.0 wants addresses alone, and 5.2 pairs
    import django

    settings.ADMINS = ["office@example.com"] if django.VERSION >= (6, 0) else [("Office", "office@example.com")]


def check_a_minute_later():
    """Check as if a minute had passed."""
    Lock.objects.filter(name="look").update(acquired_at=PAST)
    alarm.check()


def an_hour_passes():
    Lock.objects.filter(name="alert").update(acquired_at=PAST)


def end_problem(fault, post):
    """End the problem that `broken` caused."""
    Message.objects.exclude(status="applied").delete()
    ReceiverCall.objects.all().delete()
    Refusal.objects.all().delete()
    RefusedBody.objects.all().delete()
    Message.objects.update(received_at=datetime.now(timezone.utc))
    for path in [*conf.SPOOL_DIR.glob("*.broken"), *conf.SPOOL_DIR.glob("*.json")]:
        path.unlink()


@contextmanager
def alert(function):
    """Use this function as `ALERT`."""
    alert.function = function
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "ALERT": f"{__name__}.called"}):
        yield


def called(subject, text):
    alert.function(subject, text)


# ---------------------------------------------------------------- once an episode


@EACH_MAILED
def test_each_problem_is_mailed_once_per_episode(broken, fault, post):
    broken(fault)
    check_a_minute_later()
    assert len(mail.outbox) == 1
    an_hour_passes()
    check_a_minute_later()
    assert len(mail.outbox) == 1
    end_problem(fault, post)
    check_a_minute_later()
    assert not Alarm.objects.exclude(since=None, told_at=None).exists()
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": "", "SILENCE_AFTER_HOURS": 24}):
        post("order", b"a new episode of another kind")
    check_a_minute_later()
    assert len(mail.outbox) == 2


@pytest.mark.parametrize("fault", ["quarantined", "given_up"])
def test_second_episode_is_mailed_again(broken, fault, post):
    broken(fault)
    check_a_minute_later()
    Message.objects.filter(status="quarantined").delete()
    ledger_done = ReceiverCall.objects.update(status="done")
    check_a_minute_later()
    broken_again = ReceiverCall.objects.update(status="given_up")
    assert ledger_done == broken_again
    if fault == "quarantined":
        broken(fault)
    an_hour_passes()
    check_a_minute_later()
    assert len(mail.outbox) == 2


@pytest.mark.parametrize("fault", ["backlog", "gone_receivers"])
def test_problem_without_a_mail_begins_an_episode_only(broken, fault):
    broken(fault)
    check_a_minute_later()
    assert mail.outbox == []
    assert Alarm.objects.filter(name__startswith=fault, since__isnull=False).exists()


def test_check_without_problems_writes_nothing(post):
    post("order")
    check_a_minute_later()
    assert mail.outbox == []
    assert not Alarm.objects.exists()


# ---------------------------------------------------------------- at most one mail an hour


def test_two_processes_send_one_mail(broken):
    broken("quarantined")
    seen = collect_report()
    alarm.raise_alarms(seen)
    Alarm.objects.update(told_at=None)  # as another process, which read the rows before, sees them
    alarm.raise_alarms(seen)
    assert len(mail.outbox) == 1


def test_one_process_a_minute_checks(monkeypatch):
    checks = []
    monkeypatch.setattr(alarm, "collect_report", lambda **options: checks.append(1) or collect_report(**options))
    alarm.check()
    alarm.check()
    assert len(checks) == 1
    Lock.objects.update(acquired_at=PAST)
    alarm.check()
    alarm.check()
    assert len(checks) == 2


def test_clock_that_was_set_back_does_not_block_the_lock():
    """The clock of the database was a day ahead."""
    assert alarm.acquire("look", 60)
    Lock.objects.update(acquired_at=datetime.now(timezone.utc) + timedelta(days=1))
    assert [alarm.acquire("look", 60) for _ in range(2)] == [True, False]


def test_second_process_does_not_acquire_a_new_lock(monkeypatch):
    """Both processes see no row, and one inserts it first."""
    Lock.objects.create(name="alert", acquired_at=datetime.now(timezone.utc))
    monkeypatch.setattr("django.db.models.query.QuerySet.exists", lambda self: False)
    assert not alarm.acquire("alert", 3600)


def test_second_process_does_not_begin_the_same_episode():
    found = {"silence": alarm.ProblemState()}
    alarm._update_episodes(found)
    assert not alarm._begin_episode("silence", alarm.ProblemState(), is_known=False)
    assert not alarm._begin_episode("silence", alarm.ProblemState(), is_known=True)
    assert alarm._update_episodes(found) == set()
    assert alarm._update_episodes({}) == set()
    assert alarm._update_episodes(found) == {"silence"}


def test_new_problem_within_the_hour_is_mailed_after_it(broken):
    broken("quarantined")
    check_a_minute_later()
    broken("refusals")
    check_a_minute_later()
    assert len(mail.outbox) == 1
    an_hour_passes()
    check_a_minute_later()
    assert len(mail.outbox) == 2
    assert "/admin/stockhub_webhooks/refusal/" in mail.outbox[1].body
    an_hour_passes()
    check_a_minute_later()
    assert len(mail.outbox) == 2


def test_problem_that_ended_within_the_hour_is_not_mailed(broken, post):
    broken("quarantined")
    check_a_minute_later()
    broken("refusals")
    check_a_minute_later()
    post("order")
    an_hour_passes()
    check_a_minute_later()
    assert len(mail.outbox) == 1


# ---------------------------------------------------------------- a disk that another process does not see


@pytest.fixture
def worker_elsewhere(tmp_path):
    """Return a function that checks as a worker in another container, whose spool directory is empty."""

    def check():
        seen, alarm._seen_here = alarm._seen_here, set()
        try:
            with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": tmp_path / "empty"}):
                check_a_minute_later()
        finally:
            alarm._seen_here = seen

    return check


@pytest.mark.parametrize("fault", ["spool", "spool_late"])
def test_file_is_mailed_by_the_process_that_sees_it_although_a_worker_looks(broken, worker_elsewhere, fault, post):
    alarm._seen_here.clear()
    broken(fault)
    worker_elsewhere()
    assert not mail.outbox
    for _ in range(3):
        alarm.check()
        worker_elsewhere()
        an_hour_passes()
    assert len(mail.outbox) == 1
    end_problem(fault, post)
    alarm.check()
    assert not Alarm.objects.filter(name=fault, since__isnull=False)


def test_episode_of_a_container_that_is_gone_ends(broken, worker_elsewhere):
    broken("spool_late")
    alarm.check()
    worker_elsewhere()
    assert Alarm.objects.filter(name="spool_late", since__isnull=False)
    Lock.objects.filter(name="seen spool_late").update(acquired_at=PAST)
    worker_elsewhere()
    assert not Alarm.objects.filter(name="spool_late", since__isnull=False)


def test_look_at_the_own_spool_ends_no_other_episode(broken, worker_elsewhere):
    broken("quarantined")
    worker_elsewhere()
    broken("spool_late")
    alarm.check()
    assert set(Alarm.objects.exclude(since=None).values_list("name", flat=True)) == {"quarantined", "spool_late"}


# ---------------------------------------------------------------- the mail


@EACH_MAILED
def test_mail_has_numbers_and_links_and_no_personal_data(broken, fault):
    broken(fault)
    check_a_minute_later()
    (sent,) = mail.outbox
    assert re.search(r"\b1\b", sent.subject)
    text = sent.body.lower()
    for word in ("testman", "teststraat", "example", "127.0.0.1", "mistyped", "wrong", KEY, "000000"):
        assert word not in text
    assert any(letter.isdigit() for letter in text)
    assert "/admin/stockhub_webhooks/" in text or fault in ("no_worker", "spool", "spool_late")


def test_mail_is_in_the_language_of_the_host(broken, settings):
    settings.LANGUAGE_CODE = "nl"
    broken("quarantined")
    check_a_minute_later()
    assert "nakijken" in mail.outbox[0].body


def test_mail_of_a_host_without_an_admin_has_no_links(broken, monkeypatch):
    def none(*args, **kwargs):
        raise NoReverseMatch

    monkeypatch.setattr("stockhub_webhooks.operations.health.problems.reverse", none)
    broken("quarantined")
    check_a_minute_later()
    assert "admin" not in mail.outbox[0].body


def test_alert_can_be_any_function(broken):
    broken("quarantined")
    calls = []
    with alert(lambda subject, text: calls.append((subject, text))):
        check_a_minute_later()
    assert len(calls) == 1
    assert mail.outbox == []


def test_failing_alert_breaks_nothing_and_is_called_again_in_an_hour(broken, caplog):
    broken("quarantined")
    tries = []

    def fail(subject, text):
        tries.append(text)
        raise OSError("Testman's mail server")

    with alert(fail):
        check_a_minute_later()
        check_a_minute_later()
        assert len(tries) == 1
        an_hour_passes()
        check_a_minute_later()
    assert len(tries) == 2
    assert "OSError" in caplog.text
    assert "Testman" not in caplog.text
    an_hour_passes()
    check_a_minute_later()
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("path", ["", "shop.nowhere"])
def test_missing_alert_function_breaks_nothing(broken, path):
    broken("quarantined")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "ALERT": path}):
        check_a_minute_later()
    assert mail.outbox == []
    assert Alarm.objects.filter(name="quarantined", told_at=None).exists()


# ---------------------------------------------------------------- signals


@pytest.fixture
def listen():
    """Return a function that records the calls of a signal, with a receiver that then fails."""
    connected = []

    def connect(signal):
        calls = []

        def receiver(sender, **arguments):
            calls.append(arguments)
            raise ValueError("the shop's own")

        signal.connect(receiver, weak=False)
        connected.append((signal, receiver))
        return calls

    yield connect
    for signal, receiver in connected:
        signal.disconnect(receiver)


def test_silence_detected_is_sent_once_per_episode(broken, listen, post):
    calls = listen(signals.silence_detected)
    broken("silence")
    check_a_minute_later()
    check_a_minute_later()
    (arguments,) = calls
    assert arguments["last_received_at"] == Message.objects.get().received_at
    assert arguments["open_hours"] == pytest.approx(30, abs=1.1)
    post("order")
    check_a_minute_later()
    Message.objects.update(received_at=datetime.now(timezone.utc) - timedelta(hours=26))
    check_a_minute_later()
    assert len(calls) == 2


@pytest.mark.parametrize("fault", ["backlog", "no_worker"])
def test_backlog_detected_is_sent_once_per_episode(broken, fault, listen):
    calls = listen(signals.backlog_detected)
    broken(fault)
    check_a_minute_later()
    check_a_minute_later()
    (arguments,) = calls
    assert (arguments["count"], arguments["oldest_due_at"]) == (1, Message.objects.get().due_at)


# ---------------------------------------------------------------- which process checks, and when


def test_worker_checks_health_with_once(broken):
    broken("quarantined")
    call_command("stockhub_worker", "--once")
    assert len(mail.outbox) == 1


def test_worker_checks_health_once_a_minute(monkeypatch):
    checks = []
    monkeypatch.setattr(alarm, "check", lambda: checks.append(1))
    loop = worker.Worker()
    loop.once()
    loop.once()
    assert len(checks) == 1
    loop._next_check = 0.0
    loop.once()
    assert len(checks) == 2


def test_worker_with_much_work_writes_heartbeats(monkeypatch):
    slices = []

    def drain(until, stop):
        slices.append(until)
        return 1

    monkeypatch.setattr(worker, "drain", drain)
    monkeypatch.setattr(worker.Worker, "HEARTBEAT_SECONDS", 0.0)
    beats = []
    monkeypatch.setattr(worker.Worker, "beat", lambda self: beats.append(1) or (len(beats) == 3 and self.stop.set()))
    assert worker.Worker().once() == 3
    assert len(slices) == 3


def test_request_checks_health_but_not_in_the_first_minute(broken, post):
    broken("quarantined")
    assert mail.outbox == []
    alarm.check_throttle.reset()  # a minute later
    post("order")
    assert len(mail.outbox) == 1
    with CaptureQueriesContext(connection) as captured:
        post("order")
    assert not any("alarm" in query["sql"] or "_turn" in query["sql"] for query in captured.captured_queries)


def test_refused_request_checks_health(post):
    post("order", key="mistyped")
    alarm.check_throttle.reset()
    post("order", key="mistyped")
    assert "/admin/stockhub_webhooks/refusedbody/" in mail.outbox[0].body


def test_request_checks_health_with_the_worker_runner(broken, post):
    broken("no_worker")
    alarm.check_throttle.reset()
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("shipment")
    assert "stockhub_worker" in mail.outbox[0].body


def test_answer_is_sent_before_the_check(broken, client, monkeypatch):
    from stockhub_webhooks import views

    broken("quarantined")
    alarm.check_throttle.reset()
    before = []
    real = views.WebhookResponse.close
    monkeypatch.setattr(views.WebhookResponse, "close", lambda self: (before.append(len(mail.outbox)), real(self)))
    client.post("/api/v1/stockhub/order", b"{}", content_type="application/json", headers={"x-api-key": KEY})
    assert (before, len(mail.outbox)) == ([0], 1)


def test_failing_check_breaks_nothing(monkeypatch, caplog):
    def fail(**options):
        raise ZeroDivisionError("Testman")

    monkeypatch.setattr(alarm, "collect_report", fail)
    alarm.check()
    assert "ZeroDivisionError" in caplog.text
    assert "Testman" not in caplog.text


def test_episodes_stay_while_the_database_is_unavailable(monkeypatch):
    def gone():
        raise OperationalError("gone")

    Alarm.objects.create(name="silence", since=PAST, told_at=PAST)
    monkeypatch.setattr("stockhub_webhooks.operations.health.collect._messages", gone)
    alarm.check()
    assert Alarm.objects.get().since == PAST
    assert mail.outbox == []


def test_heartbeat_ends_the_no_worker_episode(broken):
    broken("no_worker")
    check_a_minute_later()
    Heartbeat.objects.create(name="worker", beat_at=datetime.now(timezone.utc))
    check_a_minute_later()
    assert set(Alarm.objects.exclude(since=None).values_list("name", flat=True)) == {"backlog"}


def test_retried_call_ends_the_given_up_episode(broken):
    broken("given_up")
    check_a_minute_later()
    assert Alarm.objects.exclude(since=None).exists()
    manual.requeue(list(ReceiverCall.objects.values_list("pk", flat=True)))
    check_a_minute_later()
    assert not Alarm.objects.exclude(since=None).exists()
