"""Base for runners on a task queue. The task has no payload: it only makes a worker look for due work.

The work, its attempts and its claims are columns of our rows. A second wake-up finds nothing to do, a lost one delays
the work until the next wake-up, and the work of a killed process is taken over when its lease lapses.
"""

from __future__ import annotations

import time

from django.db import Error as DatabaseFault

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Message
from stockhub_webhooks.operations.worker import Worker

logger = logger_of(__name__)

SLICE_SECONDS = 50.0

engine_throttle = Throttle(30.0)  # by class: each task queue has its own broker


class QueuedRunner:
    """The request only journals the message. After the answer, a wake-up is sent to the task queue."""

    applies_in_request = False

    def after_answer(self, message: Message) -> None:
        """Send a wake-up for each message, so that several processes of the queue share the work."""
        self.wake()

    def wake(self) -> None:
        """Send a wake-up. If that fails, it is logged, and no other one is sent for 30 seconds."""
        if not engine_throttle.is_due(type(self).__name__):
            return
        try:
            self.send()
        except Exception as fault:
            engine_throttle.start(type(self).__name__)
            logger.warning("a wake-up could not be sent (%s); the work waits for the next sweep", error_location(fault))

    def send(self) -> None:
        """Send a wake-up, within a few seconds.

        Raises:
            Exception: the task queue does not take it.
        """
        raise NotImplementedError

    def works_here(self) -> bool:
        """Return True if the queue runs tasks at once, in the process that sends them."""
        return False

    def has_engine(self) -> bool:
        """Return True if this process can send wake-ups."""
        return True

    def work(self, seconds: float = SLICE_SECONDS) -> None:
        """Do due work for at most so many seconds, and send a wake-up if some is left. Never raises."""
        is_in_sender = self.works_here()
        if is_in_sender:
            seconds = min(seconds, conf.INLINE_BUDGET_SECONDS)
        worker = Worker(until=time.monotonic() + seconds)
        try:
            worker.once()
        except DatabaseFault as fault:
            logger.warning("the database does not answer (%s); the work stays due", type(fault).__name__)
        except Exception as fault:
            logger.error("unexpected error (%s); the work stays due", error_location(fault))
        else:
            if time.monotonic() >= worker.until and not is_in_sender:
                self.wake()
