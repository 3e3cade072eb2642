"""Receivers and databases that end the transaction of a call."""

import threading
import time
from contextlib import suppress

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.utils import load_backend

from stockhub_webhooks import signals
from stockhub_webhooks.delivery import calls, ledger
from stockhub_webhooks.exceptions import PermanentFailure, RetryLater
from stockhub_webhooks.models import Attempt, Heartbeat, ReceiverCall
from stockhub_webhooks.operations import worker
from tests.conftest import KEY
from tests.processes import execute
from tests.samples import sample

pytestmark = pytest.mark.django_db(transaction=True)
PAST = "2020-01-01T00:00:00Z"
IS_POSTGRESQL = connection.vendor == "postgresql"
on_a_server = [pytest.mark.postgresql, pytest.mark.mariadb]  # SQLite has no connection to lose


@pytest.fixture(autouse=True)
def _deferred(settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "RUNNER": "worker"}
    yield
    connection.close()  # the tests leave it in many states


def run(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone() if cursor.description else None


def write(name="shop"):
    Heartbeat.objects.create(name=f"{name} {time.monotonic_ns()}", beat_at=PAST)


def written():
    return Heartbeat.objects.filter(name__startswith="shop").count()


def work_again():
    ReceiverCall.objects.filter(due_at__isnull=False).update(due_at=PAST)
    worker.drain()


def call_of(uid):
    return ReceiverCall.objects.get(receiver=uid)


# ---------------------------------------------------------------- a receiver that ends it by hand


def rollback_by_sql():
    run("ROLLBACK")


def rollback_by_driver():
    connection.connection.rollback()


def commit_by_sql():
    run("COMMIT")


def commit_by_driver():
    connection.connection.commit()


EACH_COMMIT = pytest.mark.parametrize("commit", [commit_by_sql, commit_by_driver])


@pytest.mark.parametrize("rollback", [rollback_by_sql, rollback_by_driver])
@pytest.mark.parametrize("writes", [True, False])
def test_rollback_by_hand_is_a_failure_that_says_so(post, hear, rollback, writes):
    def roll_back(**arguments):
        write()
        rollback()
        if writes:
            write()

    hear(signals.order_created, roll_back, uid="bad")
    hear(signals.order_created, lambda **arguments: write("other"), uid="good")
    post("order")
    worker.drain()
    call = call_of("bad")
    assert (call.status, call.attempts) == ("pending", 1)
    assert call.due_at > call.failed_at  # not at once again
    assert call.cause.startswith("TransactionEnded")
    assert "ROLLBACK" in call.last_error
    if connection.vendor != "sqlite":  # there the INSERT is committed by itself
        assert written() == 0
    assert call_of("good").status == "done"


@EACH_COMMIT
@pytest.mark.parametrize(
    ("error", "status", "attempts"),
    [
        (ValueError("no"), "pending", 1),
        (SystemExit(2), "pending", 1),
        (RetryLater(30), "pending", 0),
        (PermanentFailure("no"), "given_up", 1),
    ],
)
def test_error_after_a_commit_by_hand_is_a_failure(post, hear, commit, error, status, attempts, caplog):
    def fail(**arguments):
        commit()
        raise error

    hear(signals.order_created, fail)
    post("order")
    worker.drain()
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts, call.done_at is None) == (status, attempts, True)
    assert "committed its transaction by hand" in caplog.text


@EACH_COMMIT
@pytest.mark.parametrize("writes", [True, False])
def test_receiver_that_commits_by_hand_and_returns_is_done_once(post, hear, commit, writes, caplog):
    def commit_and_go_on(**arguments):
        write()
        commit()
        if writes:
            write()

    hear(signals.order_created, commit_and_go_on)
    post("order")
    worker.drain()
    worker.drain()
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts, call.last_error) == ("done", 1, "")
    assert written() == 1 + writes
    assert "committed its transaction by hand" in caplog.text


def test_commit_by_django_inside_the_transaction_is_a_failure(post, hear):
    hear(signals.order_created, lambda **arguments: connection.commit())
    post("order")
    worker.drain()
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts) == ("pending", 1)
    assert call.cause.startswith("TransactionManagementError")


@pytest.mark.mariadb
def test_statement_that_commits_by_itself_leaves_the_call_done(post, hear):
    hear(signals.order_created, lambda **arguments: run("CREATE TABLE IF NOT EXISTS shop_scratch (n int)"))
    post("order")
    worker.drain()
    run("DROP TABLE shop_scratch")
    assert ReceiverCall.objects.get().status == "done"


def test_autocommit_that_a_hook_turned_off_does_not_stay(post, hear):
    hear(
        signals.order_created,
        lambda **arguments: transaction.on_commit(lambda: transaction.set_autocommit(False)),
        uid="bad",
    )
    hear(signals.order_created, lambda **arguments: write(), uid="good")
    post("order")
    worker.drain()
    assert connection.get_autocommit()
    connection.close()
    assert set(ReceiverCall.objects.values_list("status", flat=True)) == {"done"}
    assert written() == 1


# ---------------------------------------------------------------- what a receiver leaves on the connection

POSTGRESQL = [
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SET search_path TO nowhere",
    "SET default_transaction_read_only = on",
    "SET statement_timeout = '1ms'",
]
SETTINGS = [
    *(pytest.param(sql, marks=pytest.mark.postgresql) for sql in POSTGRESQL),
    pytest.param("SET SESSION TRANSACTION READ ONLY", marks=pytest.mark.mariadb),
    pytest.param("USE information_schema", marks=pytest.mark.mariadb),
]


@pytest.mark.parametrize("sql", SETTINGS)
@pytest.mark.parametrize("in_hook", [False, True])
def test_setting_of_a_session_does_not_affect_other_calls(post, hear, sql, in_hook, monkeypatch):
    def change(**arguments):
        if in_hook:
            transaction.on_commit(lambda: run(sql))
        else:
            run(sql)

    hear(signals.order_created, change, uid="bad")
    hear(signals.order_created, lambda **arguments: write(), uid="good")
    post("order")
    post("order", sample("order", increment_id="000000777", entity_id=777))
    monkeypatch.setattr(worker.Worker, "PAUSE_SECONDS", 0.01)
    for _ in range(60):
        worker.Worker(until=time.monotonic() + 0.5).forever()
        connection.close()
        if not ReceiverCall.objects.filter(status="pending").update(due_at=PAST):
            break
    assert set(ReceiverCall.objects.filter(receiver="good").values_list("status", "attempts")) == {("done", 1)}
    assert set(ReceiverCall.objects.filter(receiver="bad").values_list("status", flat=True)) == {"done"}


# ---------------------------------------------------------------- a connection that is lost


def session():
    return run("SELECT pg_backend_pid()" if IS_POSTGRESQL else "SELECT CONNECTION_ID()")[0]


def end_session():
    number = session()
    execute(f"SELECT pg_terminate_backend({number})" if IS_POSTGRESQL else f"KILL {number}")
    time.sleep(0.2)


def lose_and_write():
    end_session()
    write()


def lose_and_swallow():
    end_session()
    with suppress(OperationalError):
        write()


def lose_and_wrap():
    end_session()
    try:
        write()
    except OperationalError as fault:
        raise ValueError("the shop's own error") from fault


def lose_inside_a_savepoint():
    with transaction.atomic():
        end_session()
        write()


@pytest.mark.postgresql
@pytest.mark.mariadb
@pytest.mark.parametrize(
    "lose", [end_session, lose_and_write, lose_and_swallow, lose_and_wrap, lose_inside_a_savepoint]
)
def test_lost_connection_is_no_attempt_and_the_call_is_made_again_soon(post, hear, lose):
    losses = []

    def receive(**arguments):
        write()
        if len(losses) < 3:
            losses.append(1)
            lose()

    hear(signals.order_created, receive)
    other = hear(signals.order_created, lambda **arguments: write("other"))
    post("order")
    worker.drain()
    for number in range(1, 4):
        call = ReceiverCall.objects.first()
        assert (call.status, call.attempts, call.cause) == ("pending", 0, "")
        assert "the database ended the connection" in call.last_error
        assert call.failed_attempts.filter(cause="connection_lost", number=1).count() == number
        work_again()
    call = ReceiverCall.objects.first()
    assert (call.status, call.attempts, written()) == ("done", 1, 1)
    assert len(other) == 1


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_lost_connection_counts_from_the_fourth_time_in_a_row(post, hear, settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"MAX_ATTEMPTS": 2}
    hear(signals.order_created, lambda **arguments: end_session())
    post("order")
    worker.drain()
    attempts = []
    for _ in range(4):
        attempts.append(ReceiverCall.objects.get().attempts)
        work_again()
    call = ReceiverCall.objects.get()
    assert attempts == [0, 0, 0, 1]
    assert (call.status, call.attempts, call.cause) == ("given_up", 2, "connection_lost")


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_error_of_another_database_is_a_failure(post, hear):
    def receive(**arguments):
        backend = load_backend(connection.settings_dict["ENGINE"])
        other = backend.DatabaseWrapper(
            connections.settings["default"] | {"NAME": connection.settings_dict["NAME"]}, "o"
        )
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()" if IS_POSTGRESQL else "SELECT CONNECTION_ID()")
            (number,) = cursor.fetchone()
            execute(f"SELECT pg_terminate_backend({number})" if IS_POSTGRESQL else f"KILL {number}")
            time.sleep(0.2)
            try:
                cursor.execute("SELECT 1")
            finally:
                other.close()

    hear(signals.order_created, receive)
    post("order")
    worker.drain()
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts) == ("pending", 1)
    assert call.cause.startswith("OperationalError")


@pytest.mark.postgresql
def test_receiver_that_is_idle_for_too_long_is_given_up_with_that_cause(post, hear):
    asked = []

    def receive(**arguments):
        asked.append(1)
        run("SET LOCAL idle_in_transaction_session_timeout = '100ms'")
        time.sleep(0.4)

    hear(signals.order_created, receive)
    post("order")
    worker.drain()
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts, call.cause) == ("pending", 1, "idle_in_transaction")
    assert "idle_in_transaction_session_timeout" in call.last_error
    for _ in range(4):
        work_again()
    call.refresh_from_db()
    assert (call.status, call.attempts, len(asked)) == ("given_up", 3, 3)


def lose_at_commit(monkeypatch, *, executed):
    """Lose the connection at the next COMMIT of a call, before or after the server has executed it."""
    backend = type(connections["default"])
    real, lost = backend.commit, []

    def commit(self):
        if ledger_marked() and not lost:
            lost.append(1)
            if executed:
                real(self)
            end_session() if not executed else self.connection.close()
        return real(self)

    def ledger_marked():
        return marked and marked.pop()

    marked = []
    real_mark = ledger.mark_done
    monkeypatch.setattr(ledger, "mark_done", lambda call: marked.append(1) or real_mark(call))
    monkeypatch.setattr(backend, "commit", commit)


@pytest.mark.postgresql
@pytest.mark.parametrize("executed", [True, False])
def test_lost_answer_to_the_commit_has_no_second_effect(post, hear, monkeypatch, executed):
    hear(signals.order_created, lambda **arguments: write())
    post("order")
    with monkeypatch.context() as patch:
        lose_at_commit(patch, executed=executed)
        worker.drain()
    work_again()
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts, written()) == ("done", 1, 1)


# ---------------------------------------------------------------- a deadlock


@pytest.mark.postgresql
@pytest.mark.mariadb
@pytest.mark.parametrize("times", [1, 2])
def test_deadlock_is_tried_once_more_at_once(post, hear, times):
    tries = []
    Heartbeat.objects.bulk_create([Heartbeat(name="a", beat_at=PAST), Heartbeat(name="b", beat_at=PAST)])
    run_rounds = [threading.Barrier(2) for _ in range(times)]

    def other(barrier):
        try:
            with transaction.atomic():
                Heartbeat.objects.select_for_update().get(name="b")
                # MariaDB ends the transaction with fewer changes
                for number in range(200):
                    Heartbeat.objects.create(name=f"weight {number}", beat_at=PAST)
                barrier.wait(20)
                time.sleep(0.5)  # PostgreSQL ends the transaction that has waited for longer
                Heartbeat.objects.select_for_update().get(name="a")
                transaction.set_rollback(True)
        finally:
            connections.close_all()

    def receive(**arguments):
        tries.append(1)
        if len(tries) > times:
            return
        thread = threading.Thread(target=other, args=(run_rounds[len(tries) - 1],))
        thread.start()
        threads.append(thread)
        Heartbeat.objects.select_for_update().get(name="a")
        run_rounds[len(tries) - 1].wait(20)
        Heartbeat.objects.select_for_update().get(name="b")

    threads = []
    hear(signals.order_created, receive)
    post("order")
    calls.deliver_due(until=float("inf"))
    worker.drain()
    for thread in threads:
        thread.join(30)
    call = ReceiverCall.objects.get()
    expected = ("done", 1, "", 2) if times == 1 else ("pending", 1, "deadlock", 2)
    assert (call.status, call.attempts, call.cause, len(tries)) == expected
    assert Attempt.objects.count() == times - 1
