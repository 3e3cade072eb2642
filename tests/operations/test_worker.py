"""The worker: it completes all open work."""

import json
import os
import signal
import threading
import time
import uuid
from contextlib import closing
from datetime import datetime, timedelta, timezone

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from stockhub_webhooks import signals
from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.connections import NOW
from stockhub_webhooks.db.timeouts import MAX_ATTEMPTS
from stockhub_webhooks.models import Event, Heartbeat, Message, Order
from stockhub_webhooks.operations import worker
from stockhub_webhooks.processing import pipeline
from stockhub_webhooks.receiving import claiming, journal, kept_fields, spool, spool_import, transitions
from stockhub_webhooks.runners import inline
from tests.claims import claim_due
from tests.conftest import KEY
from tests.samples import contract

pytestmark = pytest.mark.django_db
EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL)
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
DEFERRED = override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"})


@EACH_TOPIC
def test_once_applies_all_messages_calls_all_receivers_and_prints_nothing(post, topic, hear, capsys):
    calls = hear(signals.event_recorded)
    with DEFERRED:
        post(topic)
        call_command("stockhub_worker", "--once")
    assert Message.objects.get().status == "applied"
    assert calls
    assert capsys.readouterr() == ("", "")
    assert Heartbeat.objects.get().beat_at - datetime.now(timezone.utc) < timedelta(minutes=1)


def test_loop_ends_after_max_seconds(transactional_db, post):
    with DEFERRED:
        post("order")
        call_command("stockhub_worker", "--max-seconds=0.2")
    assert Message.objects.get().status == "applied"


def test_without_time_no_work_is_done(post):
    with DEFERRED:
        post("order")
        worker.Worker(until=time.monotonic()).once()
        with pytest.raises(CommandError):
            call_command("stockhub_worker", "--once", "--max-seconds=0")
    assert Message.objects.get().status == "received"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_first_signal_ends_the_worker_after_the_current_work(transactional_db, post, hear, number):
    done = []

    def interrupted(**arguments):
        os.kill(os.getpid(), number)
        done.append("finished")

    hear(signals.order_created, interrupted)
    hear(signals.order_created, lambda **arguments: done.append("second"))
    former = signal.getsignal(number)
    with DEFERRED:
        post("order")
        call_command("stockhub_worker")
    assert done == ["finished"]
    assert signal.getsignal(number) is former


def test_second_signal_ends_the_worker_at_once(transactional_db, post, hear):
    def interrupted_twice(**arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("it went on")

    hear(signals.order_created, interrupted_twice)
    with DEFERRED:
        post("order")
        with pytest.raises(SystemExit) as exit_:
            call_command("stockhub_worker")
    assert exit_.value.code == 128 + signal.SIGTERM


def test_loop_continues_after_a_database_outage(monkeypatch, caplog):
    loop = worker.Worker(until=time.monotonic() + 5)
    tries = []

    def once(self):
        tries.append(1)
        if len(tries) == 3:
            self.stop.set()
        raise OperationalError("gone")

    monkeypatch.setattr(worker.Worker, "once", once)
    monkeypatch.setattr(worker.Worker, "PAUSE_SECONDS", 0.01)
    loop.forever()
    assert len(tries) == 3
    assert "OperationalError" in caplog.text


def test_once_fails_if_the_database_does_not_answer(monkeypatch):
    def once(self):
        raise OperationalError("gone")

    monkeypatch.setattr(worker.Worker, "once", once)
    with pytest.raises(CommandError, match="OperationalError"):
        call_command("stockhub_worker", "--once")


def test_unexpected_error_does_not_end_the_loop(monkeypatch, caplog):
    loop = worker.Worker(until=time.monotonic() + 5)
    tries = []

    def once(self):
        tries.append(1)
        if len(tries) == 2:
            self.stop.set()
        raise ZeroDivisionError("Testman")

    monkeypatch.setattr(worker.Worker, "once", once)
    monkeypatch.setattr(worker.Worker, "PAUSE_SECONDS", 0.01)
    loop.forever()
    assert len(tries) == 2
    assert "ZeroDivisionError" in caplog.text
    assert "Testman" not in caplog.text


def test_worker_runs_in_a_thread(monkeypatch):
    ran = []
    monkeypatch.setattr(worker.Worker, "once", lambda self: ran.append(1))
    thread = threading.Thread(target=call_command, args=("stockhub_worker", "--once"))
    thread.start()
    thread.join()
    assert ran


def test_many_given_up_messages_do_not_block_later_ones(post):
    with DEFERRED:
        for _ in range(25):
            post("order")
        oldest = Message.objects.order_by("pk").values_list("pk", flat=True)[:20]
        Message.objects.filter(pk__in=list(oldest)).update(attempts=22, claim=uuid.uuid4(), is_suspect=True)
        worker.drain()
    assert Message.objects.filter(status="failed").count() == 20
    assert Message.objects.filter(status="applied").count() == 5


def test_worker_stops_between_messages_that_are_applied_one_by_one(post, monkeypatch):
    stop = threading.Event()
    real = pipeline.process
    with DEFERRED:
        post("order", b"x")
        post("shipment")
        monkeypatch.setattr(pipeline, "process", lambda message: (stop.set(), real(message)))
        assert worker.drain(stop=stop) == 1
    assert list(Message.objects.order_by("pk").values_list("status", "attempts")) == [
        ("quarantined", 1),
        ("received", 0),
    ]


def test_worker_stops_within_a_batch(post, monkeypatch):
    stop = threading.Event()
    real = pipeline.process_together
    with DEFERRED:
        for _ in range(claiming.BATCH + 1):
            post("order")
        monkeypatch.setattr(pipeline, "process_together", lambda *args: (stop.set(), real(*args))[1])
        assert worker.drain(stop=stop) == 1
    waiting = Message.objects.filter(status="received")
    assert set(waiting.values_list("attempts", "claim")) == {(0, None)}
    assert len(waiting) == claiming.BATCH


# ---------------------------------------------------------------- several in one transaction


@EACH_TOPIC
def test_batch_is_applied_in_one_transaction_in_sequence(post, topic):
    with DEFERRED:
        for number in ("000000002", "000000001", "000000002"):
            post(
                topic,
                contract(topic) | {"purchase_order_increment_id" if "payment" in topic else "increment_id": number},
            )
        with CaptureQueriesContext(connection) as captured:
            worker.drain()
    outcomes = Message.objects.order_by("pk").values_list("status", "outcome")
    assert list(outcomes) == [("applied", "created"), ("applied", "created"), ("applied", "unchanged")]
    updates = [place for place, query in enumerate(captured) if '"outcome" = ' in query["sql"].replace("`", '"')]
    between = [query["sql"] for query in captured][updates[0] : updates[-1]]
    assert len(updates) == 3
    assert not [sql for sql in between if sql.startswith(("COMMIT", "BEGIN", "RELEASE", "SAVEPOINT"))]


@EACH_TOPIC
def test_unreadable_message_does_not_block_its_batch(post, topic):
    with DEFERRED:
        post(topic)
        post(topic, b"x")
        post(topic)
        worker.drain()
    assert list(Message.objects.order_by("pk").values_list("status", "outcome", "attempts")) == [
        ("applied", "created", 1),
        ("quarantined", "", 1),
        ("applied", "unchanged", 1),
    ]


def test_failing_message_does_not_block_its_batch_and_none_is_applied_twice(post, monkeypatch, hear):
    calls = hear(signals.order_created)
    real = pipeline.apply

    def apply(reading, message):
        if reading.increment_id == "000000013":
            raise ValueError("unexpected")
        return real(reading, message)

    monkeypatch.setattr(pipeline, "apply", apply)
    with DEFERRED:
        for number in ("000000011", "000000012", "000000013", "000000014"):
            post("order", contract("order") | {"increment_id": number})
        worker.drain()
    assert list(Message.objects.order_by("pk").values_list("status", flat=True)) == [
        "applied",
        "applied",
        "received",
        "applied",
    ]
    assert Message.objects.get(status="received").cause.startswith("ValueError at ")
    assert Event.objects.filter(type="order.created").count() == len(calls) == 3


def test_process_that_dies_in_a_batch_leaves_all_messages_open(post, monkeypatch):
    real = pipeline.apply

    def apply(reading, message):
        if reading.increment_id == "000000012":
            raise KeyboardInterrupt
        return real(reading, message)

    with DEFERRED:
        for number in ("000000011", "000000012"):
            post("order", contract("order") | {"increment_id": number})
        monkeypatch.setattr(pipeline, "apply", apply)
        with pytest.raises(KeyboardInterrupt):
            worker.drain()
        assert not Order.objects.exists()
        monkeypatch.undo()
        Message.objects.update(due_at=PAST)
        worker.drain()
    assert Message.objects.filter(status="applied", outcome="created").count() == Order.objects.count() == 2


# ---------------------------------------------------------------- messages left open


@EACH_TOPIC
def test_message_of_a_dead_process_is_taken_over(topic):
    import json

    message = Message(url_topic=topic, account="default", body=json.dumps(contract(topic)).encode())
    journal.store(message, claimed=True)  # and the process dies
    assert worker.drain() == 0
    Message.objects.update(due_at=PAST)
    assert worker.drain() == 1
    assert Message.objects.get().status == "applied"


def test_two_processes_with_one_message_apply_it_once(post, monkeypatch):
    with DEFERRED:
        post("order")
    (first,) = claim_due()
    Message.objects.update(due_at=PAST)
    (second,) = claim_due()
    pipeline.process(second)
    pipeline.process(first)
    assert (first.status, first.outcome) == ("applied", "created")
    assert sorted(Event.objects.values_list("type", flat=True)) == ["order.created", "purchase.changed"]


def test_ping_is_dismissed_by_the_worker(post):
    with DEFERRED:
        post("order", b"{}")
        post("order", b"")
        post("order")
        worker.drain()
    assert list(Message.objects.order_by("pk").values_list("status", flat=True)) == ["dismissed"] * 2 + ["applied"]


def test_two_processes_with_one_unreadable_message_quarantine_it_once(post):
    with DEFERRED:
        post("order", b"x")
    (first,) = claim_due()
    Message.objects.update(due_at=PAST)
    (second,) = claim_due()
    pipeline.process(second)
    pipeline.process(first)
    assert first.status == "quarantined"


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 3})
def test_message_that_keeps_failing_is_given_up_and_can_be_requeued(post, monkeypatch, caplog):
    def fail(*args):
        raise ZeroDivisionError("Testman")

    with monkeypatch.context() as patch:
        patch.setattr("stockhub_webhooks.processing.pipeline.apply", fail)
        assert post("order").status_code == 202
        for _ in range(5):
            Message.objects.filter(due_at__isnull=False).update(due_at=PAST)
            worker.drain()
    message = Message.objects.get()
    assert (message.status, message.attempts, message.due_at) == ("failed", 3, None)
    assert message.error.startswith("ZeroDivisionError")
    assert "Testman" not in caplog.text
    assert transitions.requeue([message.pk]) == 1
    worker.drain()
    message.refresh_from_db()
    assert (message.status, message.outcome, message.error, message.is_replay) == ("applied", "created", "", False)


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 3, "RUNNER": "worker"})
@pytest.mark.parametrize("fails", [True, False])
def test_message_with_more_attempts_than_allowed_by_now_is_tried_once_more(post, monkeypatch, fails):
    post("order")
    Message.objects.update(attempts=5, cause="TypeError")
    if fails:
        monkeypatch.setattr("stockhub_webhooks.processing.pipeline.apply", lambda *args: 1 / 0)
    worker.drain()
    message = Message.objects.get()
    assert (message.status, message.cause.partition(" ")[0]) == (
        ("failed", "ZeroDivisionError") if fails else ("applied", "")
    )


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 2, "RUNNER": "worker"})
def test_message_that_keeps_killing_its_process_is_given_up(post):
    post("order")
    assert begin_and_die()
    Message.objects.update(due_at=PAST)
    assert begin_and_die()  # taken over at once
    for failed in range(1, 3):
        Message.objects.update(due_at=PAST)
        assert not begin_and_die()
        message = Message.objects.get()
        assert (message.attempts, message.cause) == (failed, "died")
        Message.objects.filter(due_at__isnull=False).update(due_at=PAST)
        assert begin_and_die() == (failed < 2)
    assert Message.objects.get().status == "failed"


def begin_and_die():
    return bool(list(claim_due()))


def test_message_is_not_applied_if_the_commit_fails(post, monkeypatch):
    settle = transitions.settle

    def lose_the_connection(*arguments):
        settle(*arguments)
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(transitions, "settle", lose_the_connection)
        answer = post("order")
    assert (answer.status_code, "outcome" in answer.json()) == (202, False)
    assert not Order.objects.exists()
    Message.objects.update(due_at=PAST)
    worker.drain()
    assert Message.objects.get().status == "applied"


def test_deadlocks_are_retried(post, monkeypatch):
    from stockhub_webhooks.processing.apply import apply

    tries = []

    def race(*args):
        tries.append(1)
        if len(tries) < MAX_ATTEMPTS:
            raise OperationalError("deadlock detected")
        return apply(*args)

    monkeypatch.setattr("stockhub_webhooks.processing.pipeline.apply", race)
    assert post("order").json()["outcome"] == "created"
    assert len(tries) == 3


def test_database_outage_leaves_the_message_open(post, monkeypatch, caplog):
    def gone(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr("stockhub_webhooks.processing.pipeline.apply", gone)
    monkeypatch.setattr("stockhub_webhooks.receiving.transitions.postpone", gone)
    assert post("order").status_code == 202
    assert Message.objects.get().status == "received"
    assert "OperationalError" in caplog.text


def test_quarantined_message_is_read_again_on_request(post):
    post("order", b"x")
    message = Message.objects.get()
    transitions.requeue([message.pk])
    worker.drain()
    message.refresh_from_db()
    assert (message.status, message.is_replay) == ("quarantined", False)


# ---------------------------------------------------------------- the spool


@pytest.fixture
def spooled(tmp_path):
    """Put messages of all topics into a spool directory."""
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": tmp_path / "spool"}):
        import json

        for topic in topics.ALL:
            message = Message(url_topic=topic, account="default", body=json.dumps(contract(topic)).encode())
            spool.write({name: getattr(message, name) for name in kept_fields.SPOOLED})
        yield tmp_path / "spool"


def test_spooled_messages_are_imported_and_applied_once(spooled):
    received = {spool.read(path)["uid"]: spool.read(path)["received_at"] for path in spool.files()}
    assert worker.drain() == 12
    assert list(spool.files()) == []
    stored = Message.objects.values_list("uid", "received_at")
    assert {str(uid): received_at.isoformat() for uid, received_at in stored} == received
    assert set(Message.objects.values_list("status", flat=True)) == {"applied"}
    assert Order.objects.get(increment_id="000000701").status == "complete"


def test_requests_import_the_spool(spooled, post):
    post("order")
    assert list(spool.files()) == []
    assert Message.objects.count() == 7


def test_process_killed_between_insert_and_unlink_stores_a_message_once(spooled, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(spool, "remove", lambda path: None)
        spool_import.import_spool()
    assert spool_import.import_spool() == 0
    assert Message.objects.count() == 6
    assert list(spool.files()) == []


def test_broken_file_is_set_aside_and_others_are_imported(spooled, caplog):
    (spooled / "broken.json").write_text("{")
    (spooled / "incomplete.json").write_text('{"uid": "x"}')
    (spooled / ".draft.json").write_text("{")
    assert spool_import.import_spool() == 6
    assert {path.name for path in spooled.iterdir()} == {".draft.json", "broken.broken", "incomplete.broken"}
    assert "broken.json" in caplog.text


def test_file_that_another_process_has_imported_is_no_error(spooled, monkeypatch):
    def taken(path):
        path.unlink()
        raise FileNotFoundError

    monkeypatch.setattr(spool, "read", taken)
    assert spool_import.import_spool() == 0


def test_unreadable_file_stays_and_blocks_nothing(spooled, caplog, monkeypatch):
    real = spool.read

    def read(path):
        if path.name == "denied.json":
            raise PermissionError
        return real(path)

    (spooled / "denied.json").touch()
    monkeypatch.setattr(spool, "read", read)
    assert worker.drain() == 12
    assert (spooled / "denied.json").exists()
    assert "denied.json" in caplog.text


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_file_that_the_database_rejects_is_set_aside(transactional_db, spooled):
    message = Message(url_topic="order", account="x" * 300, body=b"{}")
    path = spool.write({name: getattr(message, name) for name in kept_fields.SPOOLED})
    assert spool_import.import_spool() == 6
    assert path.with_suffix(".broken").exists()


def test_one_process_at_a_time_imports_files(spooled):
    with spool.import_lock() as first, spool.import_lock() as second:
        assert (first, second) == (True, False)
        assert spool_import.import_spool() == 0
    assert spool_import.import_spool() == 6


def test_files_stay_while_the_database_is_unavailable(spooled, monkeypatch):
    def gone(*args, **kwargs):
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "insert", gone)
        patch.setattr(spool_import, "is_reachable", lambda using: False)
        with pytest.raises(OperationalError):
            spool_import.import_spool()
    assert len(list(spool.files())) == 6
    assert spool_import.import_spool() == 6


def test_missing_spool_directory_is_an_empty_spool():
    with override_settings(STOCKHUB_WEBHOOKS={}):
        assert list(spool.files()) == []
        with pytest.raises(FileNotFoundError, match="SPOOL_DIR"):
            spool.write({})


# ---------------------------------------------------------------- a few at a time


def test_claimed_messages_that_were_not_started_count_no_attempt(post):
    with DEFERRED:
        for _ in range(3):
            post("order")
    claimed = claim_due()
    first = next(claimed)
    assert Message.objects.filter(attempts=1).count() == 3
    claimed.close()
    assert sorted(Message.objects.values_list("attempts", flat=True)) == [0, 0, 1]
    assert Message.objects.due(NOW).exclude(pk=first.pk).count() == 2


def test_message_with_an_earlier_attempt_is_claimed_alone(post):
    with DEFERRED:
        for _ in range(4):
            post("order")
    begun = list(Message.objects.order_by("pk")[:2])
    Message.objects.filter(pk__in=[message.pk for message in begun]).update(attempts=1)
    with closing(claim_due()) as claimed:
        assert [next(claimed).pk, next(claimed).pk] == [m.pk for m in Message.objects.order_by("pk")[2:]]
        assert next(claimed).pk == begun[0].pk
        assert Message.objects.get(pk=begun[1].pk).attempts == 1  # still


def test_worker_that_stops_releases_the_rest_of_its_claim(post):
    with DEFERRED:
        for _ in range(3):
            post("order")
    stop = threading.Event()
    stop.set()
    assert worker.drain(stop=stop) == 0
    assert worker.drain(until=time.monotonic()) == 0
    assert Message.objects.due(NOW).count() == 3


def test_empty_look_for_work_is_not_repeated_within_a_second(post, monkeypatch):
    looks = []
    monkeypatch.setattr(worker, "drain", lambda *args, **options: bool(looks.append(args)))
    monkeypatch.setattr(inline.idle_throttle, "seconds", 3600)
    for _ in range(3):
        post("order")
    assert len(looks) == 1


def test_look_that_found_work_is_repeated_at_once(post, monkeypatch):
    looks = []
    monkeypatch.setattr(worker, "drain", lambda *args, **options: looks.append(args) or 1)
    monkeypatch.setattr(inline.idle_throttle, "seconds", 3600)
    for _ in range(3):
        post("order")
    assert len(looks) == 3


def test_unreadable_message_leaves_the_rest_of_its_batch_together(post, caplog, monkeypatch):
    together = []
    real = pipeline.process_together
    monkeypatch.setattr(pipeline, "process_together", lambda *args: together.append(done := real(*args)) or done)
    with DEFERRED:
        post("order")
        post("order", b"x")
        post("shipment")
        post("order", json.dumps([contract("order"), contract("order")]).encode())
        worker.drain()
    assert 3 in together
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    statuses = Message.objects.filter(parent=None).order_by("pk").values_list("status", flat=True)
    assert list(statuses) == ["applied", "quarantined", "applied", "applied"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
@pytest.mark.mariadb
def test_locked_heartbeat_stops_no_work(post):
    Heartbeat.objects.create(name="worker", beat_at=NOW)
    holder = connections.create_connection("default")
    try:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM stockhub_webhooks_heartbeat FOR UPDATE")
        with DEFERRED:
            post("order")
            assert worker.Worker(until=time.monotonic() + 60).once() == 1
    finally:
        holder.close()
    assert Message.objects.get().status == "applied"


class Interrupted(BaseException):
    """Ends the work inside a transaction, as `KeyboardInterrupt` does."""


def test_message_stays_due_if_its_transaction_was_interrupted(post, monkeypatch):
    settle = transitions.settle

    def interrupt(*arguments, **options):
        settle(*arguments, **options)
        raise Interrupted

    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        for number in (1, 2):
            post("order", contract("order") | {"increment_id": f"00000080{number}", "entity_id": number})
        places = dict(Message.objects.values_list("pk", "due_at"))
        monkeypatch.setattr(transitions, "settle", interrupt)
        with pytest.raises(Interrupted):
            worker.drain()
        assert dict(Message.objects.values_list("pk", "due_at")) == places
        monkeypatch.setattr(transitions, "settle", settle)
        worker.drain()
    assert set(Message.objects.values_list("status", flat=True)) == {"applied"}
