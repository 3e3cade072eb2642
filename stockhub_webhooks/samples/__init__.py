"""Messages like Stock Hub's, made up: single ones, and the whole lives of orders.

The testing kit, the simulator and the demo all speak with this voice. Everything is decided by a seed: the same
seed is the same order, another seed another one. Nothing here needs Django's settings or a database.
"""

from stockhub_webhooks.samples.changes import changed
from stockhub_webhooks.samples.lives import LIVES, Life, life, payload
from stockhub_webhooks.samples.sequences import duplicate, shuffle, without_parent
from stockhub_webhooks.samples.story import Parcel, Return, Step, Story

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
