"""Bulk requests: one thing is done with many rows that a user chose, in the background if they are many.

``actions`` says what can be done, ``proposal`` writes the chosen rows down before the user confirms, ``run`` does it in
batches, and ``results`` counts what became of the rows. ``missed`` delivers what the shop missed.
"""

from stockhub_webhooks.operations.bulk.actions import ACTIONS, BulkAction, permission_of
from stockhub_webhooks.operations.bulk.proposal import confirm, propose
from stockhub_webhooks.operations.bulk.results import GROUPS, BulkResult, results
from stockhub_webhooks.operations.bulk.run import continue_due, halt, run_at_once

__all__ = [
    "ACTIONS",
    "GROUPS",
    "BulkAction",
    "BulkResult",
    "confirm",
    "continue_due",
    "halt",
    "permission_of",
    "propose",
    "results",
    "run_at_once",
]
