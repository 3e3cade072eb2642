"""Base for runners on a task queue. The task has no payload: it only makes a worker look for due work.

The work, its attempts and its claims are columns of our rows. A second wake-up finds nothing to do, a lost one costs
time until the next look, and the work of a killed process is taken over when its lease lapses.
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

engine_throttle = Throttle(30.0)  # by class: each engine has a broker of its own


class QueuedRunner:
    """The request only journals; once it is answered, a wake-up is handed to the engine."""

    applies_in_request = False

    def after_answer(self, message: Message) -> None:
        """Send a wake-up for each message, so that several processes of the queue share the work."""
        self.wake()

    def wake(self) -> None:
        """Hand over a wake-up. An engine that cannot take it is left alone for 30 seconds, and fails nothing."""
        if not engine_throttle.is_due(type(self).__name__):
            return
        try:
            self.send()
        except Exception as fault:
            engine_throttle.start(type(self).__name__)
            logger.warning(
                "a wake-up could not be handed over (%s), the work waits for the next sweep", error_location(fault)
            )

    def send(self) -> None:
        """Hand over a wake-up, in a few seconds at most.

        Raises:
            Exception: the engine does not take it.
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
        here = self.works_here()
        if here:
            seconds = min(seconds, conf.INLINE_BUDGET_SECONDS)
        worker = Worker(until=time.monotonic() + seconds)
        try:
            worker.once()
        except DatabaseFault as fault:
            logger.warning("the database does not answer (%s), the work stays due", type(fault).__name__)
        except Exception as fault:
            logger.error("a fault of ours (%s), the work it was at stays due", error_location(fault))
        else:
            if time.monotonic() >= worker.until and not here:
                self.wake()
