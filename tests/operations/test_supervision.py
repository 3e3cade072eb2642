"""Code of the shop that never returns, in a worker of its own process."""

import time

import pytest

from stockhub_webhooks.operations import once
from tests.processing.test_concurrency import post_at_once
from tests.samples import sample

pytestmark = pytest.mark.server

NUMBERS = ["000000001", "000000002", "000000003", "000000004"]
DONE = "ReceiverCall.objects.filter(receiver='shop.orders', status='done')"


@pytest.fixture
def orders(shop):
    shop.environment |= {"SHOP_RUNNER": "worker", "SHOP_ALARM_SECONDS": "1", "SHOP_LEASE_SECONDS": "1"}
    post_at_once(shop, [[["order", sample("order", increment_id=number)] for number in NUMBERS]])
    return shop


def done(shop):
    return sorted(shop.query(f"list({DONE}.values_list('order__increment_id', flat=True))"))


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.postgresql
def test_receiver_that_never_returns_leaves_the_other_calls_alone(orders):
    worker = orders.start("-m", "django", "stockhub_worker", SHOP_ENDLESS_ORDERS=NUMBERS[1])
    wait_for(lambda: done(orders) == [NUMBERS[0], *NUMBERS[2:]])
    assert worker.poll() is None


def test_worker_ends_with_an_error_if_too_many_receivers_never_return(orders):
    """The next process calls them again, and what they had written is written once.

    A call that was claimed together with others may be taken over twice: then it is a failure with a pause.
    """
    orders.environment["SHOP_BACKOFF_SECONDS"] = "1"
    worker = orders.start("-m", "django", "stockhub_worker", SHOP_ENDLESS_ORDERS=" ".join(NUMBERS[1:]))
    _out, errors = worker.communicate(timeout=90)
    assert worker.returncode == 1
    assert "tests.shop.stockhub_receivers.orders" in errors
    assert done(orders) == NUMBERS[:1]
    orders.worker("--max-seconds=10")
    assert done(orders) == NUMBERS
    heard = "sorted(Heard.objects.filter(receiver='orders').values_list('order_number', flat=True))"
    assert orders.query(heard) == NUMBERS


def test_cron_line_ends_although_a_receiver_never_returns(orders):
    arguments = ("-m", "django", "stockhub_worker", "--once", "--max-seconds=1")
    worker = orders.start(*arguments, SHOP_ENDLESS_ORDERS=" ".join(NUMBERS))
    worker.communicate(timeout=60)
    assert worker.returncode == 1


def test_second_signal_ends_a_worker_whose_receiver_never_returns(orders):
    orders.environment |= {"SHOP_ENDLESS_ORDERS": " ".join(NUMBERS), "SHOP_ALARM_SECONDS": "60"}
    worker = orders.start("-m", "django", "stockhub_worker")
    wait_for(lambda: orders.query("ReceiverCall.objects.filter(status='running').exists()"))
    worker.terminate()
    time.sleep(1)
    assert worker.poll() is None
    worker.terminate()
    worker.communicate(timeout=20)
    assert worker.returncode == 143


@pytest.mark.postgresql
def test_cron_lines_do_not_pile_up_while_receivers_never_return(orders):
    orders.environment |= {"SHOP_ENDLESS_ORDERS": " ".join(NUMBERS), "SHOP_ALARM_SECONDS": "10"}
    arguments = ("-m", "django", "stockhub_worker", "--once", "--max-seconds=1")
    workers = [orders.start(*arguments) for _ in range(6)]
    wait_for(lambda: sum(worker.poll() is None for worker in workers) <= len(once.SLOTS))
    ended = [worker for worker in workers if worker.poll() is not None]
    assert ended
    for worker in ended:
        _out, errors = worker.communicate()
        assert worker.returncode == 0, errors
    for worker in workers:
        worker.wait(timeout=60)
    orders.worker("--once", SHOP_ENDLESS_ORDERS="")
    assert done(orders)
