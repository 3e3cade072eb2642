"""Deliveries as Stock Hub makes them: a POST and its answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import Error as DatabaseFault
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

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
        outcome: `created`, `updated`, `unchanged`, `stale` or `split`; "" if the message was not applied.
        message: the stored message; None if it was refused.
        response: Django's response, as it leaves the shop's middleware.
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
    """POST a message to the shop as Stock Hub does: through the shop's URLs, its middleware and our view.

    The message is stored and applied; receivers are not called before `run_pending`, whatever `RUNNER` is. Works in
    a `TestCase` and in a `TransactionTestCase`.

    Args:
        topic: one of `topics.ALL`, or "" for the shared URL.
        payload: the body, as a dict or as bytes or text that are sent unchanged; default: `testing.payload(topic)`.
        key: the value of `x-api-key`; default: the first key of the settings. None sends no key.
        headers: more headers.
        received_at: time of receipt, aware, to test how a receiver treats an old message; default: now.
        changes: changes to the default payload, as in `testing.payload`.

    Raises:
        django.urls.NoReverseMatch: the shop's URLs do not include those of this app.
        KeyError: there is no such topic, or a change names a field that does not exist.
        TypeError: both a payload and changes are given, or `received_at` is no aware time.
        RuntimeError: the test may not use the database: mark it `django_db`, or use the fixture `stockhub`.
    """
    if payload is None:
        payload = samples.payload(topic, **changes)
    elif changes:
        raise TypeError(f"deliver() takes a payload or changes ({', '.join(changes)}), not both")
    if received_at is not None and (not isinstance(received_at, datetime) or timezone.is_naive(received_at)):
        raise TypeError(f"received_at must be a datetime with a time zone, not {received_at!r}")
    with suppress(DatabaseFault):  # a test of an outage; one that may not use the database fails here
        connections[database_alias()].cursor().close()
    with test_settings(), _set_received_at(received_at):
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
    """Deliver each message of a life, in the given sequence."""
    return [deliver(topic, payload, key=key) for topic, payload, _ in life]


@contextmanager
def _set_received_at(at: datetime | None) -> Iterator[None]:
    """Set the time of receipt of messages that are stored inside the block, before they are parsed."""
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
    """Return the JSON of our answer; {} if the shop's middleware answered instead."""
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
