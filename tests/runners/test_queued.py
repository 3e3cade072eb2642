"""Runners whose wake-ups an engine carries, without the engine's processes."""

import contextlib
import logging
import socket
import subprocess
import sys

import pytest
from celery import Celery
from django.db import OperationalError
from django.test import override_settings

from stockhub_webhooks import runners, signals
from stockhub_webhooks.models import Heartbeat, Message
from stockhub_webhooks.operations import worker
from stockhub_webhooks.runners import celery as of_celery
from stockhub_webhooks.runners import queued
from stockhub_webhooks.runners import tasks as of_tasks
from stockhub_webhooks.runners.queued import QueuedRunner
from tests.conftest import KEY
from tests.processes import free_port

pytestmark = pytest.mark.django_db(databases="__all__")


def using(runner, **more):
    return override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": runner, **more})


class Engine(QueuedRunner):
    """One that only counts."""

    sent = 0
    fault = None

    def send(self):
        type(self).sent += 1
        if self.fault:
            raise self.fault


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(Engine, "sent", 0)
    return Engine


@pytest.fixture
def app(monkeypatch):
    """A host's Celery app with a broker in this process's memory."""
    app = Celery("host", broker="memory://", set_as_current=False, fixups=[])
    monkeypatch.setattr(of_celery, "wake_up", app.tasks[of_celery.TASK_NAME])
    return app


# ---------------------------------------------------------------- what all of them do


def test_the_request_only_stores_and_a_wake_up_follows_its_answer(post, engine, hear):
    heard = hear(signals.order_created)
    with using("tests.runners.test_queued.Engine"):
        assert post("order").status_code == 202
    assert (engine.sent, heard) == (1, [])
    engine().work()
    assert Message.objects.get().status == "applied"
    assert len(heard) == 1
    assert Heartbeat.objects.exists()
    assert engine.sent == 1


def test_an_engine_that_takes_nothing_fails_nothing_and_is_left_alone_for_a_while(post, engine, monkeypatch, caplog):
    monkeypatch.setattr(engine, "fault", ConnectionError("Testman"))
    with using("tests.runners.test_queued.Engine"):
        assert [post("order").status_code for _ in range(3)] == [202, 202, 202]
    assert engine.sent == 1
    assert caplog.text.count("could not be sent (ConnectionError at ") == 1
    assert "Testman" not in caplog.text
    queued.engine_throttle.reset()
    engine().wake()
    assert engine.sent == 2


def test_what_is_left_when_the_time_is_over_wakes_a_worker_again(post, engine):
    with using("worker"):
        post("order")
    engine().work(seconds=0)
    assert Message.objects.get().status == "received"
    assert engine.sent == 1


def test_work_in_the_request_ends_with_its_budget_and_wakes_nobody(post, engine, monkeypatch):
    monkeypatch.setattr(engine, "works_here", lambda self: True)
    with using("worker", INLINE_BUDGET_SECONDS=0):
        post("order")
        engine().work()
    assert Message.objects.get().status == "received"
    assert engine.sent == 0


@pytest.mark.parametrize(("fault", "level"), [(OperationalError("Testman"), "WARNING"), (KeyError("Testman"), "ERROR")])
def test_a_fault_at_work_is_a_line_in_the_log(engine, monkeypatch, caplog, fault, level):
    def once(self):
        raise fault

    monkeypatch.setattr(worker.Worker, "once", once)
    engine().work()
    assert [record.levelname for record in caplog.records] == [level]
    assert "Testman" not in caplog.text


def test_a_runner_without_a_queue_wakes_no_worker(caplog):
    QueuedRunner().wake()
    assert "NotImplementedError" in caplog.text


# ---------------------------------------------------------------- Celery


def test_a_wake_up_is_a_task_without_arguments(post, app):
    with using("celery"):
        post("order")
    with app.connection_for_read() as connection, contextlib.closing(connection.SimpleQueue("celery")) as queue:
        message = queue.get_nowait()
    assert message.headers["task"] == "stockhub_webhooks.wake"
    assert message.headers["ignore_result"] is True
    assert message.payload[:2] == [[], {}]


def test_the_wake_up_goes_to_the_queue_of_the_settings(app):
    with using("celery", QUEUE="webhooks"):
        runners.current().wake()
    with app.connection_for_read() as connection, contextlib.closing(connection.SimpleQueue("webhooks")) as queue:
        assert queue.get_nowait().headers["task"] == "stockhub_webhooks.wake"


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
@pytest.mark.parametrize("fault", ["away", "hangs"])
def test_a_broker_that_is_away_or_hangs_is_given_up(app, scheme, fault, caplog, monkeypatch):
    monkeypatch.setattr(of_celery, "TIMEOUT_SECONDS", 0.2)
    quick = of_celery.TRANSPORT_OPTIONS | dict.fromkeys(of_celery.TIMEOUTS, 0.2)
    monkeypatch.setattr(of_celery, "TRANSPORT_OPTIONS", quick)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1] if fault == "hangs" else free_port()
        app.conf.broker_url = f"{scheme}://127.0.0.1:{port}//"
        with using("celery"):
            runners.current().wake()
    assert "could not be sent (OperationalError at " in caplog.text


def test_the_task_does_the_work_and_ends_well_before_the_hosts_limits(post, app, monkeypatch):
    with using("worker"):
        post("order")
    app.tasks[of_celery.TASK_NAME].apply()
    assert Message.objects.get().status == "applied"
    budgets = []
    monkeypatch.setattr(of_celery.CeleryRunner, "work", lambda self, seconds: budgets.append(seconds))
    for soft, hard in ((None, None), (20, 30), (None, 60), (900, 1000)):
        of_celery.wake_up.soft_time_limit, of_celery.wake_up.time_limit = soft, hard
        of_celery.work(of_celery.wake_up)
    assert budgets == [queued.SLICE_SECONDS, 10, 30, queued.SLICE_SECONDS]


def test_a_host_that_runs_its_tasks_eagerly_has_the_work_done_after_the_answer(post, app):
    app.conf.task_always_eager = True
    with using("celery"):
        assert post("order").status_code == 202
    assert Message.objects.get().status == "applied"


def test_the_app_of_last_resort_is_known(app, monkeypatch):
    assert of_celery.CeleryRunner().has_engine()
    last_resort = Celery("default", loader="default", set_as_current=False, fixups=[])
    monkeypatch.setattr(of_celery, "wake_up", last_resort.tasks[of_celery.TASK_NAME])
    assert not of_celery.CeleryRunner().has_engine()


# ---------------------------------------------------------------- django.tasks


def test_with_djangos_default_backend_the_work_is_done_after_the_answer(post, caplog):
    caplog.set_level(logging.ERROR)
    with using("tasks"):
        assert post("order").status_code == 202
    assert Message.objects.get().status == "applied"
    assert of_tasks.TasksRunner().works_here()


def test_a_task_goes_to_the_queue_of_the_settings_and_a_queue_that_is_none_is_a_line_in_the_log(post, caplog):
    with using("tasks", QUEUE="webhooks"):
        assert post("order").status_code == 202
    assert "could not be sent (InvalidTask" in caplog.text
    assert Message.objects.get().status == "received"


# ---------------------------------------------------------------- naming one


def test_the_runners_module_is_imported_when_django_starts():
    code = (
        "import sys; from django.conf import settings; import tests.host.settings as host;"
        "host.STOCKHUB_WEBHOOKS = {'API_KEYS': 'x', 'RUNNER': sys.argv[1]};"
        "import django; django.setup();"
        "print([name for name in ('celery', 'tasks') if 'stockhub_webhooks.runners.' + name in sys.modules])"
    )
    for runner, loaded in (("celery", "['celery']"), ("tasks", "['tasks']"), ("inline", "[]"), ("no.where", "[]")):
        out = subprocess.run([sys.executable, "-c", code, runner], capture_output=True, text=True, check=True)
        assert out.stdout.strip() == loaded
