"""Testing kit for the shop's receivers: it posts messages as Stock Hub does, and calls the receivers.

::

    from stockhub_webhooks.testing import deliver, run_pending

    deliver("shipment", po_number=order.number, status="DELIVERED")
    run_pending()

`deliver` posts a message through the shop's URLs and middleware, `run_pending` does the work that follows the answer.
With pytest, the fixture `stockhub` has both. `factories` (extra `[testing]`) creates rows without messages.

``kit`` is behind both: ``deliveries``, ``pending`` work, ``environment`` (settings) and ``recording`` (of signals).
``samples`` are invented messages, ``simulator`` sends them over HTTP, and ``magento`` answers REST calls.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from stockhub_webhooks.testing.magento import FakeMagento
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

if TYPE_CHECKING:
    from stockhub_webhooks.testing.deliveries import Delivery, deliver, play
    from stockhub_webhooks.testing.kit import Kit
    from stockhub_webhooks.testing.pending import pass_deadlines, replay, run_pending
    from stockhub_webhooks.testing.recording import RecordedCall, heard, isolated_receivers

__all__ = [
    "LIVES",
    "Delivery",
    "FakeMagento",
    "Kit",
    "Life",
    "RecordedCall",
    "Step",
    "Story",
    "changed",
    "deliver",
    "duplicate",
    "heard",
    "isolated_receivers",
    "life",
    "pass_deadlines",
    "payload",
    "play",
    "replay",
    "run_pending",
    "shuffle",
    "without_parent",
]

# These modules import models, which needs Django's settings; samples must work without settings.
_MODULES = {
    "Delivery": "deliveries",
    "Kit": "kit",
    "RecordedCall": "recording",
    "deliver": "deliveries",
    "heard": "recording",
    "isolated_receivers": "recording",
    "pass_deadlines": "pending",  # nosec B105  # a module
    "play": "deliveries",
    "replay": "pending",
    "run_pending": "pending",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
