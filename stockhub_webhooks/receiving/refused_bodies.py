"""Refused bodies that are kept: a limited number, each until a person decides about it or it expires.

An undecided body is not deleted before it was announced to a person.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import IntegrityError
from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from stockhub_webhooks.conf import conf
from stockhub_webhooks.db.connections import database_alias, with_retries
from stockhub_webhooks.db.sequences import insert_row
from stockhub_webhooks.models import Message, MutedSender, RefusedBody
from stockhub_webhooks.models.personal import REFUSED, retention_days
from stockhub_webhooks.models.refusal import RefusedBodyQuerySet
from stockhub_webhooks.receiving.eviction import Kept, network_of, to_evict

ANNOUNCED_FOR = timedelta(days=1)  # the time between the announcement of an undecided body and its deletion
FOREVER_DAYS = 36_500
BATCH = 500
COMPARED_MESSAGES = 100  # whose networks are known
GROUPS = 10  # the limit in all is so many times `KEEP_REFUSED`


def rows() -> RefusedBodyQuerySet:
    """Return all kept bodies."""
    return RefusedBody.objects.using(database_alias())


def keep(row: RefusedBody) -> int:
    """Insert a body, make room for it, and return the number of undecided ones that were pushed out."""
    row.size = len(row.body)
    with_retries(partial(insert_row, row, database_alias()))
    return _limit_group(row) + _limit_all()


def _limit_group(row: RefusedBody) -> int:
    """Delete the oldest of one topic, key and network beyond `KEEP_REFUSED`, settled ones first."""
    group = rows().of_sender(row.key_fingerprint, row.network).filter(topic=row.topic)
    columns = group.order_by("-pk").values_list("pk", "message", "dismissed_at")[: conf.KEEP_REFUSED + BATCH]
    kept = sorted((bool(message or at), -pk) for pk, message, at in columns)
    return _delete([-pk for _is_settled, pk in kept[conf.KEEP_REFUSED :]])


def _limit_all() -> int:
    """Delete the bodies that exceed the limits for all. Two processes at once may delete one more than needed."""
    most = conf.KEEP_REFUSED * GROUPS
    total = rows().aggregate(count=Count("pk"), size=Sum("size"))
    if total["count"] <= most and (total["size"] or 0) <= conf.KEEP_REFUSED_BYTES:
        return 0
    # sorted here: the database would read the bodies to sort the rows
    columns = rows().values_list("pk", "key_fingerprint", "network", "size", "message", "dismissed_at")
    kept = sorted(Kept(pk, key, network, size, bool(message or at)) for pk, key, network, size, message, at in columns)
    return _delete([each.pk for each in to_evict(kept, most, conf.KEEP_REFUSED_BYTES, _known_networks())])


def _known_networks() -> set[str]:
    """Return the networks that the newest messages with a right key came from."""
    accepted = Message.objects.using(database_alias()).filter(source=Message.Source.WEBHOOK).exclude(key_fingerprint="")
    addresses = accepted.order_by("-received_at").values_list("remote_address", flat=True)[:COMPARED_MESSAGES]
    return set(map(network_of, addresses)) - {""}


def _delete(pks: list[int]) -> int:
    """Delete bodies, and return how many of them were undecided."""
    undecided = 0
    for start in range(0, len(pks), BATCH):
        chosen = rows().filter(pk__in=pks[start : start + BATCH])
        undecided += with_retries(chosen.waiting().delete)[0]
        with_retries(chosen.delete)
    return undecided


def kept_for() -> timedelta:
    """Return the term of refused bodies, which begins when they are refused."""
    days = retention_days()[REFUSED]
    return timedelta(days=FOREVER_DAYS if days is None else days)


def expired(limit: datetime) -> RefusedBodyQuerySet:
    """Filter bodies that were refused before `limit` and may be deleted: settled, or announced more than a day ago."""
    settled = Q(message__isnull=False) | Q(dismissed_at__isnull=False)
    may_go = settled | Q(announced_at__lt=timezone.now() - ANNOUNCED_FOR)
    return rows().filter(may_go, refused_at__lt=limit)


def delete_expired() -> None:
    """Delete bodies that are past their term."""
    expired(timezone.now() - kept_for()).delete()


def delete_at(first_at: datetime, *, is_announced: bool) -> datetime:
    """Return when a body that was refused at `first_at` is deleted; without announcement a day from now or later."""
    now, expires_at = timezone.now(), first_at + kept_for()
    return max(expires_at, now) if is_announced else max(expires_at, now + ANNOUNCED_FOR)


def announce(until: datetime) -> int:
    """Mark the undecided bodies that were refused until then as announced to a person; return their number."""
    return rows().waiting().filter(refused_at__lte=until, announced_at=None).update(announced_at=timezone.now())


# ---------------------------------------------------------------- decisions of a person


def dismiss(pks: list[int], *, by: str, reason: str) -> int:
    """Dismiss undecided bodies; return their number. They are deleted when they expire.

    Args:
        pks: primary keys.
        by: the name of the user.
        reason: up to 255 characters.
    """
    waiting = rows().waiting().filter(pk__in=pks)
    return waiting.update(dismissed_at=timezone.now(), dismissed_by=by, dismissed_reason=reason)


def mute(*, key_fingerprint: str = "", network: str = "", by: str, reason: str) -> None:
    """Mute a key or a network: what it sends is counted, and neither kept nor reported, until it is unmuted.

    Raises:
        ValueError: neither or both are named.
    """
    if bool(key_fingerprint) == bool(network):
        raise ValueError("name a key or a network")
    sender = {"key_fingerprint": key_fingerprint, "network": network}
    values = {"muted_at": timezone.now(), "muted_by": by, "reason": reason}
    try:
        insert_row(MutedSender(**sender, **values), database_alias())
    except IntegrityError:  # it is muted already
        MutedSender.objects.using(database_alias()).filter(**sender).update(**values)


def unmute(pks: list[int]) -> int:
    """Unmute senders; return their number."""
    number, _by_model = MutedSender.objects.using(database_alias()).filter(pk__in=pks).delete()
    return int(number)


def count_muted(key_fingerprint: str, network: str, at: datetime) -> bool:
    """Count a refused request of a muted sender; return False if it is not muted."""
    sender = Q(key_fingerprint="", network=network) if network else Q(pk=None)
    if key_fingerprint:
        sender |= Q(key_fingerprint=key_fingerprint, network="")
    muted = MutedSender.objects.using(database_alias()).filter(sender)
    return bool(muted.update(count=F("count") + 1, last_at=at))
