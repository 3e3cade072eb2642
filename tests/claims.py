"""Messages claimed one by one, as by a worker that could be stopped between two of them."""

from contextlib import closing

from stockhub_webhooks.receiving import claiming


def claim_due():
    """Yield the messages that are due; those that are not asked for are released."""
    with closing(claiming.claim_due()) as claims:
        for claim in claims:
            yield from claim
