"""Problems of a shop, one at a time."""

import os
from datetime import datetime, timedelta, timezone

import pytest
from django.test import override_settings

from stockhub_webhooks import signals
from stockhub_webhooks.exceptions import PermanentFailure
from stockhub_webhooks.models import Heartbeat, Message, ReceiverCall
from tests.conftest import KEY
from tests.samples import sample

PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)


def refuse(**arguments):
    raise PermanentFailure("Testman at Teststraat 1 does not exist")


def now():
    return datetime.now(timezone.utc)


@pytest.fixture
def broken(post, hear, tmp_path):
    """Return a function that causes the problem with this code."""

    def given_up():
        hear(signals.order_created, refuse, uid="shop.refuses")
        post("order")

    def failed():
        post("order")
        Message.objects.update(status="failed", due_at=None, error="ValueError: Testman")

    def quarantined():
        post("order", b'{"customer": "Testman"}')

    def impossible_times():
        post("order", sample("order", updated_at="2999-01-01T00:00:00Z"))

    def refusals():
        post("order", b"x", key="wrong")

    def refused_stock_hub():
        post("order", key="mistyped")

    def silence():
        post("order")
        Message.objects.update(received_at=now() - timedelta(hours=30))

    def no_worker():
        with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
            post("order")
        Message.objects.update(due_at=now() - timedelta(minutes=16))

    def backlog():
        no_worker()
        Heartbeat.objects.create(name="worker", beat_at=now())

    def order_locked():
        with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "RUNNER": "worker"}):
            post("order")
        error = "Order 000000123 is locked by another transaction (pid 17, application psql, idle in transaction)"
        minute_ago = now() - timedelta(seconds=61)
        Message.objects.update(cause="order_locked", error=error, received_at=minute_ago, due_at=now())

    def gone_receivers():
        hear(signals.order_created, uid="shop.removed")
        with override_settings(STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "INLINE_BUDGET_SECONDS": 0}):
            post("order")
        receiver = signals.order_created.find("shop.removed").function
        signals.order_created.disconnect(receiver, dispatch_uid="shop.removed")
        ReceiverCall.objects.update(due_at=PAST)

    def spool():
        (tmp_path / "spool").mkdir()
        (tmp_path / "spool" / "x.broken").write_text("{")

    def spool_late():
        (tmp_path / "spool").mkdir()
        (tmp_path / "spool" / "x.json").write_text("{")
        os.utime(tmp_path / "spool" / "x.json", (PAST.timestamp(),) * 2)

    ways = {name: value for name, value in locals().items() if callable(value) and name not in ("post", "hear")}
    with override_settings(
        STOCKHUB_WEBHOOKS={"API_KEYS": KEY, "SPOOL_DIR": tmp_path / "spool", "SILENCE_AFTER_HOURS": 24}
    ):
        yield lambda name: ways[name]()
