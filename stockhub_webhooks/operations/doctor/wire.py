"""One question over HTTP and what comes back, taken as it is: nothing is followed, decoded or believed."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.error import URLError
from urllib.request import HTTPErrorProcessor, Request, build_opener
from uuid import UUID

from stockhub_webhooks.operations.health.rules import Level

TIMEOUT_SECONDS = 20.0
LONGEST_BYTES = 64 * 1024
STATES = {level.name.lower() for level in Level}  # of `health`
AGENT = "stockhub-doctor (django-stockhub-webhooks)"


class NoAnswer(Exception):
    """Nothing that is HTTP came back. `fault` is what happened instead."""

    def __init__(self, url: str, fault: BaseException) -> None:
        super().__init__(f"{url}: {type(fault).__name__}")
        self.url = url
        self.fault = fault


@dataclass(frozen=True)
class Answer:
    """What came back. Names of `headers` are in small letters; `text` is the beginning of the body."""

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    seconds: float = 0.0

    @cached_property
    def data(self) -> dict[str, Any]:
        """The object in the body, empty where it is none."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def is_html(self) -> bool:
        """Whether it is a page, meant for people."""
        kind = self.headers.get("content-type", "")
        return "html" in kind or self.text.lstrip()[:15].lower().startswith(("<!doctype", "<html"))

    @property
    def is_ours(self) -> bool:
        """Whether this app gave it: each of its answers is a JSON object of a known form."""
        if self.headers.get("content-type", "").startswith("application/problem+json"):
            return self.data.get("status") == self.status and "title" in self.data
        if self.status in (200, 202) and "message" in self.data:
            return isinstance(self.data["message"], int) or _is_uuid(self.data["message"])
        return self.status in (200, 503) and self.data.get("status") in STATES


def _is_uuid(text: Any) -> bool:
    try:
        return bool(UUID(text))
    except (AttributeError, TypeError, ValueError):
        return False


class _AsItIs(HTTPErrorProcessor):
    """Every status is an answer; it is here that urllib would follow a redirect."""

    def http_response(self, request: Request, response: Any) -> Any:
        return response

    https_response = http_response


def ask(method: str, url: str, *, key: str = "", body: bytes | None = None) -> Answer:
    """Ask once. Proxies are those of the environment, certificates are verified.

    Raises:
        NoAnswer: there was no answer, or none that is HTTP.
    """
    headers: dict[str, Any] = {"User-Agent": AGENT, "Accept": "*/*", "x-version": "V1"}
    if key:
        headers["x-api-key"] = key.encode()  # a key may hold any character
    if body is not None:
        headers["Content-Type"] = "application/json"
    request = Request(url, data=body, headers=headers, method=method)  # noqa: S310 - `Address` lets only http(s) in
    began = time.monotonic()
    try:
        with build_opener(_AsItIs).open(request, timeout=TIMEOUT_SECONDS) as response:
            content = response.read(LONGEST_BYTES)
            received = {name.lower(): value for name, value in response.headers.items()}
            text = content.decode("utf-8", "replace")
            return Answer(url, response.status, received, text, time.monotonic() - began)
    except URLError as error:
        raise NoAnswer(url, error.reason if isinstance(error.reason, BaseException) else error) from None
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(url, error) from None
