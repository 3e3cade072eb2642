"""Runner that leaves all work to `stockhub_worker`."""

from __future__ import annotations

from stockhub_webhooks.models import Message


class WorkerRunner:
    """The request only journals the message. No wake-up is sent: the worker looks for due work every second."""

    applies_in_request = False

    def after_answer(self, message: Message) -> None:
        """Do nothing."""

    def wake(self) -> None:
        """Do nothing."""
