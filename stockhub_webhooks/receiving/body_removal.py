"""Removal of the body of a message for good, with everything else that was read from it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import MentionedNumber, Message


def removed_body() -> dict[str, Any]:
    """Return the fields and values that a message has once its body is removed."""
    return {"body": b"", "headers": {}, "body_removed_at": timezone.now()}


def remove_bodies(rows: QuerySet[Message], **values: Any) -> int:
    """Remove the bodies of messages for good; return their number.

    Args:
        rows: the messages.
        values: further fields to set.
    """
    forget_numbers(rows)
    return rows.update(**removed_body(), **values)


def forget_numbers(rows: QuerySet[Message]) -> None:
    """Delete the numbers that messages are found by; the worker writes them again if the body is still there."""
    MentionedNumber.objects.using(database_alias()).filter(message__in=list(rows.values_list("pk", flat=True))).delete()
