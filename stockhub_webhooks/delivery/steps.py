"""Steps of receivers that run once, though the receiver fails after them.

A step that was run is remembered on the call, and written in the transaction that postpones the call or gives it up:
the transaction of the receiver itself is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import FinishedStep, ReceiverCall


def run(call: ReceiverCall, name: str, function: Callable[[], Any]) -> None:
    """Run a step, unless a former attempt of the call has."""
    rows = FinishedStep.objects.using(database_alias()).filter(call=call, name=name)
    if name not in call.steps_run and not rows.exists():
        function()
        call.steps_run.add(name)


def keep(call: ReceiverCall) -> None:
    """Write the steps that this attempt has run, in the present transaction."""
    new = [FinishedStep(call=call, name=name) for name in sorted(call.steps_run)]
    FinishedStep.objects.using(database_alias()).bulk_create(new, ignore_conflicts=True)
