"""The request does it all: a shop without a worker heals with its traffic."""

from __future__ import annotations

import time

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.delivery import calls
from stockhub_webhooks.models import Message
from stockhub_webhooks.operations import worker

idle_throttle = Throttle(1.0)


class InlineRunner:
    """Apply within the request; tell once it is answered; then help with whatever else is due."""

    applies_in_request = True

    def after_answer(self, message: Message) -> None:
        """Call the receivers of this message first, then spend what is left of the budget on all due work.

        If there was no due work, the next look is a second later: under load, looking would be a sixth of the work.
        Calls are always looked for, since this thread makes the calls that waited in line for another thread's call.
        """
        until = time.monotonic() + conf.INLINE_BUDGET_SECONDS
        if message.outcome in (Message.Outcome.CREATED, Message.Outcome.UPDATED, Message.Outcome.STALE):
            calls.deliver_due(until=until, message=message, in_web=True)
        calls.deliver_due(until=until, in_web=True)
        is_due = message.outcome == Message.Outcome.SPLIT or idle_throttle.is_due()
        if is_due and not worker.drain(until, in_web=True):
            idle_throttle.start()

    def wake(self) -> None:
        """Do what is due, here and now."""
        worker.drain(time.monotonic() + conf.INLINE_BUDGET_SECONDS, in_web=True)
