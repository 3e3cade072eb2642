"""Wake-ups by Celery. Imported if `RUNNER` is `"celery"`, so that every Celery worker knows the task."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.loaders.default import Loader as DefaultLoader

from stockhub_webhooks.conf import conf
from stockhub_webhooks.runners.queued import SLICE_SECONDS, QueuedRunner

TASK_NAME = "stockhub_webhooks.wake"
TIMEOUT_SECONDS = 2.0

# Options of Redis and of AMQP; a transport ignores those that it does not know.
TIMEOUTS = ("socket_connect_timeout", "socket_timeout", "read_timeout", "write_timeout")
# By default, a client waits for a broker that is away or hangs until it is back.
TRANSPORT_OPTIONS = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    **dict.fromkeys(TIMEOUTS, TIMEOUT_SECONDS),
}


class CeleryRunner(QueuedRunner):
    """A wake-up is a task without arguments and without a result, in the host's own Celery app."""

    def send(self) -> None:
        """Publish the task over a connection with time-outs of our own."""
        queue = {"queue": conf.QUEUE} if conf.QUEUE else {}
        with wake_up.app.connection_for_write(
            connect_timeout=TIMEOUT_SECONDS, transport_options=TRANSPORT_OPTIONS
        ) as connection:
            wake_up.apply_async(connection=connection, retry=False, **queue)

    def works_here(self) -> bool:
        """Return True if the host runs its tasks eagerly."""
        return bool(wake_up.app.conf.task_always_eager)

    def has_engine(self) -> bool:
        """Return True if this process has the host's Celery app, and not Celery's default one."""
        return not isinstance(wake_up.app.loader, DefaultLoader)


def work(task: Any) -> None:
    """Do due work, and end well before the host's time limits."""
    limit = min(filter(None, (task.soft_time_limit, task.time_limit)), default=SLICE_SECONDS * 2)
    CeleryRunner().work(min(SLICE_SECONDS, limit / 2))


# Celery's decorator has no types, and would take them from the function.
wake_up: Any = shared_task(work, bind=True, name=TASK_NAME, ignore_result=True)
