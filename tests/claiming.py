"""Messages taken one by one, as by a worker that is looked at between two of them."""

from contextlib import closing

from stockhub_webhooks.receiving import journal


def claim_due():
    """The messages that are due; each is taken off when it is asked for, and the others of its few are let go of."""
    with closing(journal.claim_due()) as claimed:
        for few in claimed:
            while few:
                yield few.pop(0)
