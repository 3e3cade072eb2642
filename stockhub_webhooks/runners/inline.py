"""Runner that applies messages within the request, and calls receivers and does left-over work after the answer."""

from __future__ import annotations

import itertools
import time

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.throttle import Throttle
from stockhub_webhooks.delivery import calls
from stockhub_webhooks.models import Message
from stockhub_webhooks.office.worklists import sweep
from stockhub_webhooks.operations import worker
from stockhub_webhooks.runners import slices

idle_throttle = Throttle(1.0)
# in turn, since otherwise the calls would wait until all messages are applied
calls_first = itertools.cycle((False, True))


class InlineRunner:
    """The request applies the message. After the answer, its thread calls receivers and does other due work."""

    applies_in_request = True

    def after_answer(self, message: Message) -> None:
        """Call the receivers of this message within `INLINE_BUDGET_SECONDS`, then do other due work for a slice.

        If there was none, the next search is a second later: under load, searching would be a sixth of the work.
        The worklists have shorter pauses of their own, so that the office sees soon what a message changed.
        """
        if message.outcome in (Message.Outcome.CREATED, Message.Outcome.UPDATED, Message.Outcome.STALE):
            until = time.monotonic() + conf.INLINE_BUDGET_SECONDS
            calls.deliver_due(until=until, message=message, in_web=True)
        if message.outcome == Message.Outcome.SPLIT or idle_throttle.is_due():
            self.wake()
        elif sweep.look_throttle.is_due():
            with slices.one_slice() as one:
                if one:
                    sweep.update_due(stop=one, in_web=True)

    def wake(self) -> None:
        """Do due work for a slice of time, unless another thread does so."""
        until = time.monotonic() + conf.INLINE_BUDGET_SECONDS
        with slices.one_slice() as one:
            if one is None:
                return
            done = calls.deliver_due(until=until, stop=one, in_web=True, begin=one.begin) if next(calls_first) else 0
            done += worker.drain(until, one, in_web=True, begin=one.begin, batch=slices.BATCH)
            if not done and not one.is_set():
                idle_throttle.start()
