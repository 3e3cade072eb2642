"""Test your receivers as we test ours: what Stock Hub sends, through the real door, and what your shop hears of it.

::

    from stockhub_webhooks.testing import deliver, run_pending

    deliver("shipment", po_number=order.number, status="DELIVERED")
    run_pending()

`deliver` is what Stock Hub does, `run_pending` what your server does once Stock Hub has its answer. With pytest the
fixture `stockhub` has all of it. `factories` (extra `[testing]`) makes rows without messages.

Names are imported at their first use: pytest loads the plugin in here before Django has settings.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockhub_webhooks.testing.deliveries import Delivery, deliver, play
    from stockhub_webhooks.testing.kit import Kit
    from stockhub_webhooks.testing.pending import replay, run_pending
    from stockhub_webhooks.testing.recording import Told, heard, isolated_receivers
    from stockhub_webhooks.testing.samples import (
        LIVES,
        Life,
        Step,
        Story,
        changed,
        duplicate,
        life,
        payload,
        shuffle,
        without_parent,
    )

__all__ = [
    "LIVES",
    "Delivery",
    "Kit",
    "Life",
    "Step",
    "Story",
    "Told",
    "changed",
    "deliver",
    "duplicate",
    "heard",
    "isolated_receivers",
    "life",
    "payload",
    "play",
    "replay",
    "run_pending",
    "shuffle",
    "without_parent",
]

_ELSEWHERE = {
    "Delivery": "deliveries",
    "Kit": "kit",
    "Told": "recording",
    "deliver": "deliveries",
    "heard": "recording",
    "isolated_receivers": "recording",
    "play": "deliveries",
    "replay": "pending",
    "run_pending": "pending",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"stockhub_webhooks.testing.{_ELSEWHERE.get(name, 'samples')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
