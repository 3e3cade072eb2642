"""What the internet does to a life. Each gives another life, so they can be combined: `shuffle(duplicate(life))`."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from stockhub_webhooks.contract import topics
from stockhub_webhooks.testing.samples.lives import Life
from stockhub_webhooks.testing.samples.story import Step


def duplicate(life: Life) -> Life:
    """Each message comes twice, one right after the other. Nobody may hear of the second one."""
    return replace(life, steps=tuple(step for step in life for _ in range(2)))


def shuffle(life: Life, seed: int = 0) -> Life:
    """The messages come in another sequence, and the end must be the same.

    Those of one return keep theirs among themselves: they tell no `updated_at`, so nobody could put them right.
    """
    shuffled = list(life)
    random.Random(seed).shuffle(shuffled)
    return replace(life, steps=_returns_in_sequence(life, shuffled))


def without_parent(life: Life) -> Life:
    """All that belongs to the order comes before the order itself."""
    return replace(life, steps=tuple(sorted(life, key=lambda step: step.topic == topics.ORDER)))


def _returns_in_sequence(life: Life, shuffled: Iterable[Step]) -> tuple[Step, ...]:
    """The places of returns stay, and what stands there is told in the life's own sequence."""
    returns = iter([step for step in life if step.topic == topics.RMA])
    return tuple(next(returns) if step.topic == topics.RMA else step for step in shuffled)
