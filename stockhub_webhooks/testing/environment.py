"""Settings that the testing kit overrides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.test.utils import override_settings

from stockhub_webhooks.conf import NAME, configured
from stockhub_webhooks.models import Message


class ManualRunner:
    """Runner that applies a message within the request and starts nothing; `run_pending` calls the receivers."""

    applies_in_request = True

    def after_answer(self, message: Message) -> None:
        """Do nothing; `run_pending` finds what is due."""

    def wake(self) -> None:
        """Do nothing; `run_pending` finds what is due."""


@contextmanager
def test_settings() -> Iterator[None]:
    """Use the shop's settings, but call no receivers, raise no alarms and have no spool directory.

    With the shop's spool directory, a test could import real messages into a database that is then deleted.
    """
    runner = f"{ManualRunner.__module__}.{ManualRunner.__qualname__}"
    changes = {"RUNNER": runner, "SPOOL_DIR": "", "ALERT": ""}
    with override_settings(**{NAME: {**configured(), **changes}}):
        yield
