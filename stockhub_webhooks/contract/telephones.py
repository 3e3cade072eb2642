"""Telephone numbers, which each message spells in its own way."""

from __future__ import annotations

import re

DIGITS = 9  # without country code and leading zero


def telephone(text: str | None) -> str:
    """Return the digits of a telephone number without country code and leading zeros."""
    return re.sub(r"[^0-9]", "", text or "").lstrip("0")[-DIGITS:]
