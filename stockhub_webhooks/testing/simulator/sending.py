"""One POST as Stock Hub sends it, over a connection that is kept."""

from __future__ import annotations

import http.client
import ipaddress
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from stockhub_webhooks.testing.simulator.scenarios import Key, Post

DATABASE_TIMEOUT_SECONDS = 30
WRONG_KEY = "simulated-wrong-key"
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Target:
    """Where to send to: the address that ends before the topic."""

    url: SplitResult

    @classmethod
    def at(cls, url: str) -> Target:
        """The target of an address, such as `https://shop.example/api/v1/stockhub/`.

        Raises:
            ValueError: it is no http(s) address.
        """
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError(f"{url!r} is no address: give one as https://shop.example/api/v1/stockhub/")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("the address may hold no ?, # or user name")
        _ = parts.port  # raises ValueError where that is none
        return cls(parts)

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, by name or number."""
        host = self.url.hostname or ""
        with suppress(ValueError):
            return ipaddress.ip_address(host).is_loopback
        return host == "localhost"

    def path(self, topic: str) -> str:
        """The address of a topic on that host."""
        return f"{self.url.path.rstrip('/')}/{topic}"

    def connection(self) -> http.client.HTTPConnection:
        """A connection that is opened at its first use."""
        kind = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
        return kind(self.url.hostname or "", self.url.port or PORTS[self.url.scheme], timeout=DATABASE_TIMEOUT_SECONDS)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        post: what was sent.
        status: the HTTP status, 0 where there was no answer.
        outcome: what our receiver says became of it, "" where it says nothing.
        detail: what the answer says, or why there is none, on one line.
        seconds: from the first byte sent to the last one read.
    """

    post: Post
    status: int
    outcome: str = ""
    detail: str = field(default="", repr=False)
    seconds: float = 0.0

    @property
    def is_as_expected(self) -> bool:
        """Whether the status is one of those that it must be."""
        return self.status in self.post.expected


class Sender:
    """Sends over one connection, for one thread."""

    def __init__(self, target: Target, key: str) -> None:
        self._target = target
        self._keys = {Key.RIGHT: key, Key.WRONG: WRONG_KEY}
        self._connection = target.connection()
        self._is_used = False

    def send(self, post: Post) -> Answer:
        """Send it once. Never raises for what the network or the receiver does."""
        begin = time.monotonic()
        try:
            status, body = self._exchange(post)
        except (OSError, http.client.HTTPException) as fault:
            self.close()
            return Answer(post, 0, "", f"{type(fault).__name__}: {fault}", time.monotonic() - begin)
        seconds = time.monotonic() - begin
        return Answer(post, status, _outcome(body), _one_line(body), seconds)

    def _exchange(self, post: Post) -> tuple[int, bytes]:
        try:
            return self._exchange_once(post)
        except (ConnectionError, http.client.BadStatusLine):
            # a server may close a kept connection whenever it likes; a new one that fails is the answer
            if not self._is_used:
                raise
            self.close()
            return self._exchange_once(post)

    def _exchange_once(self, post: Post) -> tuple[int, bytes]:
        self._connection.request("POST", self._target.path(post.topic), post.body, self._headers(post))
        answer = self._connection.getresponse()
        body = answer.read()
        self._is_used = True
        return answer.status, body

    def _headers(self, post: Post) -> dict[str, str | bytes]:
        headers: dict[str, str | bytes] = {
            "Content-Type": "application/json",
            "User-Agent": "stockhub_simulate",
            "x-version": "V1",
        }
        if post.key in self._keys:
            headers["x-api-key"] = self._keys[post.key].encode()  # a key may hold any character
        return headers

    def close(self) -> None:
        """Close the connection; the next use opens a new one."""
        self._connection.close()
        self._is_used = False


def _outcome(body: bytes) -> str:
    try:
        data = json.loads(body)
    except ValueError:
        return ""
    return str(data.get("outcome", "")) if isinstance(data, dict) else ""


def _one_line(body: bytes) -> str:
    return " ".join(body[:500].decode("utf-8", "replace").split())
