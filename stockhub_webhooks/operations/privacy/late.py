"""What came about erased orders after they were erased, and is not removed when a message is applied."""

from __future__ import annotations

from functools import partial

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Attempt, Message, ReceiverCall
from stockhub_webhooks.operations.privacy import bodies
from stockhub_webhooks.operations.privacy.erase import REASON
from stockhub_webhooks.processing.erased_orders import any_erased, erased_among
from stockhub_webhooks.serializers.identity import Identity


def clean() -> int:
    """Remove errors of receivers, unreadable messages and refused ones about erased orders; return the number.

    Raises:
        django.db.Error: the database failed; the next run completes it.
    """
    if not any_erased():
        return 0
    using = database_alias()
    cleaned = Attempt.objects.using(using).filter(call__order__erased_at__isnull=False).delete()[0]
    calls = ReceiverCall.objects.using(using).filter(order__erased_at__isnull=False)
    calls = calls.exclude(status=ReceiverCall.Status.RUNNING).exclude(last_error__in=("", f"{REASON}\n\n"))
    cleaned += calls.update(last_error="")
    unsettled = (Message.Status.QUARANTINED, Message.Status.FAILED)
    accounts = Message.objects.using(using).filter(status__in=unsettled).order_by()
    for account in accounts.values_list("account", flat=True).distinct():
        among = partial(erased_among, account=account)
        about = bodies.About(partial(is_erased, account=account), among=among)
        cleaned += len(bodies.clean_unapplied(account, about))
    return cleaned + len(bodies.clean_refused(bodies.About(is_erased, among=erased_among)))


def is_erased(named: set[Identity], account: str | None = None) -> bool:
    """Return True if one of the documents belongs to an erased order."""
    return bool(erased_among(named, account))
