"""Stored messages gone through again, and past changes offered to receivers that were not there then.

``choice`` says which messages, ``run`` goes through them, ``foresight`` shows what that would do: by doing it, in
transactions that are rolled back.
"""

from stockhub_webhooks.operations.replay.choice import Choice, since_and_until
from stockhub_webhooks.operations.replay.preview import Preview, preview_messages
from stockhub_webhooks.operations.replay.run import begin, continue_due, halt, steps

__all__ = ["Choice", "Preview", "begin", "continue_due", "halt", "preview_messages", "since_and_until", "steps"]
