"""Steps of receivers (`event.once`) that are not repeated if the receiver fails after them.

A finished step is remembered in `call.steps_run`, and saved in the transaction that postpones the call or gives it up:
the transaction of the receiver itself is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.sequences import insert_missing
from stockhub_webhooks.models import FinishedStep, ReceiverCall
from stockhub_webhooks.models.booking import STEP_NAME_LENGTH


def run(call: ReceiverCall, name: str, function: Callable[[], Any]) -> None:
    """Run a step, unless it was finished in this or a former attempt of the call.

    Raises:
        ValueError: the name could not be saved; the step was not run.
    """
    if not 0 < len(name) <= STEP_NAME_LENGTH or "\0" in name:
        raise ValueError(
            f"event.once({name[:STEP_NAME_LENGTH]!r}): name the step with 1 to {STEP_NAME_LENGTH} characters"
        )
    rows = FinishedStep.objects.using(database_alias()).filter(call=call, name=name)
    if name not in call.steps_run and not rows.exists():
        function()
        call.steps_run.add(name)


def save(call: ReceiverCall) -> None:
    """Save the steps that this attempt has finished, in the caller's transaction."""
    insert_missing([FinishedStep(call=call, name=name) for name in sorted(call.steps_run)], database_alias())
