"""Replay: apply stored messages again, and deliver past events to receivers that were added later.

``choice`` selects the messages, ``run`` replays them, and ``preview`` shows the result of a replay beforehand, in
transactions that are rolled back.
"""

from stockhub_webhooks.operations.replay.choice import MessageChoice, since_and_until
from stockhub_webhooks.operations.replay.preview import ReplayPreview, preview_messages
from stockhub_webhooks.operations.replay.run import begin, continue_due, halt, steps

__all__ = [
    "MessageChoice",
    "ReplayPreview",
    "begin",
    "continue_due",
    "halt",
    "preview_messages",
    "since_and_until",
    "steps",
]
