"""HTTP answers that run work after they were sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from stockhub_webhooks.exceptions import error_location
from stockhub_webhooks.logs import logger_of

logger = logger_of(__name__)

# set here, since the host may have no middleware that sets them
SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}


class CallbackResponse(HttpResponse):
    """A response that runs a function after the server has sent it."""

    def __init__(self, content: str, *, after: Callable[[], None] | None = None, **options: Any) -> None:
        super().__init__(content, **options)
        self.after = after

    def close(self) -> None:
        """Run the work; the server calls this after the answer is sent. Work that fails stays due."""
        after, self.after = self.after, None
        try:
            if after:
                after()
        except Exception as fault:
            logger.error("work after the answer failed (%s); it stays due", error_location(fault))
        finally:
            super().close()


class WebhookResponse(CallbackResponse):
    """A JSON response that runs a function after the server has sent it."""

    def __init__(self, data: dict[str, Any], *, content_type: str = "application/json", **options: Any) -> None:
        super().__init__(json.dumps(data), content_type=content_type, headers=SECURITY_HEADERS, **options)


def problem(
    status: int, title: str, detail: str, *, after: Callable[[], None] | None = None, **more: Any
) -> WebhookResponse:
    """Return an answer with a problem body (RFC 9457)."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return WebhookResponse(body, after=after, status=status, content_type="application/problem+json")
