"""Invented messages in Stock Hub's format: single ones, and complete lives of orders.

The testing kit, the simulator and the demo use them. A seed decides all values: the same seed gives the same order, and
another seed another order. ``world`` has customers and articles, ``story`` an order over time, ``lives`` whole stories,
``changes`` and ``sequences`` their disturbances. Nothing here needs Django's settings or a database.
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
