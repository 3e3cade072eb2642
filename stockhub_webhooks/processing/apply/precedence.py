"""Comparison of a message with the message that the stored state comes from: which one is newer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from stockhub_webhooks import serializers
from stockhub_webhooks.models import Message
from stockhub_webhooks.processing.apply import parts
from stockhub_webhooks.processing.apply.document_types import DocumentType
from stockhub_webhooks.processing.apply.progress import compare_progress
from stockhub_webhooks.serializers import ParsedMessage


def is_older(document: Any, parsed: ParsedMessage, message: Message, using: str) -> bool:
    """Return True if the message is older than the stored state, by `updated_at` or else by `received_at`.

    If both times are equal, the message with the smaller primary key is the older one.
    """
    stored_at: datetime | None = getattr(document, "updated_at", None)
    if stored_at and parsed.updated_at and stored_at != parsed.updated_at:
        return parsed.updated_at < stored_at
    if message.received_at == document.received_at:
        return _applied(document, parsed, using).filter(pk__gt=message.pk).exists()
    return bool(document.received_at and message.received_at < document.received_at)


def was_overtaken(document: Any, parsed: ParsedMessage, document_type: DocumentType, using: str) -> bool:
    """Return True if the message of the stored state was received after this one, but shows less progress.

    Stock Hub wrote it before this one then: messages may overtake each other on their way.
    """
    last = _applied(document, parsed, using).order_by("-pk").first()
    if last is None:
        return False
    former = serializers.read_message(last)
    lines = parts.match_lines_of(former.lines or (), parsed.lines or (), document_type)
    return compare_progress(document_type, former.fields, parsed.fields, lines).is_outdated


def _applied(document: Any, parsed: ParsedMessage, using: str) -> QuerySet[Message]:
    """Return the applied messages with the `received_at` of the stored state: normally the one that it comes from."""
    same_time = Message.objects.using(using).filter(
        account=document.account,
        topic=parsed.topic,
        increment_id=parsed.increment_id,
        received_at=document.received_at,
    )
    return same_time.filter(status=Message.Status.APPLIED).exclude(outcome=Message.Outcome.STALE)
