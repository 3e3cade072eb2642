"""From what a message says to rows: newer wins, older is kept and labelled, the same is silent.

``apply`` is one message being applied; ``kinds`` says how the documents of each topic are kept, ``parts`` keeps
their addresses, lines and tracks, ``changes`` compares and inserts.
"""

from stockhub_webhooks.processing.apply.application import Applied, apply
from stockhub_webhooks.processing.apply.document_types import BY_TOPIC

__all__ = ["BY_TOPIC", "Applied", "apply"]
