"""The failed attempts of a receiver call, kept for the office."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from django.utils import timezone

from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.delivery import steps
from stockhub_webhooks.models import Attempt, ReceiverCall
from stockhub_webhooks.serializers.fields import clean_text

MAX_KEPT = 100  # of each call
ERROR_LIMIT = 8000


def of(call: ReceiverCall, text: str, cause: str, seconds: float | None) -> Attempt:
    """Return the present attempt of a call, not saved yet."""
    return Attempt(
        call=call,
        number=call.attempts,
        failed_at=timezone.now(),
        seconds=seconds,
        error=clean_text(text)[:ERROR_LIMIT],
        cause=cause,
    )


def keep_with(step: Callable[[], int], call: ReceiverCall, attempt: Attempt | None) -> int:
    """Change the call, and keep its attempt and its finished steps in the same transaction; return the rows changed."""
    using = database_alias()

    def change_and_keep() -> int:
        with write_transaction(using):
            changed = step()
            if changed:
                steps.keep(call)
            if changed and attempt:
                _forget_old(attempt.call_id)
                attempt.pk = None
                attempt.save(using=using, force_insert=True)
            return changed

    return with_retries(change_and_keep, is_transaction=True)


def in_a_row(call: ReceiverCall, cause: str, limit: int) -> int:
    """Return how many of the last attempts failed with this cause, up to a limit."""
    newest = Attempt.objects.using(database_alias()).filter(call=call).order_by("-pk")
    causes = newest.values_list("cause", flat=True)[:limit]
    return len(list(takewhile(lambda each: each == cause, causes)))


def _forget_old(call_id: int) -> None:
    rows = Attempt.objects.using(database_alias()).filter(call_id=call_id)
    oldest = rows.order_by("-pk").values_list("pk", flat=True)[MAX_KEPT - 1 : MAX_KEPT].first()
    if oldest is not None:
        rows.filter(pk__lte=oldest).delete()
