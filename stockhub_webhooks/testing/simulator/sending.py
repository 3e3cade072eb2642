"""Sending of one message as Stock Hub sends it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from stockhub_webhooks.contract import client
from stockhub_webhooks.testing.simulator.scenarios import Key, Post

WRONG_KEY = "simulated-wrong-key"


@dataclass(frozen=True)
class Target:
    """The receiver of the messages; `url` is without the topic."""

    url: SplitResult

    @classmethod
    def at(cls, url: str) -> Target:
        """Return the target of a URL such as `https://shop.example/api/v1/stockhub/`.

        Raises:
            ValueError: it is not an http(s) URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not a URL such as https://shop.example/api/v1/stockhub/")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("the URL must not contain ?, # or a user name")
        _ = parts.port  # raises ValueError if it is invalid
        return cls(parts)

    @property
    def is_loopback(self) -> bool:
        """True if the target is on this machine."""
        return client.is_loopback(self.url.hostname or "")

    def url_of(self, topic: str) -> str:
        """Return the URL of a topic."""
        return f"{self.url.geturl().rstrip('/')}/{topic}"


@dataclass(frozen=True)
class DeliveryAnswer:
    """The answer to one message.

    Attributes:
        post: the message.
        status: the HTTP status, 0 if there was no response.
        outcome: the outcome that our receiver reports, "" if there is none.
        detail: the beginning of the response, or the reason why there is none, on one line.
        seconds: the time until the response was read.
    """

    post: Post
    status: int
    outcome: str = ""
    detail: str = field(default="", repr=False)
    seconds: float = 0.0

    @property
    def is_as_expected(self) -> bool:
        """True if the status is one of those that the scenario expects."""
        return self.status in self.post.expected


def send(target: Target, key: str, post: Post) -> DeliveryAnswer:
    """Send a message once. Errors of the network or the receiver do not raise; they are the answer."""
    keys = {Key.RIGHT: key, Key.WRONG: WRONG_KEY}
    began = time.monotonic()
    try:
        response = client.send("POST", target.url_of(post.topic), key=keys.get(post.key, ""), body=post.body)
    except client.NoResponse as failure:
        error = failure.error
        return DeliveryAnswer(post, 0, "", f"{type(error).__name__}: {error}", time.monotonic() - began)
    detail = " ".join(response.text[:500].split())
    return DeliveryAnswer(post, response.status, str(response.data.get("outcome", "")), detail, response.seconds)
