"""Claim messages one by one, so that a test can look at the database between two of them."""

from contextlib import closing

from stockhub_webhooks.receiving import journal


def claim_due():
    """Yield the due messages one by one; the rest of a batch is released if the caller stops."""
    with closing(journal.claim_due()) as claimed:
        for few in claimed:
            while few:
                yield few.pop(0)
