"""The request only journals; `stockhub_worker` does the rest."""

from __future__ import annotations

from stockhub_webhooks.models import Message


class WorkerRunner:
    """Runner without wake-ups: the worker looks at the tables every second."""

    applies_in_request = False

    def after_answer(self, message: Message) -> None:
        """Nothing: the worker finds it."""

    def wake(self) -> None:
        """Nothing: the worker finds it."""
