"""A real Redis and real Celery processes: another engine changes when the work is done, and nothing else."""

import signal
import time

import pytest

from tests.runners.conftest import assert_each_event_was_told_once_and_in_sequence, order, post

pytestmark = pytest.mark.server
CELERY = ("-m", "celery", "-A", "tests.shop.celery_app", "--quiet")
QUIET = ("--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat")


@pytest.fixture
def celery_shop(shop, redis):
    """A shop whose wake-ups go through Redis."""
    shop.environment |= {"SHOP_RUNNER": "celery", "SHOP_BROKER": redis.url}
    return shop


def worker(shop, name, *options, **environment):
    """A Celery worker in one process, so that killing it kills all of it."""
    pool = options or ("--pool", "solo")
    return shop.start(*CELERY, "worker", "--hostname", f"{name}@shop", *QUIET, *pool, **environment)


def beat(shop):
    """Celery's clock, which sweeps each second here."""
    return shop.start(*CELERY, "beat", "--schedule", str(shop.folder / "beat"), "--pidfile", "", "--loglevel", "ERROR")


def until(shop, expression):
    """Wait until an expression is true in the shop."""
    for _ in range(60):
        if shop.query(expression):
            return
        time.sleep(0.2)
    raise AssertionError(expression)


def test_the_request_only_stores_and_a_worker_with_children_does_the_rest(celery_shop):
    celery = worker(celery_shop, "one", "--concurrency", "2")
    with celery_shop.serve("-k", "gthread", "--threads", "2") as address:
        assert post(address, order(1), order(2)) == [202, 202]
        found = celery_shop.inventory()
    assert_each_event_was_told_once_and_in_sequence(found, orders=2, versions=1)
    assert celery_shop.query("Heartbeat.objects.count()") == 1
    assert "could not be sent" not in celery_shop.log()
    celery.send_signal(signal.SIGTERM)
    _, errors = celery.communicate(timeout=30)
    assert celery.returncode == 0, errors
    assert "Traceback" not in errors


def test_two_workers_share_the_work_and_tell_each_event_once_and_in_sequence(celery_shop):
    options = ("--pool", "solo", "--loglevel", "INFO")
    workers = [worker(celery_shop, name, *options, SHOP_SLEEP_SECONDS="0.01") for name in ("one", "two")]
    with celery_shop.serve() as address:
        bodies = [order(number, version) for version in range(4) for number in range(8)]
        assert set(post(address, *bodies)) == {202}
        # what one process postponed because the other held it is found by the next look
        beat(celery_shop)
        found = celery_shop.inventory()
    assert_each_event_was_told_once_and_in_sequence(found, orders=8, versions=4)
    for process in workers:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert "stockhub_webhooks.wake" in errors  # it took part


def test_a_worker_killed_at_work_is_replaced_when_its_lease_lapses(celery_shop):
    celery_shop.environment["SHOP_LEASE_SECONDS"] = "2"
    first = worker(celery_shop, "first", SHOP_SLEEP_SECONDS="100")
    with celery_shop.serve() as address:
        assert post(address, order(1)) == [202]
    until(celery_shop, "ReceiverCall.objects.filter(receiver='shop.every', status='running').exists()")
    first.send_signal(signal.SIGKILL)
    first.wait(20)
    worker(celery_shop, "second")
    beat(celery_shop)  # the first one's wake-up is lost with it
    found = celery_shop.inventory()
    assert_each_event_was_told_once_and_in_sequence(found, orders=1, versions=1)
    # the first lapse is not counted
    assert (
        celery_shop.query("ReceiverCall.objects.get(receiver='shop.every', event__type='order.created').attempts") == 1
    )


@pytest.mark.parametrize("fault", ["stop", "hang"])
def test_a_broker_that_is_away_or_hangs_costs_no_message_and_a_sweep_finds_the_work(celery_shop, redis, fault):
    with celery_shop.serve() as address:  # one process: who hangs in one request answers no other
        assert post(address, order(1)) == [202]
        getattr(redis, fault)()
        assert post(address, order(2), order(3), order(2, 1), order(3, 1)) == [202] * 4
        assert celery_shop.query("Message.objects.filter(status='received').count()") == 5
    assert celery_shop.log().count("could not be sent") == 1
    celery_shop.worker("--once")
    found = celery_shop.inventory()
    assert found["left"] == {"spooled": 0, "messages": 0, "calls": 0}
    assert dict(found["orders"]) == {"000000001": "pending", "000000002": "processing", "000000003": "processing"}
