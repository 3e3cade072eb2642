"""Disturbances of a life: repeated and reordered messages. They can be combined: `shuffle(duplicate(life))`."""

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
    """Send the messages in another sequence that leads to the same state.

    Messages about returns keep their sequence among themselves: they have no `updated_at` to sort them by.
    """
    shuffled = list(life)
    random.Random(seed).shuffle(shuffled)
    return replace(life, steps=_returns_in_sequence(life, shuffled))


def without_parent(life: Life) -> Life:
    """Send everything that belongs to the order before the order itself."""
    return replace(life, steps=tuple(sorted(life, key=lambda step: step.topic == topics.ORDER)))


def _returns_in_sequence(life: Life, shuffled: Iterable[Step]) -> tuple[Step, ...]:
    """Put the messages about returns back into their sequence, in the places that they have now."""
    returns = iter([step for step in life if step.topic == topics.RMA])
    return tuple(next(returns) if step.topic == topics.RMA else step for step in shuffled)
