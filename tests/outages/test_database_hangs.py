"""A database that takes what is sent and says nothing: no error, no end of the connection, no answer.

With the OPTIONS that the README writes, and `DATABASE_TIMEOUT_SECONDS`, each of these ends; without, it waits for ever.
"""

import threading

import pytest
from django.db import OperationalError, close_old_connections, connection
from django.test import override_settings

from stockhub_webhooks.db import timeouts
from stockhub_webhooks.db.timeouts import SLOW_SECONDS, WATCHDOG, TimeoutWatchdog, query_timeout, should_retry
from stockhub_webhooks.models import Message, Order
from stockhub_webhooks.operations import worker
from stockhub_webhooks.receiving import spool, spool_import
from stockhub_webhooks.signals import message_received, order_created
from tests.conftest import KEY
from tests.outages.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)
BOUNDED = {
    "postgresql": {"connect_timeout": 2, "tcp_user_timeout": 2000, "options": "-c statement_timeout=2000"},
    "mysql": {"connect_timeout": 1, "read_timeout": 1, "write_timeout": 1},
}


@pytest.fixture
def proxy(options, monkeypatch):
    """Return a proxy to the database."""
    there = connection.settings_dict
    with Proxy(there["HOST"] or "127.0.0.1", there["PORT"]) as proxy:
        monkeypatch.setitem(there, "HOST", "127.0.0.1")
        monkeypatch.setitem(there, "PORT", proxy.port)
        options(**BOUNDED[connection.vendor])
        yield proxy
        proxy.go_on()
        connection.close()


@pytest.fixture
def impatient(spool_folder):
    """Use short time-outs."""
    mine = {"API_KEYS": KEY, "SPOOL_DIR": str(spool_folder), "DATABASE_TIMEOUT_SECONDS": 0.5, "LEASE_SECONDS": 0}
    with override_settings(STOCKHUB_WEBHOOKS=mine):
        yield


@pytest.mark.postgresql
@pytest.mark.mariadb
@pytest.mark.parametrize("connected", [True, False], ids=["on an open connection", "when connecting"])
def test_hanging_database_sends_the_message_to_the_spool_and_stores_it_once(
    proxy, send, impatient, is_there_once, connected
):
    assert send("1") == 200
    if not connected:
        connection.close()
    proxy.hang()
    assert send("2") == 202
    assert send("3") == 202
    assert len(list(spool.files())) == 2
    proxy.go_on()
    is_there_once("1", "2", "3")


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_insert_whose_answer_was_lost_is_stored_once(proxy, send, impatient, is_there_once):
    """The delayed INSERT arrives later, in addition to the file in the spool."""
    assert send("1") == 200
    proxy.hang()
    assert send("2") == 202
    proxy.go_on()
    for _ in range(3):
        spool_import.import_spool()
    is_there_once("1", "2")


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_message_that_hangs_when_applied_answers_202_and_is_applied_later(proxy, send, impatient, is_there_once):
    def hang(sender, **arguments):
        proxy.hang()

    message_received.connect(hang, dispatch_uid="hang")
    try:
        assert send("1") == 202
    finally:
        message_received.disconnect(dispatch_uid="hang")
    assert list(spool.files()) == []
    proxy.go_on()
    assert Message.objects.get().status == "received"
    is_there_once("1")


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_work_after_the_answer_ends_so_that_requests_are_accepted(proxy, send, impatient, hear):
    calls = hear(order_created)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
        assert send("1") == 202
    proxy.hang()
    with pytest.raises(OperationalError):
        worker.drain()
    close_old_connections()  # as the loop does, and Django at the end of a request
    proxy.go_on()
    worker.drain()
    assert Order.objects.get().increment_id == "1"
    assert len(calls) == 1


@pytest.mark.postgresql
@pytest.mark.mariadb
def test_health_answers_while_the_database_hangs(proxy, send, impatient, client):
    """A monitor requests health repeatedly, which must not block a web worker each time."""
    assert send("1") == 200
    proxy.hang()
    answer = client.get("/api/v1/stockhub/health", headers={"x-api-key": KEY})
    assert (answer.status_code, answer.json()["status"]) == (503, "critical")


@pytest.mark.postgresql
def test_connection_pool_does_not_hang_requests(proxy, options, send, impatient, is_there_once, monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", False)
    options(pool={"min_size": 1, "max_size": 2, "timeout": 1})
    try:
        assert send("1") == 200
        proxy.hang()
        assert send("2") == 202
        assert send("3") == 202
        proxy.go_on()
        is_there_once("1", "2", "3")
    finally:
        connection.close()
        connection.close_pool()


# ---------------------------------------------------------------- patience


def test_quick_failure_is_retried_and_slow_failure_is_not(monkeypatch):
    monkeypatch.setattr("stockhub_webhooks.db.timeouts.time.monotonic", lambda: 100.0)
    assert should_retry(1, 100.0)
    assert should_retry(2, 100.0)
    assert not should_retry(3, 100.0)
    assert not should_retry(1, 100.0 - SLOW_SECONDS)
    with override_settings(STOCKHUB_WEBHOOKS={"DATABASE_TIMEOUT_SECONDS": 1}):
        assert not should_retry(1, 99.0)  # it was cut


def test_step_within_its_time_is_not_interrupted(send):
    with query_timeout("default"):
        assert send() == 200
    assert not WATCHDOG._waits


@override_settings(STOCKHUB_WEBHOOKS={"DATABASE_TIMEOUT_SECONDS": 0})
def test_connection_that_is_closed_already_is_no_error():
    connection.close()
    with query_timeout("default"):
        while WATCHDOG._waits:
            pass


def test_step_is_done_although_the_system_has_no_further_thread(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(timeouts, "WATCHDOG", watchdog := TimeoutWatchdog())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with query_timeout("default"):
            assert watchdog._waits
    assert not watchdog._waits
    with query_timeout("default"):
        assert watchdog._is_running


def test_child_process_starts_with_a_fresh_watchdog():
    with query_timeout("default"):
        WATCHDOG.after_fork()
        assert not WATCHDOG._waits
