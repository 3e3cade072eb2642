"""What Magento says of an error: its text, and how long to wait."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

from stockhub_webhooks.serializers.fields import clean_text

TEXT_LIMIT = 500
LONGEST_RETRY_AFTER = 86400.0  # no nightly run begins while one waits


def magento_error(body: bytes) -> str:
    """Return the text of Magento's error object, with its parameters filled in; "" if the body is none."""
    with suppress(ValueError, RecursionError, AttributeError):
        data = json.loads(body)
        texts = [_filled_in(data)]
        texts += [_filled_in(part) for part in data.get("errors") or () if isinstance(part, dict)]
        return clean_text(" ".join(filter(None, texts)))[:TEXT_LIMIT]
    return ""


def _filled_in(error: Mapping[str, Any]) -> str:
    text, parameters = error.get("message"), error.get("parameters") or ()
    if not isinstance(text, str):
        return ""
    pairs = parameters.items() if isinstance(parameters, dict) else enumerate(parameters, start=1)
    for name, value in sorted(pairs, key=lambda pair: -len(str(pair[0]))):  # %10 before %1
        text = text.replace(f"%{name}", str(value)[:TEXT_LIMIT])
    return text


def retry_after(value: str) -> float:
    """Return the pause in seconds that a `Retry-After` header names, at most a day; 0 if it names none."""
    if value.strip().isdecimal():
        return min(float(value[:9]), LONGEST_RETRY_AFTER)
    with suppress(TypeError, ValueError, IndexError):
        at = parsedate_to_datetime(value)
        return min(max((at - dt.datetime.now(at.tzinfo)).total_seconds(), 0.0), LONGEST_RETRY_AFTER)
    return 0.0
