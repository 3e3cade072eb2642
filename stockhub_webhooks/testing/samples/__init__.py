"""Messages like Stock Hub's, made up: single ones, and the whole lives of orders.

The testing kit, the simulator and the demo all speak with this voice. Everything is decided by a seed: the same
seed is the same order, another seed another one. Nothing here needs Django's settings or a database.
"""

from stockhub_webhooks.testing.samples.changes import changed
from stockhub_webhooks.testing.samples.lives import LIVES, Life, life, payload
from stockhub_webhooks.testing.samples.sequences import duplicate, shuffle, without_parent
from stockhub_webhooks.testing.samples.story import Parcel, Return, Step, Story

__all__ = [
    "LIVES",
    "Life",
    "Parcel",
    "Return",
    "Step",
    "Story",
    "changed",
    "duplicate",
    "life",
    "payload",
    "shuffle",
    "without_parent",
]
