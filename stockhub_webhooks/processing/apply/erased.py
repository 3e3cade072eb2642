"""Messages about an order whose personal data was erased: they are applied without it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stockhub_webhooks.models.personal import RETENTION
from stockhub_webhooks.serializers import ParsedMessage


def without_personal_data(reading: ParsedMessage, model: type[Any]) -> ParsedMessage:
    """Return the content of a message without the values that erasing empties, and without a digest of them."""
    personal = RETENTION[model.__name__].personal
    reading = replace(
        reading,
        fields={name: value for name, value in reading.fields.items() if name not in personal},
        addresses={},
        tracks=[_without(RETENTION["Track"].personal, track) for track in reading.tracks],
        extra={},
    )
    vars(reading)["digest"] = ""
    return reading


def _without(names: frozenset[str], values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
