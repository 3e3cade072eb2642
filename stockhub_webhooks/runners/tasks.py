"""Wake-ups by Django's own tasks: `django.tasks`, or on Django 5.2 the package `django-tasks`."""

from __future__ import annotations

from stockhub_webhooks.conf import conf
from stockhub_webhooks.runners.queued import QueuedRunner

try:
    from django.tasks import task
    from django.tasks.backends.immediate import ImmediateBackend
except ImportError:  # pragma: no cover - Django 5.2
    from django_tasks import task  # type: ignore[no-redef]
    from django_tasks.backends.immediate import ImmediateBackend  # type: ignore[assignment]


class TasksRunner(QueuedRunner):
    """A wake-up is a task without arguments, for the host's default backend in `TASKS`."""

    def send(self) -> None:
        """Enqueue the task."""
        (wake_up.using(queue_name=conf.QUEUE) if conf.QUEUE else wake_up).enqueue()

    def works_here(self) -> bool:
        """Return True if the backend is Django's default, which runs a task at once."""
        return isinstance(wake_up.get_backend(), ImmediateBackend)


@task
def wake_up() -> None:
    """Do due work."""
    TasksRunner().work()
