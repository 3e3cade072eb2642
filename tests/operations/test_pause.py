"""Pause and resume a receiver, and see it wherever a waiting task is shown."""

import json
from datetime import datetime, timedelta, timezone
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils.timezone import now

from stockhub_webhooks import signals
from stockhub_webhooks.delivery import breaker
from stockhub_webhooks.models import Lock, ReceiverCall, ReceiverState
from stockhub_webhooks.operations.health import alarm
from stockhub_webhooks.operations.health.collect import collect_report
from stockhub_webhooks.operations.health.rules import as_json, find_problems
from stockhub_webhooks.testing.factories import ReceiverCallFactory

pytestmark = pytest.mark.django_db(databases="__all__")
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
UID = "test.erp"
RECEIVERS = "admin:stockhub_webhooks_receivercall_receivers"


@pytest.fixture
def call(hear):
    """A call that is due since long ago, of a connected receiver."""
    hear(signals.order_created, uid=UID)
    return ReceiverCallFactory(receiver=UID, due_at=PAST)


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def codes():
    return {problem.code for problem in find_problems(collect_report())}


def open_breaker():
    ReceiverState.objects.create(receiver=UID, opened_at=now(), cause="ConnectionError", probe_at=now())
    breaker.clear_cache()


@pytest.mark.parametrize(
    ("until", "expected"),
    [("2h", timedelta(hours=2)), ("30m", timedelta(minutes=30)), ("3d", timedelta(days=3))],
)
def test_command_pauses_for_a_duration(call, until, expected):
    run("stockhub_pause", UID, "--until", until, "--reason", "moves")
    state = ReceiverState.objects.get()
    assert abs(state.paused_until - now() - expected) < timedelta(minutes=1)
    assert state.pause_reason == "moves"


def test_command_pauses_until_a_time_and_without_an_end(call):
    run("stockhub_pause", UID, "--until", "2099-12-01 08:00")
    assert ReceiverState.objects.get().paused_until.year == 2099
    run("stockhub_pause", UID)
    assert ReceiverState.objects.get().paused_until is None


@pytest.mark.parametrize("until", ["2020-01-01", "soon", "0m", "99999x"])
def test_command_refuses_an_end_that_is_none(call, until):
    with pytest.raises(CommandError):
        run("stockhub_pause", UID, "--until", until)
    assert not ReceiverState.objects.exists()


@pytest.mark.parametrize("command", ["stockhub_pause", "stockhub_resume"])
def test_unknown_receiver_is_an_error_that_lists_the_known_ones(call, command):
    with pytest.raises(CommandError, match=UID):
        run(command, "test.epr")


def test_command_resumes(call):
    breaker.pause(UID)
    run("stockhub_resume", UID)
    assert not breaker.blocked_receivers()
    assert "neither" in run("stockhub_resume", UID)


def test_paused_receiver_is_a_warning_and_no_backlog(call):
    assert codes() == {"no_worker"}
    breaker.pause(UID)
    assert codes() == {"paused"}
    assert as_json(collect_report())["blocked_receivers"][0]["waiting"] == 1
    assert json.dumps(as_json(collect_report()))


def test_receiver_that_is_away_is_one_alarm_by_mail(call, settings):
    settings.ADMINS = [("Shop", "shop@example.com")]
    open_breaker()
    for _ in range(3):
        Lock.objects.all().delete()
        alarm.check()
    assert codes() == {"breaker"}
    assert len(mail.outbox) == 1
    assert UID in mail.outbox[0].body


@pytest.mark.parametrize("block", [lambda: breaker.pause(UID), open_breaker], ids=["paused", "away"])
def test_waiting_task_says_so_in_the_list_on_its_page_and_in_the_story(call, staff, block):
    pages = [
        reverse("admin:stockhub_webhooks_receivercall_changelist"),
        reverse("admin:stockhub_webhooks_receivercall_change", args=[call.pk]),
        reverse("admin:stockhub_webhooks_order_story", args=[call.order_id]),
    ]
    word = "receiver paused" if block is not open_breaker else "service away"
    for page in pages:
        assert word not in staff.get(page, follow=True).text
    block()
    for page in pages:
        assert word in staff.get(page, follow=True).text, page
    assert UID in run_status()


def run_status():
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("stockhub_status", stdout=out)
    return out.getvalue()


def test_buttons_pause_and_resume_with_a_reason_in_the_log(call, staff):
    pause, resume = reverse(f"{RECEIVERS}_pause"), reverse(f"{RECEIVERS}_resume")
    assert "Pause" in staff.get(reverse(RECEIVERS)).text
    staff.post(pause, {"receiver": UID})
    assert not ReceiverState.objects.exists()  # it asks for a reason first
    staff.post(pause, {"receiver": UID, "reason": "moves to another server", "until": ""})
    assert ReceiverState.objects.get().paused_by == "office"
    page = staff.get(reverse(RECEIVERS)).text
    assert "moves to another server" in page
    staff.post(resume, {"receiver": UID})
    assert not breaker.blocked_receivers()
    assert LogEntry.objects.count() == 2


def test_button_refuses_an_unknown_receiver_and_an_end_that_is_over(call, staff):
    pause = reverse(f"{RECEIVERS}_pause")
    staff.post(pause, {"receiver": "test.epr", "reason": "x"})
    staff.post(pause, {"receiver": UID, "reason": "x", "until": "2020-01-01T08:00"})
    assert not ReceiverState.objects.exists()


def test_try_again_makes_a_task_of_a_paused_receiver_due_and_says_that_it_waits(call, staff):
    breaker.pause(UID)
    ReceiverCall.objects.update(due_at=now() + timedelta(hours=1))
    url = reverse("admin:stockhub_webhooks_receivercall_changelist")
    asked = staff.post(url, {"action": "try_again", "_selected_action": [call.pk]})
    page = staff.get(asked.url).text  # before it begins
    staff.post(asked.url, {"reason": ""})
    call.refresh_from_db()
    assert (call.status, call.due_at <= now()) == ("pending", True)
    assert "paused or away" in page
