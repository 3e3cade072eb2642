"""A real worker of django-tasks-db: its rows say nothing of ours."""

import time

import pytest

from tests.runners.conftest import assert_each_event_was_told_once_and_in_sequence, order, post

# once is enough; on MariaDB the package migrates for half a minute a test
pytestmark = [pytest.mark.server, pytest.mark.postgresql]
WORKER = ("-m", "django", "db_worker", "--interval", "0.1", "--no-startup-delay", "-v0")
RUNNING = (
    "from django_tasks_db.models import DBTaskResult as T; print(sorted(T.objects.values_list('status', flat=True)))"
)


def with_tasks(shop, backend):
    """The shop with a backend of tasks."""
    try:
        import django.tasks  # noqa: F401 - what Django 5.2 lacks

        immediate = "django.tasks.backends.immediate.ImmediateBackend"
    except ImportError:
        immediate = "django_tasks.backends.immediate.ImmediateBackend"
    named = {"database": "django_tasks_db.DatabaseBackend", "immediate": immediate}
    shop.environment |= {"SHOP_RUNNER": "tasks", "SHOP_TASKS": named[backend]}
    shop.run("-m", "django", "migrate", "-v0")
    return shop


def statuses(shop):
    """Of the engine's own rows."""
    return shop.run("-c", f"import django; django.setup(); {RUNNING}").strip()


def test_workers_of_the_database_backend_tell_each_event_once_and_in_sequence(shop):
    with_tasks(shop, "database")
    workers = [shop.start(*WORKER) for _ in range(2)]
    with shop.serve() as address:
        bodies = [order(number, version) for version in range(3) for number in range(4)]
        assert set(post(address, *bodies)) == {202}
        found = shop.inventory()
    assert all(worker.poll() is None for worker in workers)
    assert_each_event_was_told_once_and_in_sequence(found, orders=4, versions=3)


def test_a_worker_killed_at_work_leaves_its_task_running_for_ever_and_our_rows_decide(shop):
    with_tasks(shop, "database")
    shop.environment["SHOP_LEASE_SECONDS"] = "2"
    with shop.serve() as address:
        assert post(address, order(1)) == [202]
        first = shop.start(*WORKER, SHOP_SLEEP_SECONDS="100")
        for _ in range(60):
            if shop.query("ReceiverCall.objects.filter(receiver='shop.every', status='running').exists()"):
                break
            time.sleep(0.2)
        first.kill()
        first.wait(20)
        assert statuses(shop) == "['RUNNING']"
        shop.start(*WORKER)
        time.sleep(2)  # the lease
        assert post(address, order(2)) == [202]  # the next wake-up, as a sweep would be
        found = shop.inventory()
    assert_each_event_was_told_once_and_in_sequence(found, orders=2, versions=1)
    # the first lapse is not counted
    killed = "receiver='shop.every', event__type='order.created', order__increment_id='000000001'"
    assert shop.query(f"ReceiverCall.objects.get({killed}).attempts") == 1
    assert "RUNNING" in statuses(shop)


def test_the_immediate_backend_does_the_work_after_the_answer(shop):
    with_tasks(shop, "immediate")
    with shop.serve() as address:
        assert post(address, order(1), order(1, 1)) == [202, 202]
        found = shop.inventory()
    assert_each_event_was_told_once_and_in_sequence(found, orders=1, versions=2)
