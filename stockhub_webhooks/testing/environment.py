"""Settings that differ in a test, whatever the shop's settings are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.test.utils import override_settings

from stockhub_webhooks.conf import NAME, configured
from stockhub_webhooks.models import Message


class PatientRunner:
    """Applies a message while it is delivered, and leaves the shop's receivers to `run_pending`."""

    applies_in_request = True

    def after_answer(self, message: Message) -> None:
        """Nothing: `run_pending` finds it."""

    def wake(self) -> None:
        """Nothing: `run_pending` finds it."""


@contextmanager
def in_a_test() -> Iterator[None]:
    """Use the shop's settings, but let receivers wait, send no alarms, and use a spool directory of the test.

    A test must never import a developer's spooled messages into a database that is thrown away, nor write there.
    """
    runner = f"{PatientRunner.__module__}.{PatientRunner.__qualname__}"
    changes = {"RUNNER": runner, "SPOOL_DIR": "", "ALERT": ""}
    with override_settings(**{NAME: {**configured(), **changes}}):
        yield
