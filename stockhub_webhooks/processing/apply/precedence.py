"""Decide whether a message or the message that the stored state comes from is the newer one."""

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


def is_older(document: Any, reading: ParsedMessage, message: Message, using: str) -> bool:
    """Return True if the document is newer: by `updated_at`, or if equal or missing, by `received_at`."""
    ours: datetime | None = getattr(document, "updated_at", None)
    theirs = reading.updated_at
    if ours and theirs and ours != theirs:
        return theirs < ours
    if message.received_at == document.received_at:
        applied = _applied(document, reading, using)
        return applied.filter(pk__gt=message.pk).exists()
    return bool(document.received_at and message.received_at < document.received_at)


def has_overtaken(document: Any, reading: ParsedMessage, document_type: DocumentType, using: str) -> bool:
    """Return True if the message of the stored state was received later, but written before this one.

    Messages that are received at the same time are not always applied in the sequence of their receipt.
    """
    last = _applied(document, reading, using).order_by("-pk").first()
    if last is None:
        return False
    former = serializers.read_message(last)
    lines = parts.match_lines_of(former.lines or (), reading.lines or (), document_type)
    return compare_progress(document_type, former.fields, reading.fields, lines).is_outdated


def _applied(document: Any, reading: ParsedMessage, using: str) -> QuerySet[Message]:
    """Return the messages of the document's `received_at` that were applied, normally one."""
    same_time = Message.objects.using(using).filter(
        account=document.account,
        topic=reading.topic,
        increment_id=reading.increment_id,
        received_at=document.received_at,
    )
    return same_time.filter(status=Message.Status.APPLIED).exclude(outcome=Message.Outcome.STALE)
