"""Replays: stored messages are applied again, and past events delivered to receivers that were added later."""

import json
import threading
import uuid
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection
from django.db.models import QuerySet
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.db.connections import from_now
from stockhub_webhooks.delivery import claimed_calls, manual
from stockhub_webhooks.delivery.calls import call_receiver
from stockhub_webhooks.exceptions import WORKER_DIED
from stockhub_webhooks.models import Event, Message, Order, ReceiverCall, Replay, Shipment
from stockhub_webhooks.operations import replay, worker
from stockhub_webhooks.operations.replay import MessageChoice, run
from stockhub_webhooks.operations.work_requests import ClaimLost
from stockhub_webhooks.operations.work_requests import claim_due as claim_due_request
from stockhub_webhooks.processing import pipeline
from tests.claims import claim_due, lose_answer
from tests.conftest import KEY
from tests.samples import contract, sample

pytestmark = pytest.mark.django_db(transaction=True)
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
ALL = MessageChoice(since=PAST)
FOREVER = float("inf")


def ask(choice=ALL, **options):
    return replay.begin(choice, **{"who": "office", "reason": "to see", **options})


def finished():
    worker.drain()
    return Replay.objects.latest("pk")


def tables():
    """Return all rows of all tables of this app."""
    found = {}
    with connection.cursor() as cursor:
        for name in sorted(connection.introspection.table_names()):
            if name.startswith("stockhub_webhooks_"):
                cursor.execute(f"SELECT * FROM {name}")
                found[name] = sorted(map(str, cursor.fetchall()))
    return found


@pytest.fixture
def unreadable(post, monkeypatch):
    """Store a new shipment and two changes of it that could not be read when they came in."""
    bodies = [
        sample("shipment", status=status, updated_at=f"2024-04-1{day} 10:00:00")
        for day, status in enumerate(("READY_FOR_PICKUP", "IN_TRANSIT", "DELIVERED"), start=5)
    ]
    with monkeypatch.context() as broken:
        broken.setattr("stockhub_webhooks.processing.pipeline.serializers.read", lambda *args: 1 / 0)
        for body in bodies:
            post("shipment", body)
    Message.objects.update(status="failed", due_at=None)
    return bodies


# ---------------------------------------------------------------- going through them


def test_replay_applies_a_message_that_can_be_read_now(unreadable, hear):
    calls = hear(signals.shipment_created)
    ask()
    done = finished()
    assert (done.status, done.total, done.done, done.changed, done.failed) == ("done", 3, 3, 3, 0)
    assert done.finished_at
    assert done.percent == 100
    assert Shipment.objects.get().status == "DELIVERED"
    assert [event["event"].is_replay for event in calls] == [False]  # the event was not delivered before


def test_replay_of_an_applied_message_changes_nothing(post):
    post("order")
    ask()
    done = finished()
    assert (done.changed, done.unchanged) == (0, 1)
    message = Message.objects.get()
    assert (message.is_replay, message.status, message.outcome, message.due_at) == (True, "applied", "unchanged", None)


def test_events_of_a_replay_are_marked_as_replay(post, hear):
    post("order")
    Order.objects.update(status="holded")
    calls = hear(signals.order_status_changed)
    ask()
    assert finished().changed == 1
    assert calls[0]["event"].is_replay
    assert Order.objects.get().status == contract("order")["status"]


def test_older_message_never_overwrites_a_newer_one(post):
    post("shipment", sample("shipment", status="IN_TRANSIT", updated_at="2024-04-15 10:00:00"))
    first = Message.objects.get()
    post("shipment", sample("shipment", status="DELIVERED", updated_at="2024-04-16 10:00:00"))
    ask(MessageChoice(ids=(first.pk,)))
    finished()
    first.refresh_from_db()
    assert (first.outcome, Shipment.objects.get().status) == ("stale", "DELIVERED")


def test_messages_are_replayed_in_order_of_receipt(post):
    for number in ("1", "2", "3"):
        post("order", sample("order", increment_id=number))
    Message.objects.filter(increment_id="3").update(received_at=PAST)
    asked = ask(claimed=True)
    taken = []
    for _step in replay.steps(asked):
        taken.append(Message.objects.get(pk=Replay.objects.get().reached_message).increment_id)
    assert taken == ["3", "1", "2"]


def test_failing_message_changes_neither_itself_nor_others(post, monkeypatch):
    for number in ("1", "2"):
        post("order", sample("order", increment_id=number))
    original = pipeline.apply

    def broken(reading, message):
        if reading.increment_id == "1":
            raise ValueError("a bug of ours")
        return original(reading, message)

    monkeypatch.setattr(pipeline, "apply", broken)
    ask()
    done = finished()
    assert (done.status, done.failed, done.unchanged) == ("done", 1, 1)
    assert "a bug of ours" in done.last_error
    assert list(Message.objects.order_by("pk").values_list("status", "is_replay")) == [
        ("applied", False),
        ("applied", True),
    ]


def test_message_that_still_cannot_be_read_is_counted_as_failed(post):
    post("order", b"{oops")
    ask()
    done = finished()
    assert (done.failed, done.last_error[:8]) == (1, "not_json")
    assert Message.objects.get().status == "quarantined"


def test_open_message_is_only_requeued(post):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order")
    Message.objects.update(due_at=from_now(3600))
    ask()
    done = finished()
    assert (done.postponed, Message.objects.get().outcome) == (1, "created")


def test_later_messages_are_not_part_of_a_replay(post):
    post("order")
    ask()
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order", sample("order", increment_id="2"))
    assert finished().done == 1


def test_message_removed_meanwhile_is_skipped(post, monkeypatch):
    post("order")
    asked = ask(claimed=True)
    gone = Message.objects.all()
    left = run._remaining(asked).values_list("pk", flat=True)[:50]
    assert list(left)
    gone.delete()
    assert list(replay.steps(asked)) == []
    assert Replay.objects.get().status == "done"


# ---------------------------------------------------------------- which


@pytest.fixture
def chosen(post):
    def numbers(**wanted):
        return [(message.topic, message.increment_id) for message in MessageChoice(**wanted).messages()]

    post("order", sample("order", increment_id="7", po_number="OURS"))
    post("shipment", sample("shipment", increment_id="7", order_increment_id="7"))
    post("order", sample("order", increment_id="8", po_number="OTHER"))
    Message.objects.filter(topic="shipment").update(received_at=PAST)
    return numbers


def test_choice_selects_messages_by_all_its_conditions(chosen):
    assert len(chosen()) == 3
    assert chosen(since=PAST + timedelta(days=1), topic="order") == [("order", "7"), ("order", "8")]
    assert chosen(until=PAST + timedelta(days=1)) == [("shipment", "7")]
    assert chosen(order="OURS") == chosen(order="7") == [("shipment", "7"), ("order", "7")]
    assert chosen(order="no such") == []
    assert chosen(status="failed") == []
    assert chosen(ids=(Message.objects.get(increment_id="8").pk,)) == [("order", "8")]


def test_choice_is_the_same_after_json():
    choice = MessageChoice(PAST, PAST + timedelta(days=1), "order", "7", "failed", (1, 2))
    assert MessageChoice.from_json(json.loads(json.dumps(choice.as_json()))) == choice
    assert MessageChoice.from_json({}) == MessageChoice()
    assert MessageChoice().is_open
    assert not choice.is_open


def test_times_are_parsed_as_people_write_them():
    since, until = replay.since_and_until("2024-01-31", "2024-01-31")
    assert until - since == timedelta(days=1)
    assert since.isoformat().startswith("2024-01-31T00:00:00")
    assert replay.since_and_until("", "2024-01-31T09:00Z")[1] == datetime(2024, 1, 31, 9, tzinfo=timezone.utc)
    for wrong in (("soon", ""), ("2024-02-31", ""), ("2024-01-02", "2024-01-01"), ("", "9999-12-31")):
        with pytest.raises(ValueError):
            replay.since_and_until(*wrong)


# ---------------------------------------------------------------- the preview


def test_preview_stores_nothing_and_calls_no_receiver(unreadable, post, hear):
    heard = [hear(signals.event_recorded), hear(signals.shipment_created)]
    post("order", b"{oops")
    before = tables()
    foreseen = replay.preview_messages(ALL, {"test.event_recorded.0"})
    assert tables() == before
    assert heard == [[], []]
    assert [step.counted for _, step in foreseen.steps] == ["changed", "changed", "changed", "failed"]


def test_preview_equals_the_result_of_the_replay(unreadable, post, hear):
    hear(signals.event_recorded, uid="shop.all")
    hear(signals.shipment_delivered, uid="shop.delivered")
    post("rma")
    post("invoice", b"[]")
    foreseen = replay.preview_messages(ALL)
    recorded = Event.objects.latest("pk").pk
    asked = ask(claimed=True)
    then = list(replay.steps(asked))
    assert [(s.counted, s.outcome, [(e.type, e.changes) for e in s.events]) for _, s in foreseen.steps] == [
        (s.counted, s.outcome, [(e.type, e.changes) for e in s.events]) for s in then
    ]
    assert [m.pk for m, _ in foreseen.steps] == list(ALL.messages().values_list("pk", flat=True))
    owed = ReceiverCall.objects.filter(event__pk__gt=recorded)
    assert sum(foreseen.receivers.values()) == owed.count() > 0
    assert set(foreseen.receivers) == {"shop.all", "shop.delivered"}


def test_preview_shows_open_messages_and_errors(post, monkeypatch):
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order")
    (step,) = [step for _, step in replay.preview_messages(ALL).steps]
    assert step.counted == "postponed"
    worker.drain()
    monkeypatch.setattr(pipeline, "apply", lambda *args: 1 / 0)
    (step,) = [step for _, step in replay.preview_messages(ALL).steps]
    assert (step.counted, "ZeroDivisionError" in step.error) == ("failed", True)


def test_preview_is_limited_and_says_so(post, monkeypatch):
    for number in ("1", "2", "3"):
        post("order", sample("order", increment_id=number))
    monkeypatch.setattr("stockhub_webhooks.operations.replay.preview.COUNTED_UP_TO", 2)
    foreseen = replay.preview_messages(ALL, limit=1)
    assert (len(foreseen.steps), foreseen.total, foreseen.is_counted) == (1, 2, False)


def test_preview_is_retried_after_a_deadlock(post, monkeypatch):
    post("order")
    faults = [OperationalError("deadlock")] * 2
    original = pipeline.apply

    def sometimes(*args):
        if faults:
            raise faults.pop()
        return original(*args)

    monkeypatch.setattr(pipeline, "apply", sometimes)
    assert [step.counted for _, step in replay.preview_messages(ALL).steps] == ["unchanged"]
    faults.extend([OperationalError("deadlock")] * 3)
    with pytest.raises(OperationalError):
        replay.preview_messages(ALL)


# ---------------------------------------------------------------- offering


def test_new_receiver_is_called_once_for_past_events_as_replay(post, hear):
    post("order")
    post("shipment")
    calls = hear(signals.shipment_created, uid="shop.new")
    ask(receivers=["shop.new"])
    done = finished()
    assert (done.owed, len(calls)) == (1, 1)
    assert calls[0]["event"].is_replay
    assert ReceiverCall.objects.get().is_replay
    ask(receivers=["shop.new"], applies=False)
    assert (finished().owed, len(calls)) == (0, 1)


def test_replay_for_receivers_only_applies_nothing(post, hear):
    post("order")
    calls = hear(signals.order_created, uid="shop.new")
    assert replay.preview_messages(ALL, {"shop.new"}, applies=False).receivers == {"shop.new": 1}
    ask(receivers=["shop.new"], applies=False)
    done = finished()
    assert (len(calls), done.changed, done.unchanged) == (1, 1, 0)
    assert not Message.objects.get().is_replay


def test_past_events_are_delivered_before_later_ones(post, hear):
    post("order")  # there is no receiver yet
    hear(signals.event_recorded, uid="shop.all")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order", sample("order", status="closed", updated_at="2030-01-01T00:00:00+00:00"))
        pipeline.process(next(claim_due()))
    offered = manual.backfill(list(Event.objects.filter(type="order.created")), {"shop.all"})
    assert [call.event.type for call in offered] == ["order.created"]
    told = []
    while calls := list(claimed_calls.claim_due()):
        assert len(calls) == 1  # one at a time for this order
        call_receiver(calls[0])
        told.append(calls[0].event_id)
    types = [Event.objects.get(pk=pk).type for pk in told]
    assert types == ["order.created", "order.status_changed", "order.updated", "purchase.changed"]
    assert told == sorted(told)


def test_added_call_waits_for_the_running_call_of_its_order(post, hear):
    post("order")
    hear(signals.event_recorded, uid="shop.all")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        post("order", sample("order", status="closed", updated_at="2030-01-01T00:00:00+00:00"))
        pipeline.process(next(claim_due()))
    (running,) = claimed_calls.claim_due()
    manual.backfill(list(Event.objects.filter(type="order.created")), {"shop.all"})
    assert list(claimed_calls.claim_due()) == []
    ReceiverCall.objects.filter(pk=running.pk).update(due_at=PAST)  # its process was killed
    (taken_over,) = claimed_calls.claim_due()
    assert taken_over.pk == running.pk
    call_receiver(taken_over)
    assert [call.event.type for call in claimed_calls.claim_due()] == ["order.created"]


def test_two_concurrent_replays_add_each_call_once(post, hear, monkeypatch):
    post("order")
    hear(signals.order_created, uid="shop.new")
    events = list(Event.objects.all())
    original = ReceiverCall.objects.using

    manual.backfill(events, {"shop.new"})
    first = ReceiverCall.objects.get()
    monkeypatch.setattr(
        type(ReceiverCall.objects.all()), "values_list", lambda self, *names, **options: [], raising=True
    )
    manual.backfill(events, {"shop.new"})  # it did not see the other's
    monkeypatch.undo()
    assert ReceiverCall.objects.get() == first
    assert original


def test_replay_without_receivers_adds_no_calls(post):
    post("order")
    assert manual.backfill(list(Event.objects.all()), {"gone"}) == []


def test_tasks_of_a_removed_receiver_are_reassigned(post, hear, monkeypatch):
    hear(signals.order_created, uid="shop.new")
    for number in ("1", "2", "3", "4"):
        post("order", sample("order", increment_id=number))
    ReceiverCall.objects.update(receiver="shop.old", status="pending", due_at=PAST)
    states = ["given_up", "running", "done"]
    for call, status in zip(ReceiverCall.objects.order_by("pk"), states, strict=False):
        ReceiverCall.objects.filter(pk=call.pk).update(status=status, due_at=PAST if status == "running" else None)
    last = ReceiverCall.objects.latest("pk")  # this one knows of it already
    ReceiverCall.objects.create(event=last.event, signal=last.signal, receiver="shop.new", status="done")
    monkeypatch.setattr(manual, "REASSIGNED_AT_ONCE", 1)
    assert manual.reassign("order_created", "shop.old", "shop.new") == 2
    moved = ReceiverCall.objects.filter(receiver="shop.new", is_replay=True)
    assert {call.status for call in moved} == {"pending"}
    assert ReceiverCall.objects.filter(receiver="shop.old").count() == 2
    for former, receiver in (("shop.new", "shop.new"), ("shop.old", "nobody")):
        with pytest.raises(ValueError, match="is not connected"):
            manual.reassign("order_created", former, receiver)


# ---------------------------------------------------------------- workers, stopping, being killed


def many(post, count):
    for number in range(count):
        post("order", sample("order", increment_id=str(number)))


def test_replay_continues_in_batches(post, monkeypatch):
    many(post, 5)
    monkeypatch.setattr(run, "BATCH", 2)
    ask()
    assert [replay.continue_due() for _ in range(4)] == [2, 2, 1, 0]
    assert finished().status == "done"


def test_second_worker_takes_over_only_after_the_lease_lapses(post, monkeypatch):
    many(post, 3)
    ask()
    first = claim_due_request(Replay)
    going = replay.steps(first)
    next(going)
    assert replay.continue_due() == 0
    Replay.objects.update(due_at=PAST)  # the first one was killed
    assert replay.continue_due() == 2
    with pytest.raises(ClaimLost):
        next(going)
    done = Replay.objects.get()
    assert (done.status, done.done, done.unchanged) == ("done", 3, 3)


def test_process_that_lost_its_claim_commits_nothing(post):
    post("order")
    ask()
    slow = claim_due_request(Replay)
    Order.objects.update(status="holded")
    Replay.objects.update(claim=None)
    with pytest.raises(ClaimLost):
        list(replay.steps(slow))
    assert Order.objects.get().status == "holded"
    assert Message.objects.get().status == "applied"


@pytest.mark.postgresql
@pytest.mark.mariadb  # SQLite has one writer at a time
def test_two_concurrent_workers_replay_each_message_once(post):
    many(post, 12)
    ask()
    barrier = threading.Barrier(2)

    def work():
        barrier.wait()
        try:
            for _ in range(5):
                replay.continue_due()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = finished()
    assert (done.status, done.done, done.unchanged) == ("done", 12, 12)


def test_replay_can_be_stopped(post):
    many(post, 3)
    asked = ask(claimed=True)
    going = replay.steps(asked)
    next(going)
    assert replay.halt(asked.pk, "boss")
    with pytest.raises(ClaimLost):
        next(going)
    stopped = finished()
    assert (stopped.status, stopped.done, stopped.stopped_by) == ("stopped", 1, "boss")
    assert stopped.percent == 33
    assert not replay.halt(asked.pk, "another")


def test_worker_that_stops_releases_its_replay(post):
    many(post, 3)
    ask()
    stop = threading.Event()
    stop.set()
    assert replay.continue_due(stop=stop) == 1
    assert replay.continue_due() == 2


def test_replay_is_given_up_if_its_processes_die(post):
    post("order")
    ask()
    Replay.objects.update(attempts=22, claim=uuid.uuid4())
    assert replay.continue_due() == 0
    broken = Replay.objects.get()
    assert (broken.status, broken.due_at) == ("failed", None)
    assert broken.last_error == WORKER_DIED


def test_replay_waits_from_the_second_lapse_on(post):
    post("order")
    ask()
    for _ in range(2):
        assert claim_due_request(Replay)
        Replay.objects.update(due_at=PAST)  # its process was killed
    assert replay.continue_due() == 0
    waiting = Replay.objects.get()
    assert (waiting.status, waiting.attempts, waiting.claim) == ("open", 2, None)
    assert waiting.due_at > datetime.now(tz=timezone.utc)
    Replay.objects.update(due_at=PAST)
    assert finished().status == "done"


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 2})
def test_replay_that_the_database_keeps_calling_off_ends_with_that_error(post, monkeypatch):
    post("order")
    ask()

    def away(*args):
        raise OperationalError("the disk is full")

    monkeypatch.setattr(pipeline, "apply", away)
    for status in ("open", "failed"):
        Replay.objects.update(due_at=PAST)
        assert replay.continue_due() == 1
        assert Replay.objects.get().status == status
    assert Replay.objects.get().last_error.startswith("OperationalError")


def test_replay_that_makes_progress_counts_its_attempts_anew(post, monkeypatch):
    many(post, 2)
    ask()
    Replay.objects.update(attempts=21)
    original, applied = pipeline.apply, []

    def away(*args):
        if applied:
            raise OperationalError("gone")
        applied.append(args)
        return original(*args)

    monkeypatch.setattr(pipeline, "apply", away)
    assert replay.continue_due() == 1
    waiting = Replay.objects.get()
    assert (waiting.status, waiting.done, waiting.attempts) == ("open", 1, 1)


def test_replay_with_more_attempts_than_allowed_by_now_is_tried_again(post):
    post("order")
    ask()
    Replay.objects.update(attempts=22)  # MAX_ATTEMPTS was lowered
    assert finished().status == "done"


def test_replay_waits_if_the_database_keeps_failing(post, monkeypatch):
    post("order")
    ask()

    def away(*args):
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "apply", away)
        assert replay.continue_due() == 1
    assert replay.continue_due() == 0  # not yet
    waiting = Replay.objects.get()
    assert (waiting.status, waiting.done, waiting.claim) == ("open", 0, None)
    Replay.objects.update(due_at=PAST)
    assert finished().unchanged == 1


def test_replay_reads_its_messages_again_if_the_answer_is_lost(post):
    post("order")
    ask()
    lost = []

    def cut(execute, sql, *rest):
        if sql.startswith("SELECT") and "body" in sql and not lost:
            lost.append(sql)
            raise OperationalError("the answer was lost")
        return execute(sql, *rest)

    with connection.execute_wrapper(cut):
        replay.continue_due()
    assert (len(lost), Replay.objects.get().status) == (1, "done")


def test_deadlock_is_retried_and_a_lasting_error_is_counted(post, monkeypatch):
    post("order")
    original, faults = pipeline.apply, [IntegrityError("race")] * 2

    def sometimes(*args):
        if faults:
            raise faults.pop()
        return original(*args)

    monkeypatch.setattr(pipeline, "apply", sometimes)
    ask()
    assert finished().unchanged == 1
    faults.extend([IntegrityError("for ever")] * 3)
    ask()
    assert finished().failed == 1


def test_inline_runner_continues_replays_after_requests(post):
    post("order")
    ask()
    post("order", sample("order", increment_id="2"))
    assert Replay.objects.get().status == "done"


# ---------------------------------------------------------------- the command


def test_command_runs_a_replay_and_records_user_and_reason(unreadable, hear, capsys):
    calls = hear(signals.shipment_created)
    call_command("stockhub_replay", since="2020-01-01", reason="after the update")
    out = capsys.readouterr()
    assert "changed 3, unchanged 0" in out.out
    assert out.err == ""
    record = Replay.objects.get()
    assert (record.status, record.done, record.total) == ("done", 3, 3)
    assert (record.reason, "stockhub_replay" in record.requested_by) == ("after the update", True)
    assert calls


def test_dry_run_prints_the_preview(unreadable, post, hear, capsys):
    post("order", b"{oops")
    hear(signals.shipment_created, uid="shop.new")
    before = tables()
    call_command("stockhub_replay", "--since=2020-01-01", "--dry-run", "--receiver=shop.new")
    out = capsys.readouterr().out
    assert "shop.new: 1" in out
    assert "created: " in out
    assert "not_json" in out
    assert tables() == before


def test_exit_code_of_the_command_tells_failures(post):
    post("order", b"{oops")
    with pytest.raises(SystemExit) as exit_:
        call_command("stockhub_replay", since="2020-01-01", reason="why not")
    assert exit_.value.code == 2


def test_ctrl_c_stops_the_command_and_the_replay_can_continue(post, monkeypatch, capsys):
    many(post, 3)
    original, turns = pipeline.apply, []

    def interrupted(*args):
        turns.append(1)
        if len(turns) == 2:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(pipeline, "apply", interrupted)
    with pytest.raises(SystemExit) as exit_:
        call_command("stockhub_replay", since="2020-01-01", reason="why not")
    assert exit_.value.code == 130
    assert "stopped" in capsys.readouterr().out
    assert set(Message.objects.values_list("status", "due_at")) == {("applied", None)}
    assert Message.objects.filter(is_replay=True).count() == 1
    assert finished().status == "stopped"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "--since"),
        ({"since": "soon"}, "soon"),
        ({"since": "2020-01-01"}, "--reason"),
        ({"since": "2020-01-01", "only_tell": True}, "--receiver"),
        ({"since": "2020-01-01", "receiver": ["shop.none"]}, "shop.none"),
    ],
)
def test_command_reports_missing_and_invalid_arguments(options, named):
    with pytest.raises(CommandError, match=named):
        call_command("stockhub_replay", **options)
    assert not Replay.objects.exists()


def test_command_shows_a_progress_bar_on_a_terminal(post, capsys, monkeypatch):
    many(post, 2)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("stockhub_webhooks.management.commands.stockhub_replay.getpass.getuser", lambda: {}["none"])
    call_command("stockhub_replay", since="2020-01-01", reason="why not", no_color=True)
    assert "[##############################] 2 of 2" in capsys.readouterr().err
    assert Replay.objects.get().requested_by == "? (stockhub_replay)"


def test_step_whose_commit_answer_was_lost_is_counted_once(post, monkeypatch):
    post("order")
    ask()
    real, lost = run.write_transaction, []

    @contextmanager
    def cut(using):
        with real(using):
            yield
        if not lost:
            lost.append(using)
            raise OperationalError("the answer to COMMIT was lost")

    monkeypatch.setattr(run, "write_transaction", cut)
    worker.drain()
    replayed = Replay.objects.get()
    assert (lost != [], replayed.status, replayed.done, replayed.total) == (True, "done", 1, 1)


def test_failed_step_whose_answer_was_lost_is_counted_once(post, monkeypatch):
    many(post, 2)
    ask()
    monkeypatch.setattr(pipeline, "apply", lambda *args: 1 / 0)
    lost = lose_answer(monkeypatch, Replay, lambda values: "failed" in values)
    done = finished()
    assert (len(lost), done.status, done.failed, done.done) == (1, "done", 2, 2)


def test_end_of_a_replay_whose_answer_was_lost_is_the_end(post, monkeypatch, capsys):
    post("order")
    lost = lose_answer(monkeypatch, Replay, lambda values: values.get("status") == "done")
    call_command("stockhub_replay", since="2020-01-01", reason="after the update")
    assert (len(lost), Replay.objects.get().status) == (1, "done")
    assert "unchanged 1" in capsys.readouterr().out


def test_replay_that_is_stopped_while_the_database_is_away_stays_stopped(post, monkeypatch):
    post("order")
    asked = ask(claimed=True)
    going = replay.steps(asked)
    next(going)
    real = QuerySet.update

    def cut(rows, **values):
        if values.get("status") == "done":
            monkeypatch.undo()
            replay.halt(asked.pk, "boss")
            raise OperationalError("the connection was cut")
        return real(rows, **values)

    monkeypatch.setattr(QuerySet, "update", cut)
    with pytest.raises(ClaimLost):
        next(going)
    assert Replay.objects.get().status == "stopped"
