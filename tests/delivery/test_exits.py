"""Code of the shop that ends its process by an exception, such as `sys.exit`: a failure like any other."""

import argparse
import asyncio
import sys

import pytest
from django.db import transaction
from django.dispatch import Signal
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.delivery import calls
from stockhub_webhooks.exceptions import WorkerStopped
from stockhub_webhooks.models import Alarm, Heartbeat, Message, ReceiverCall
from stockhub_webhooks.operations import worker
from stockhub_webhooks.operations.health import alarm
from stockhub_webhooks.testing.factories import ReceiverCallFactory
from tests.conftest import KEY
from tests.samples import sample

pytestmark = pytest.mark.django_db
PAST = "2020-01-01T00:00:00Z"


def leave(*args, **kwargs):
    sys.exit(3)


def parse_arguments(*args, **kwargs):
    argparse.ArgumentParser().parse_args(["--no-such-option"])


def interrupt(*args, **kwargs):
    raise KeyboardInterrupt


def end_generator(*args, **kwargs):
    raise GeneratorExit


def cancel(*args, **kwargs):
    raise asyncio.CancelledError


EXITS = [leave, parse_arguments, interrupt, end_generator, cancel]
EACH_EXIT = pytest.mark.parametrize("leave", EXITS)


@EACH_EXIT
def test_exit_in_a_receiver_is_a_failure_with_its_cause_and_the_worker_goes_on(post, hear, leave, settings):
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "RUNNER": "worker"}

    def write_and_leave(**arguments):
        Heartbeat.objects.create(name="shop", beat_at=PAST)
        leave()

    hear(signals.order_created, write_and_leave)
    other = hear(signals.order_created)
    post("order")
    worker.drain()
    first, second = ReceiverCall.objects.order_by("pk")
    assert (first.status, first.attempts, second.status) == ("pending", 1, "done")
    assert first.cause.split(" at ")[0] in ("SystemExit", "KeyboardInterrupt", "GeneratorExit", "CancelledError")
    assert len(other) == 1
    assert not Heartbeat.objects.filter(name="shop").exists()


@override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "MAX_ATTEMPTS": 2})
def test_receiver_that_exits_each_time_is_given_up(post, hear):
    hear(signals.order_created, leave)
    post("order")
    ReceiverCall.objects.update(due_at=PAST)
    worker.drain()
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts) == ("given_up", 2)


@EACH_EXIT
def test_exit_in_a_hook_after_the_commit_is_no_failure_of_the_receiver(transactional_db, post, hear, leave):
    heard = hear(signals.order_created, lambda **arguments: transaction.on_commit(leave))
    post("order")
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts, len(heard)) == ("done", 1, 1)


@EACH_EXIT
def test_exit_in_the_resolver_is_an_order_that_is_not_found(post, hear, leave, monkeypatch):
    monkeypatch.setattr(f"{__name__}.resolver", leave)
    found = []
    hear(signals.order_created, lambda event, **arguments: found.append(event.host_order))
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "HOST_ORDER_RESOLVER": f"{__name__}.resolver"}):
        post("order")
    assert found == [None]
    assert ReceiverCall.objects.get().status == "done"


def resolver(po_number, order):
    """Stand in for one of the exits."""


@EACH_EXIT
def test_exit_in_alert_breaks_nothing(leave, monkeypatch, caplog):
    monkeypatch.setattr(f"{__name__}.resolver", leave)
    ReceiverCallFactory(status="given_up")
    with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "ALERT": f"{__name__}.resolver"}):
        alarm.check()
    assert Alarm.objects.filter(name="given_up", told_at=None).exists()
    assert "ALERT is called again" in caplog.text


@EACH_EXIT
@pytest.mark.parametrize("is_async", [False, True])
def test_exit_in_a_receiver_of_an_operational_signal_touches_no_other(post, leave, is_async):
    heard = []

    async def leave_later(**arguments):
        leave()

    def note(**arguments):
        heard.append(arguments["message"])

    names = ("message_received", "message_processed")
    for name in names:
        getattr(signals, name).connect(leave_later if is_async else leave, weak=False, dispatch_uid="leaves")
        getattr(signals, name).connect(note, weak=False, dispatch_uid="notes")
    try:
        assert post("order").status_code == 200
    finally:
        for name in names:
            assert getattr(signals, name).disconnect(dispatch_uid="leaves")
            assert getattr(signals, name).disconnect(dispatch_uid="notes")
    assert len(heard) == 2


def test_every_operational_signal_survives_an_exit():
    operational = [value for name, value in vars(signals).items() if isinstance(value, Signal)]
    operational = [value for value in operational if not isinstance(value, signals.EventSignal)]
    assert len(operational) == 9
    for signal in operational:
        signal.connect(leave, weak=False, dispatch_uid="leaves")
        try:
            ((_, answer),) = [pair for pair in signal.send_robust(Message) if pair[0].__name__ == "leave"]
        finally:
            signal.disconnect(dispatch_uid="leaves")
        assert isinstance(answer, RuntimeError)


class GreenletExit(BaseException):
    """Stand in for the exception that ends a greenlet of gevent."""


@pytest.mark.parametrize("stop", [WorkerStopped(15), GreenletExit()])
def test_end_of_the_worker_passes_and_leaves_the_call_claimed(post, hear, stop, settings, monkeypatch):
    module = type(sys)("greenlet")
    module.GreenletExit = GreenletExit
    monkeypatch.setitem(sys.modules, "greenlet", module)
    settings.STOCKHUB_WEBHOOKS = {"API_KEYS": KEY, "RUNNER": "worker"}

    def stopped(**arguments):
        raise stop

    hear(signals.order_created, stopped)
    post("order", sample("order"))
    with pytest.raises(type(stop)):
        worker.drain()
    call = ReceiverCall.objects.get()
    assert (call.status, call.attempts, call.last_error) == ("running", 1, "")
    assert calls.deliver_due(until=float("inf")) == 0  # until the lease lapses
