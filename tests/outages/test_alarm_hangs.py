"""An alarm function that hangs, exits or fails stops no work, and is called again in an hour."""

import signal
import socket
import sys
import threading
import time
from datetime import datetime, timezone

import django
import pytest
from django.db import connection
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.models import Alarm, Lock, Message, Order
from stockhub_webhooks.operations.health import alarm, alarm_thread
from stockhub_webhooks.operations.health.alarm_thread import AlarmThread
from tests.conftest import KEY
from tests.mails import use_smtp

PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
BROKEN = {"url_topic": "order", "account": "default", "body": b"{", "status": "quarantined", "error": "not_json"}
BREAK = f"Message.objects.create(**{BROKEN!r}) and 1"
RUN = """
import django, sys; django.setup()
from django.core.management import call_command
from stockhub_webhooks.operations.health import alarm_thread
alarm_thread.SEND_SECONDS = float(sys.argv[1])
call_command("stockhub_worker", *sys.argv[2:])
"""


@pytest.fixture
def silent_server():
    """Yield a TCP server that accepts connections and says nothing."""
    server = socket.create_server(("127.0.0.1", 0))
    yield server
    server.close()


@pytest.fixture
def port(silent_server):
    return silent_server.getsockname()[1]


def wait_until(condition, seconds=60):
    """Wait until the condition holds, and return its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return value


@pytest.fixture
def shop_with_silent_server(shop, silent_server, port):
    silent_server.settimeout(60)
    shop.environment |= {"SHOP_SILENT_PORT": str(port), "SHOP_ALERT": "tests.outages.mails.greet_silent_server"}
    assert shop.query(BREAK) == 1
    return shop


@pytest.mark.server
def test_worker_works_and_stops_while_the_mail_server_is_silent(shop_with_silent_server, silent_server):
    shop = shop_with_silent_server
    worker = shop.start("-c", RUN, "30")
    connected, _ = silent_server.accept()
    with connected:
        shop.query(
            "[Message.objects.create(url_topic='order', account='default', due_at='2020-01-01T00:00:00Z', "
            'body=b\'{"increment_id": "00000000%d"}\' % n) for n in range(5)] and 1'
        )
        wait_until(lambda: shop.query("Order.objects.count()") == 5)
        began = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        out, errors = worker.communicate(timeout=60)
    assert (worker.returncode, out) == (0, ""), errors
    assert time.monotonic() - began < 10


@pytest.mark.server
def test_worker_once_waits_for_the_alarm_no_longer_than_its_time(shop_with_silent_server, silent_server):
    shop = shop_with_silent_server
    worker = shop.start("-c", RUN, "2", "--once")
    connected, _ = silent_server.accept()
    with connected:
        out, errors = worker.communicate(timeout=60)
    assert (worker.returncode, out) == (0, ""), errors
    assert "has not returned for 2 seconds" in errors
    assert shop.query("Alarm.objects.get(name='quarantined').told_at is None")


@pytest.mark.server
def test_worker_once_ends_after_a_slow_alarm_was_sent(shop_with_silent_server, silent_server):
    shop = shop_with_silent_server
    worker = shop.start("-c", RUN, "60", "--once")
    connected, _ = silent_server.accept()
    time.sleep(1)
    connected.close()
    out, errors = worker.communicate(timeout=60)
    assert (worker.returncode, out) == (0, ""), errors
    assert shop.query("Alarm.objects.get(name='quarantined').told_at is not None")


# ---------------------------------------------------------------- in one process


class Alert:
    """`ALERT` function that runs what a test wants, in the thread that calls it."""

    function = staticmethod(lambda: None)
    threads = ()


def called(subject, text):
    Alert.threads = (*Alert.threads, threading.current_thread())
    Alert.function()


@pytest.fixture
def alert(transactional_db, monkeypatch):
    """Break a message, use a real alarm thread, and return the class that holds the `ALERT` function."""
    monkeypatch.setattr(alarm, "ALARM_THREAD", AlarmThread())
    monkeypatch.setattr(Alert, "threads", ())
    Message.objects.create(**BROKEN)
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "ALERT": f"{__name__}.called"}):
        yield Alert


@pytest.fixture
def hang(alert, monkeypatch):
    """Make `ALERT` hang until the end of the test."""
    end = threading.Event()
    monkeypatch.setattr(alert, "function", staticmethod(lambda: end.wait(100)))
    yield alert
    end.set()
    for thread in alert.threads:
        thread.join(100)


def check_again(hour=False):
    """Check as if a minute, or an hour, had passed."""
    Lock.objects.filter(name="look").update(acquired_at=PAST)
    if hour:
        Lock.objects.filter(name="alert").update(acquired_at=PAST)
    alarm.check()


def is_told():
    return Alarm.objects.filter(name="quarantined", told_at__isnull=False).exists()


def wait_for_thread():
    alarm.ALARM_THREAD.wait(threading.Event())


def test_alarm_is_sent_in_a_thread_that_closes_its_connection(alert, monkeypatch):
    closed, close_all = [], alarm_thread.connections.close_all

    def close():
        closed.append(threading.current_thread())
        close_all()

    monkeypatch.setattr(alarm_thread.connections, "close_all", close)
    monkeypatch.setattr(alert, "function", staticmethod(connection.ensure_connection))
    alarm.check()
    wait_for_thread()
    assert is_told()
    (thread,) = alert.threads
    assert thread is not threading.current_thread()
    assert closed == [thread]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), OSError("Testman"), GeneratorExit()])
def test_alert_that_exits_or_fails_stops_nothing_and_is_called_again_in_an_hour(alert, monkeypatch, caplog, error):
    def fail():
        raise error

    monkeypatch.setattr(alert, "function", staticmethod(fail))
    alarm.check()
    wait_for_thread()
    assert not is_told()
    assert type(error).__name__ in caplog.text
    assert "Testman" not in caplog.text
    check_again()
    wait_for_thread()
    assert len(alert.threads) == 1
    monkeypatch.setattr(alert, "function", staticmethod(lambda: None))
    check_again(hour=True)
    wait_for_thread()
    assert is_told()


def test_alert_that_hangs_does_not_hold_up_the_check(hang, post):
    began = time.monotonic()
    alarm.check()
    alarm.check_throttle.reset()
    Lock.objects.filter(name="look").update(acquired_at=PAST)
    post("order")
    assert time.monotonic() - began < 10
    assert Order.objects.exists()
    assert not is_told()


def test_only_one_alarm_runs_at_a_time(hang):
    alarm.check()
    check_again(hour=True)
    check_again(hour=True)
    assert len(hang.threads) == 1


def test_alert_that_hangs_is_left_alone_and_called_again_in_an_hour_in_three_threads_at_most(hang, monkeypatch, caplog):
    monkeypatch.setattr(alarm_thread, "SEND_SECONDS", 0.2)
    for number in range(1, 6):
        check_again(hour=True)
        wait_until(lambda n=number: len(hang.threads) >= min(n, 3))
        wait_for_thread()
    assert len(hang.threads) == 3
    assert caplog.text.count("is left alone") == 3
    assert not is_told()


def test_receiver_of_an_alarm_signal_that_exits_stops_no_alarm(alert):
    Message.objects.create(url_topic="order", account="default", body=b"{}", due_at=PAST)

    def leave(**arguments):
        sys.exit(3)

    signals.backlog_detected.connect(leave)
    try:
        alarm.check()
        wait_for_thread()
    finally:
        signals.backlog_detected.disconnect(leave)
    assert is_told()


@pytest.mark.parametrize(("timeout", "expected"), [(None, alarm.MAIL_SECONDS), (3, 3)])
def test_mail_to_admins_has_a_time_out_of_its_own(settings, monkeypatch, timeout, expected):
    used = []
    monkeypatch.setattr(
        "django.core.mail.backends.smtp.EmailBackend.send_messages", lambda self, _: used.append(self.timeout)
    )
    use_smtp(settings, timeout)
    settings.ADMINS = ["office@example.com"] if django.VERSION >= (6, 0) else [("Office", "office@example.com")]
    alarm._call_alert("subject", "text")
    assert used == [expected]
