"""Disturbances of a life: repeated and reordered messages. They can be combined: `shuffle(duplicate(life))`."""

from __future__ import annotations

import random
from dataclasses import replace

from stockhub_webhooks.contract import topics
from stockhub_webhooks.testing.samples.lives import Life


def duplicate(life: Life) -> Life:
    """Send each message twice in a row; the second one must have no effect."""
    return replace(life, steps=tuple(step for step in life for _ in range(2)))


def shuffle(life: Life, seed: int = 0) -> Life:
    """Send the messages in another sequence with the same end."""
    shuffled = list(life)
    random.Random(seed).shuffle(shuffled)  # nosec B311  # repeatable
    return replace(life, steps=tuple(shuffled))


def without_parent(life: Life) -> Life:
    """Send everything that belongs to the order before the order itself."""
    return replace(life, steps=tuple(sorted(life, key=lambda step: step.topic == topics.ORDER)))
