"""An HTTP client that sends as Stock Hub does, for the doctor and the simulator. It follows no redirect."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPErrorProcessor, ProxyHandler, Request, build_opener
from uuid import UUID

TIMEOUT_SECONDS = 20.0
MAX_BYTES = 64 * 1024
HEALTH_STATUSES = {"ok", "warning", "critical"}
USER_AGENT = "django-stockhub-webhooks"


class NoResponse(Exception):
    """No HTTP response arrived. `error` is the reason."""

    def __init__(self, url: str, error: BaseException) -> None:
        super().__init__(f"{url}: {type(error).__name__}")
        self.url = url
        self.error = error


@dataclass(frozen=True)
class Response:
    """An HTTP response. The names in `headers` are in lower case; `text` is the beginning of the body."""

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    seconds: float = 0.0

    @cached_property
    def data(self) -> dict[str, Any]:
        """The JSON object in the body, empty if there is none."""
        try:
            data = json.loads(self.text)
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}

    @property
    def is_html(self) -> bool:
        """True if the body is an HTML page."""
        content_type = self.headers.get("content-type", "")
        return "html" in content_type or self.text.lstrip()[:15].lower().startswith(("<!doctype", "<html"))

    @property
    def is_ours(self) -> bool:
        """True if this app sent the response: each of its responses is a JSON object of a known form."""
        if self.headers.get("content-type", "").startswith("application/problem+json"):
            return self.data.get("status") == self.status and "title" in self.data
        if self.status in (200, 202) and "message" in self.data:
            return isinstance(self.data["message"], int) or _is_uuid(self.data["message"])
        return self.status in (200, 503) and self.data.get("status") in HEALTH_STATUSES


def _is_uuid(text: Any) -> bool:
    try:
        return bool(UUID(text))
    except (AttributeError, TypeError, ValueError):
        return False


class _KeepResponse(HTTPErrorProcessor):
    """Return every response as it is; urllib would follow redirects and raise on errors here."""

    def http_response(self, request: Request, response: Any) -> Any:
        return response

    https_response = http_response


def send(method: str, url: str, *, key: str = "", body: bytes | None = None, is_chunked: bool = False) -> Response:
    """Send one request. Certificates are verified; proxies of the environment are used for other machines.

    With `is_chunked`, the body is sent without a declared length.

    Raises:
        NoResponse: no response arrived, or it is not HTTP.
    """
    headers: dict[str, Any] = {"User-Agent": USER_AGENT, "Accept": "*/*", "x-version": "V1"}
    if key:
        headers["x-api-key"] = key.encode()  # as bytes, because a key may hold any character
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = iter([body]) if is_chunked and body is not None else body
    request = Request(url, data=data, headers=headers, method=method)  # noqa: S310 - callers accept only http(s) URLs
    direct = [ProxyHandler({})] if is_loopback(urlsplit(url).hostname or "") else []
    began = time.monotonic()
    try:
        with build_opener(_KeepResponse, *direct).open(request, timeout=TIMEOUT_SECONDS) as response:
            text = response.read(MAX_BYTES).decode("utf-8", "replace")
            received = {name.lower(): value for name, value in response.headers.items()}
            return Response(url, response.status, received, text, time.monotonic() - began)
    except URLError as error:
        raise NoResponse(url, error.reason if isinstance(error.reason, BaseException) else error) from None
    except (OSError, http.client.HTTPException) as error:
        raise NoResponse(url, error) from None


def is_loopback(host: str) -> bool:
    """Return True if the host name or IP address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
