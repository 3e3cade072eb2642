"""Deliveries as Stock Hub makes them: a POST and its answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.test import Client
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Message
from stockhub_webhooks.testing import samples
from stockhub_webhooks.testing.environment import test_settings

FIRST_KEY = "the first key of the settings"


@dataclass(frozen=True)
class Delivery:
    """The result of a POST.

    Attributes:
        status: the HTTP status of the answer.
        outcome: `created`, `updated`, `unchanged` or `stale`; "" where it was not applied.
        message: the row that keeps it; None where it was refused.
        response: Django's response, with the host's middleware around ours.
    """

    status: int
    outcome: str
    message: Message | None
    response: Any = field(repr=False)


def deliver(
    topic: str,
    payload: dict[str, Any] | bytes | str | None = None,
    *,
    key: str | None = FIRST_KEY,
    headers: dict[str, str] | None = None,
    received_at: datetime | None = None,
    **changes: Any,
) -> Delivery:
    """POST a message to the shop's own address, as Stock Hub does: through its URLs, its middleware and our view.

    It is stored and applied; your receivers are called by `run_pending`, whatever `RUNNER` says. Works in a
    `TestCase` and in a `TransactionTestCase`.

    Args:
        topic: one of `topics.ALL`, or "" for the shared address.
        payload: a body, or the very bytes; `testing.payload` of the topic where none is given.
        key: the `x-api-key`; the first of the settings where none is given. None sends no key.
        headers: further headers.
        received_at: when it came in, aware: what a receiver does with old news. Now where none is given.
        changes: as `testing.payload` takes them, where no `payload` is given.

    Raises:
        django.urls.NoReverseMatch: the shop's URLs do not include ours.
        TypeError: there are both a payload and changes.
    """
    if payload is None:
        payload = samples.payload(topic, **changes)
    elif changes:
        raise TypeError(f"deliver() takes a payload or changes ({', '.join(changes)}), not both")
    with test_settings(), _received(received_at):
        response = Client().post(
            reverse(f"stockhub_webhooks:{topic or 'any'}"),
            _bytes(payload),
            content_type="application/json",
            headers={"x-version": "V1", **_key_header(key), **(headers or {})},
            secure=True,  # Stock Hub is given https addresses, and a shop may redirect the others
        )
    answer = _answer(response)
    message = Message.objects.using(database_alias()).get(pk=answer["message"]) if "message" in answer else None
    return Delivery(response.status_code, answer.get("outcome", ""), message, response)


def play(life: Iterable[samples.Step], *, key: str | None = FIRST_KEY) -> list[Delivery]:
    """Deliver each message of a life, in its sequence."""
    return [deliver(topic, payload, key=key) for topic, payload, _ in life]


@contextmanager
def _received(at: datetime | None) -> Iterator[None]:
    """Messages that are stored meanwhile came in then, before anything is made of them."""
    if at is None:
        yield
        return

    def date_back(sender: object, *, message: Message, **kwargs: Any) -> None:
        message.received_at = at
        message.save(using=database_alias(), update_fields=["received_at"])

    signals.message_received.connect(date_back)
    try:
        yield
    finally:
        signals.message_received.disconnect(date_back)


def _key_header(key: str | None) -> dict[str, str]:
    if key is FIRST_KEY:
        key = next((key for keys in conf.accounts().values() for key in keys), None)
    return {} if key is None else {"x-api-key": key}


def _bytes(payload: dict[str, Any] | bytes | str) -> bytes:
    if isinstance(payload, bytes):
        return payload
    return (payload if isinstance(payload, str) else json.dumps(payload, default=_plain)).encode()


def _plain(value: object) -> object:
    """Return a value as Stock Hub writes it, if JSON has no type for it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} cannot be sent as JSON")


def _answer(response: Any) -> dict[str, Any]:
    """Our answer; nothing where the host's middleware answered instead."""
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
