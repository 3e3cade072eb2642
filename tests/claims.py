"""Claims as of a worker that could be stopped between two messages, and answers of the database that get lost."""

from contextlib import closing

from django.db import OperationalError
from django.db.models import QuerySet

from stockhub_webhooks.receiving import claiming


def claim_due():
    """Yield the messages that are due; those that are not asked for are released."""
    with closing(claiming.claim_due()) as claims:
        for claim in claims:
            yield from claim


def lose_answer(monkeypatch, model, condition, times=1):
    """Execute the first UPDATE of a model whose values meet the condition, and lose its answer.

    Returns:
        The values of each UPDATE whose answer was lost.
    """
    real, lost = QuerySet.update, []

    def update(rows, **values):
        changed = real(rows, **values)
        if rows.model is model and len(lost) < times and condition(values):
            lost.append(values)
            raise OperationalError("the answer was lost")
        return changed

    monkeypatch.setattr(QuerySet, "update", update)
    return lost
