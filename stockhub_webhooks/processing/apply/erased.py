"""Removal of personal data from a message about an erased order, before it is applied."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stockhub_webhooks.models.personal import RETENTION
from stockhub_webhooks.serializers import ParsedMessage


def without_personal_data(parsed: ParsedMessage, model: type[Any]) -> ParsedMessage:
    """Return the content of a message without the values that an erasure empties, and without its digest."""
    personal = RETENTION[model.__name__].personal
    parsed = replace(
        parsed,
        fields={name: value for name, value in parsed.fields.items() if name not in personal},
        addresses={},
        tracks=[_without(RETENTION["Track"].personal, track) for track in parsed.tracks],
        extra={},
    )
    vars(parsed)["digest"] = ""  # a cached property, which personal data went into
    return parsed


def _without(names: frozenset[str], values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
