"""Dismissal of messages that were not applied and need no attention any more."""

from __future__ import annotations

from django.utils import timezone

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message

CORRECTED_FROM = "mended-from"  # our own header: the uid of the message that this one corrects
MAX_CORRECTIONS = 20  # of one message: a correction may be corrected in turn


def dismiss_by_hand(pks: list[int], *, by: str, reason: str) -> int:
    """Dismiss those of the messages that need attention; return their number. Others stay as they are.

    A process that applies one of them at the same time fails when it settles the message, and rolls back.

    Args:
        pks: primary keys.
        by: the name of the user.
        reason: why they need no attention, up to 255 characters.
    """
    rows = Message.objects.using(database_alias()).failing().filter(pk__in=pks)
    return rows.update(
        status=Message.Status.DISMISSED,
        dismissed_reason=reason,
        dismissed_by=by,
        dismissed_at=timezone.now(),
        due_at=None,
        claim=None,
    )


def dismiss_corrected(message: Message) -> None:
    """Dismiss the message that an applied message corrects, and the messages that that one corrects in turn.

    Runs in the transaction that applies the correction. No query if the message is no correction.
    """
    uid = message.headers.get(CORRECTED_FROM) if message.position is None else None  # a part is no correction
    rows = Message.objects.using(database_alias())
    for _number in range(MAX_CORRECTIONS):
        if not uid:
            return
        original = rows.filter(uid=uid)
        original.filter(successor=None).exclude(pk=message.pk).update(successor=message)
        original.filter(status__in=(Message.Status.QUARANTINED, Message.Status.FAILED)).update(
            status=Message.Status.DISMISSED,
            dismissed_reason=Message.CORRECTED,
            dismissed_by=message.entered_by,
            dismissed_at=timezone.now(),
        )
        headers = original.values_list("headers", flat=True).first() or {}
        uid = headers.get(CORRECTED_FROM)
