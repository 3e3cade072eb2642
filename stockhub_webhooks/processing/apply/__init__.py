"""Apply a parsed message to our rows: a newer one wins, an older one is kept and labelled, an equal one has no effect.

`application` applies one message to the rows that `loading` locks and loads. `document_types` describes the documents
of each topic, `parts` writes their addresses, lines and tracks (`line_matching` finds the stored lines), `changes`
compares rows with messages, `delivery_dates` says when a delivery is recorded, and `events` makes the events.
`precedence` decides which of two messages is the newer one, and `progress` does so for returns, which have no
`updated_at`. `erased` removes personal data.
"""

from stockhub_webhooks.processing.apply.application import Applied, apply, apply_outdated
from stockhub_webhooks.processing.apply.document_types import BY_TOPIC

__all__ = ["BY_TOPIC", "Applied", "apply", "apply_outdated"]
