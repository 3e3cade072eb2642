"""Runners start the work. The choice of the runner changes how soon the work is done, never if it is done.

``inline`` works in the web processes (in ``slices``), ``worker`` leaves all to the worker. ``celery`` and ``tasks``
(Django's) wake a queue, on ``queued``. ``checks`` are the system checks of the chosen one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from django.utils.module_loading import import_string

from stockhub_webhooks.conf import conf
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.runners.worker import WorkerRunner

logger = logger_of(__name__)


class Runner(Protocol):
    """Protocol of the class that `RUNNER` names; it is instantiated without arguments."""

    applies_in_request: bool

    def after_answer(self, message: Message) -> None:
        """Continue after the answer; `message` is stored, and applied if `applies_in_request`."""

    def wake(self) -> None:
        """Start work that did not come with a request."""


BY_NAME = {
    "inline": "stockhub_webhooks.runners.inline.InlineRunner",
    "worker": "stockhub_webhooks.runners.worker.WorkerRunner",
    "celery": "stockhub_webhooks.runners.celery.CeleryRunner",
    "tasks": "stockhub_webhooks.runners.tasks.TasksRunner",
}

WITHOUT_QUEUE = ("inline", "worker")


def named() -> type[Runner]:
    """Return the class that `RUNNER` names.

    Raises:
        ImportError: there is no such class.
        Exception: any other error of its module.
    """
    kind: type[Runner] = import_string(BY_NAME.get(conf.RUNNER, conf.RUNNER))
    return kind


def load() -> None:
    """Import the module of a runner with a task queue, whose workers must know the task; a check reports errors."""
    if conf.RUNNER not in WITHOUT_QUEUE:
        with suppress(Exception):
            named()


def current() -> Runner:
    """Return the runner that `RUNNER` names. If it can't be loaded, return one that leaves all work to the worker."""
    try:
        return named()()
    except Exception as error:
        logger.error(
            "STOCKHUB_WEBHOOKS['RUNNER'] could not be loaded (%s); messages wait for stockhub_worker",
            error_location(error),
        )
        return WorkerRunner()
