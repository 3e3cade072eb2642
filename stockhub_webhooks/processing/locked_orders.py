"""Messages of an order that another transaction has locked: they are put off together, and all other work goes on."""

from __future__ import annotations

from contextlib import suppress

from django.db.models import Q

from stockhub_webhooks import serializers
from stockhub_webhooks.db import row_locks
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.leases import skip_locked
from stockhub_webhooks.db.timeouts import query_timeout
from stockhub_webhooks.exceptions import OrderLocked, Unreadable
from stockhub_webhooks.logs import logger_of
from stockhub_webhooks.models import Message, Order
from stockhub_webhooks.receiving import claiming

logger = logger_of(__name__)


def order_key(message: Message, parsed: serializers.ParsedMessage) -> tuple[str, str]:
    """Return the account and the number of the order that a message locks first."""
    return message.account, parsed.order_increment_id or parsed.increment_id


def find_locked(keys: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the orders that another transaction holds; lock the others.

    Args:
        keys: accounts and numbers, as `order_key` returns them. Orders that are not stored are not locked.
    """
    wanted = Q(pk=None)
    for account, number in keys:
        wanted |= Q(account=account, increment_id=number)
    orders = Order.objects.using(database_alias()).filter(wanted).only("account", "increment_id").order_by()
    free = {(order.account, order.increment_id) for order in skip_locked(orders)}
    if len(free) == len(keys):
        return set()
    return {(order.account, order.increment_id) for order in orders} - free


def put_off(message: Message, locked: OrderLocked) -> None:
    """Make a claimed message, and the other messages of its order in the same claim, due again after a pause.

    No attempt is counted. The pause is as long as the order has been locked so far, from 2 to 30 seconds.

    Raises:
        django.db.Error: the database failed; the leases lapse.
    """
    messages = [message, *_same_order(message)]
    key = row_locks.key_of(locked.model, locked.values)
    seconds = row_locks.LOCKED.pause_for(key)
    with query_timeout(database_alias()):
        held_by = row_locks.holder(locked.model, database_alias(), locked.values)
    reason = f"{locked} ({held_by})" if held_by else str(locked)
    logger.warning(
        "%s: %s messages of it are put off for %.0f seconds; end that transaction if it does not end by itself",
        reason, len(messages), seconds,
    )  # fmt: skip
    claiming.put_off(messages, reason, seconds)


def _same_order(message: Message) -> list[Message]:
    """Return the other messages of the same claim and order that are not applied yet."""
    if message.claim in (None, message.uid):  # a request claims one message
        return []
    key = _key_or_none(message)
    rows = Message.objects.using(database_alias()).filter(claim=message.claim, status=Message.Status.RECEIVED)
    with query_timeout(database_alias()):
        others = list(rows.filter(due_at__isnull=False).exclude(pk=message.pk))
    return [other for other in others if other.account == message.account and _key_or_none(other) == key]


def _key_or_none(message: Message) -> tuple[str, str] | None:
    with suppress(Unreadable):
        return order_key(message, serializers.read_message(message))
    return None
