"""Filter that keeps the sender's key out of Sentry, if the host uses it.

Sentry copies the headers of a WSGI request before a view can take the key out, and does not know `x-api-key` as a
secret.
"""

from __future__ import annotations

import sys
from typing import Any

from stockhub_webhooks.contract.addresses import KEY_HEADER


def keep_key_from_sentry() -> None:
    """Replace the key in all that Sentry sends about the current request."""
    sentry: Any = sys.modules.get("sentry_sdk")
    if sentry is not None:
        sentry.get_isolation_scope().add_event_processor(without_key)


def without_key(event: Any, hint: Any) -> Any:
    """Return an event of Sentry with the key in its request replaced."""
    headers = event.get("request", {}).get("headers") or {}
    for name in headers:
        if name.lower() == KEY_HEADER:
            headers[name] = "[Filtered]"
    return event
