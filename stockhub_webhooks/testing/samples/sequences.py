"""Faults of the network, applied to a life. Each returns a life, so they combine: `shuffle(duplicate(life))`."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from stockhub_webhooks.contract import topics
from stockhub_webhooks.testing.samples.lives import Life
from stockhub_webhooks.testing.samples.story import Step


def duplicate(life: Life) -> Life:
    """Send each message twice in a row; the second one must have no effect."""
    return replace(life, steps=tuple(step for step in life for _ in range(2)))


def shuffle(life: Life, seed: int = 0) -> Life:
    """Send the messages in another sequence with the same end; those of one return keep theirs.

    Those of one return keep theirs among themselves: they tell no `updated_at`, so nobody could put them right.
    """
    shuffled = list(life)
    random.Random(seed).shuffle(shuffled)
    return replace(life, steps=_returns_in_sequence(life, shuffled))


def without_parent(life: Life) -> Life:
    """Send everything that belongs to the order before the order itself."""
    return replace(life, steps=tuple(sorted(life, key=lambda step: step.topic == topics.ORDER)))


def _returns_in_sequence(life: Life, shuffled: Iterable[Step]) -> tuple[Step, ...]:
    """Put the messages of each return back into their sequence."""
    returns = iter([step for step in life if step.topic == topics.RMA])
    return tuple(next(returns) if step.topic == topics.RMA else step for step in shuffled)
