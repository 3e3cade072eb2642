"""Refused requests at every address that compares a secret: count them, and keep those that look like Stock Hub's.

All of this happens after the answer, so a request is refused even if the database is away; then it is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import Error as DatabaseFault
from django.db import IntegrityError, connections
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from stockhub_webhooks import serializers
from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias, with_retries, write_transaction
from stockhub_webhooks.db.sequences import insert_row
from stockhub_webhooks.db.throttle import Tally
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.exceptions import Unreadable
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Message, Refusal, RefusalReason, RefusedBody
from stockhub_webhooks.models.personal import REFUSED, retention_days
from stockhub_webhooks.receiving import journal, refused_bodies
from stockhub_webhooks.receiving.eviction import network_of

logger = logger_of(__name__)

MAX_COUNTERS_AN_HOUR = 200
KEPT_BODY_BYTES = 64 * 1024
GUESSES_A_MINUTE = 20

log_tally = Tally(60.0, max_keys=100)  # by remote address
guess_tally = Tally(60.0, max_keys=1000)  # by remote address


@dataclass(frozen=True)
class RefusedRequest:
    """A refused request. `body` is None if it was not read completely."""

    reason: str
    url_topic: str
    remote_address: str
    key_fingerprint: str = ""
    size: int | None = None
    body: bytes | None = field(default=None, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    at: datetime = field(default_factory=timezone.now)


def count_guess(remote_address: str) -> bool:
    """Count a wrong secret; return True if the address has sent too many within a minute.

    A right secret is accepted nevertheless: Stock Hub may share its address with an attacker, and sends nothing twice.
    """
    _, count = guess_tally.add(remote_address)
    return count > GUESSES_A_MINUTE


def may_keep_body(declared: int) -> bool:
    """Return True if a refused body of this declared length (0 if unknown) would be kept, if it is a message."""
    return conf.KEEP_REFUSED > 0 and declared <= KEPT_BODY_BYTES


@sensitive_variables()
def record(refused: RefusedRequest) -> None:
    """Count a refused request, log it once a minute, and keep its body if it may be a real message."""
    log(refused)
    try:
        with query_timeout(database_alias()):
            network = network_of(refused.remote_address)
            is_muted = refused_bodies.count_muted(refused.key_fingerprint, network, refused.at)
            if refused.body and may_keep_body(len(refused.body)) and not is_muted:
                _keep(refused, refused.body, network)  # first, since a failure of the others must lose no body
            if _count(refused, muted=int(is_muted)):
                delete_expired()
    except DatabaseFault as fault:
        logger.warning("a refused request was not counted (%s); the sender had its answer", type(fault).__name__)


def log(refused: RefusedRequest) -> None:
    """Log a refused request, once a minute for an address."""
    address, count = log_tally.add(refused.remote_address)
    if count == 1:
        logger.warning(
            "a request from %s was refused: %s (logged once a minute for an address; the admin shows the counts)",
            address or "one of many addresses",
            refused.reason,
        )


def _count(refused: RefusedRequest, muted: int) -> bool:
    """Count a refused request; return True if it is the first one of its kind in this hour."""
    hour = refused.at.replace(minute=0, second=0, microsecond=0)
    rows = Refusal.objects.using(database_alias()).filter(hour=hour)
    identity = {
        "reason": refused.reason,
        "remote_address": refused.remote_address,
        "key_fingerprint": refused.key_fingerprint,
    }
    if _increment(rows.filter(**identity), refused, muted):
        return False
    if rows.count() >= MAX_COUNTERS_AN_HOUR:  # many addresses: the rest of the hour is counted in one row
        identity |= {"remote_address": "", "key_fingerprint": ""}
        if _increment(rows.filter(**identity), refused, muted):
            return False
    row = Refusal(hour=hour, **identity, count=1, largest_body=refused.size, last_at=refused.at, muted=muted)
    try:
        insert_row(row, database_alias())
    except IntegrityError:  # another process was first
        _increment(rows.filter(**identity), refused, muted)
        return False
    return True


def delete_expired() -> None:
    """Delete refused bodies and refusal counters that are past their term."""
    refused_bodies.delete_expired()
    days = retention_days()[REFUSED]
    if days is not None:
        limit = timezone.now() - timedelta(days=days)
        Refusal.objects.using(database_alias()).filter(hour__lt=limit).delete()


def _increment(rows: QuerySet[Refusal], refused: RefusedRequest, muted: int) -> bool:
    largest: dict[str, Any] = {}
    if refused.size is not None:
        largest = {"largest_body": Greatest(Coalesce(F("largest_body"), Value(0)), Value(refused.size))}
    largest |= {"muted": F("muted") + muted} if muted else {}
    return bool(rows.update(count=F("count") + 1, last_at=refused.at, **largest))


@sensitive_variables()
def _keep(refused: RefusedRequest, body: bytes, network: str) -> None:
    """Keep a body that names a document of a known topic; count what it pushes out."""
    try:
        parsed = serializers.identify(body, refused.url_topic, refused.headers)
        topic, increment_id = parsed.topic, parsed.increment_id
    except Unreadable:
        if refused.reason != RefusalReason.TOO_LARGE or not refused.url_topic:
            return
        topic, increment_id = refused.url_topic, ""  # its key was right, and it cannot be unpacked
    row = RefusedBody(
        url_topic=refused.url_topic,
        topic=topic,
        increment_id=increment_id,
        body=body,
        headers=refused.headers,
        reason=refused.reason,
        remote_address=refused.remote_address,
        network=network,
        key_fingerprint=refused.key_fingerprint,
        refused_at=refused.at,
    )
    if pushed_out := refused_bodies.keep(row):
        with_retries(partial(_newest_counter(refused).update, pushed_out=F("pushed_out") + pushed_out))


def _newest_counter(refused: RefusedRequest) -> QuerySet[Refusal]:
    """Return the newest counter of this hour and reason: pages show the sum of what was pushed out."""
    hour = refused.at.replace(minute=0, second=0, microsecond=0)
    of_hour = Refusal.objects.using(database_alias()).filter(hour=hour, reason=refused.reason)
    newest = of_hour.order_by("-last_at", "-pk").values_list("pk", flat=True)[:1]
    return of_hour.filter(pk__in=list(newest))


def release(pks: list[int], *, by: str, account: str = "") -> int:
    """Journal kept messages, to be applied as if they had come with the right key; return their number.

    Their `source` is `released`: nothing proves that Stock Hub sent them. `operations.release` says what they change.

    Args:
        pks: primary keys of `RefusedBody`; bodies that were released or dismissed before are skipped.
        by: the name of the user who lets them in.
        account: the account of the messages; may be empty if there is only one.

    Raises:
        ValueError: the account is unknown, or empty although there are several.
    """
    account = conf.account(account)
    return sum(_release(pk, by, account) for pk in pks)


@sensitive_variables()
def _release(pk: int, by: str, account: str) -> bool:
    using = database_alias()
    with write_transaction(using):
        no_key = connections[using].features.has_select_for_no_key_update
        waiting = refused_bodies.rows().waiting().filter(pk=pk)
        kept = waiting.select_for_update(no_key=no_key).first()
        if kept is None:
            return False
        message = message_of(kept, account)
        journal.enter(message, by=by)
        waiting.update(message=message)
    return True


@sensitive_variables()
def message_of(kept: RefusedBody, account: str) -> Message:
    """Return the unsaved message that a refused body is released as."""
    return Message(
        url_topic=kept.url_topic,
        account=account,
        body=bytes(kept.body),
        headers=kept.headers,
        key_fingerprint=kept.key_fingerprint,
        remote_address=kept.remote_address,
        received_at=kept.refused_at,
        source=Message.Source.RELEASED,
    )
