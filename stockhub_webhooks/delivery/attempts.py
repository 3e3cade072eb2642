"""Rows of the failed attempts of receiver calls, which the admin shows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from django.utils import timezone

from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.delivery import steps
from stockhub_webhooks.models import Attempt, ReceiverCall
from stockhub_webhooks.serializers.fields import clean_text

MAX_KEPT = 100  # attempts of each call
ERROR_LIMIT = 8000


def failed_attempt(call: ReceiverCall, error: str, cause: str, seconds: float | None) -> Attempt:
    """Return the current attempt of a call as a failed one, not saved yet.

    Args:
        call: the call.
        error: the error, for people.
        cause: its fingerprint.
        seconds: how long the attempt took; None if it is not known.
    """
    return Attempt(
        call=call,
        number=call.attempts,
        failed_at=timezone.now(),
        seconds=seconds,
        error=shortened(error),
        cause=cause,
    )


def shortened(error: str) -> str:
    """Return the text of an error as a column takes it."""
    return clean_text(error)[:ERROR_LIMIT]


def save_with(step: Callable[[], int], call: ReceiverCall, attempt: Attempt | None) -> int:
    """Change the call, and save its attempt and its finished steps, in one transaction.

    Args:
        step: an UPDATE of the call that returns the number of rows.
        call: the call.
        attempt: the failed attempt, if there is one.

    Returns:
        The result of `step`. If it is 0, nothing is saved.
    """
    using = database_alias()

    def change_and_save() -> int:
        with write_transaction(using):
            changed = step()
            if changed:
                steps.save(call)
            if changed and attempt:
                _delete_old(attempt.call_id)
                attempt.pk = None
                attempt.save(using=using, force_insert=True)
            return changed

    return with_retries(change_and_save, is_transaction=True)


def count_latest(call: ReceiverCall, cause: str, limit: int) -> int:
    """Return how many attempts in a row, the latest ones, failed with this cause; at most `limit`."""
    newest = Attempt.objects.using(database_alias()).filter(call=call).order_by("-pk")
    causes = newest.values_list("cause", flat=True)[:limit]
    return len(list(takewhile(lambda each: each == cause, causes)))


def _delete_old(call_id: int) -> None:
    """Make room for one more attempt of a call."""
    rows = Attempt.objects.using(database_alias()).filter(call_id=call_id)
    oldest = rows.order_by("-pk").values_list("pk", flat=True)[MAX_KEPT - 1 : MAX_KEPT].first()
    if oldest is not None:
        rows.filter(pk__lte=oldest).delete()
