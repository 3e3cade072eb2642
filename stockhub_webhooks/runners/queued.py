"""What the runners share whose wake-ups are carried by an engine. A wake-up says "look", and never at what.

What is to be done, how often it was tried and who holds it stands in our rows. So a second wake-up finds nothing to
do, one that is lost costs time until the next sweep, and who is killed at work is replaced when the lease lapses.
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
        """A wake-up for each message: engines with several processes share the work."""
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
        """Whether the engine is set up to do the work at once, in the process that hands over the wake-up."""
        return False

    def has_engine(self) -> bool:
        """Whether this process knows where to hand a wake-up to."""
        return True

    def work(self, seconds: float = SLICE_SECONDS) -> None:
        """Do what is due, for so many seconds at most; for what is left then, wake somebody again. Never raises."""
        here = self.works_here()
        worker = Worker(max_seconds=min(seconds, conf.INLINE_BUDGET_SECONDS) if here else seconds)
        try:
            worker.once()
        except DatabaseFault as fault:
            logger.warning("the database does not answer (%s), the work stays due", type(fault).__name__)
        except Exception as fault:
            logger.error("a fault of ours (%s), the work it was at stays due", error_location(fault))
        else:
            if time.monotonic() >= worker.until and not here:
                self.wake()
