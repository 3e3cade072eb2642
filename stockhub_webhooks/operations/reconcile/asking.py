"""What to ask Stock Hub for: orders that we know, and order numbers that only the shop knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.module_loading import import_string

from stockhub_webhooks.conf import NAME, conf
from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.sequences import insert_missing
from stockhub_webhooks.exceptions import RestNotConfigured, error_location
from stockhub_webhooks.models import AskedNumber, Order
from stockhub_webhooks.serializers.fields import clean_text
from stockhub_webhooks.serializers.shapes import trimmed

OPEN_DAYS = 90  # an open order is asked for each night, as long as it is not older
COMPLETE_DAYS = 30  # a complete order can still become closed
ASKED_DAYS = 30
FINAL = ("closed", "canceled")
COMPLETE = "complete"
UNCHANGEABLE = ("closed", COMPLETE)  # Magento edits no such order
BATCH = 500
LONGEST_NUMBER = 255


@dataclass(frozen=True)
class PullChoice:
    """What to ask for; everything if nothing is named.

    Attributes:
        since: orders that were created then or later, whatever their status.
        orders: only these Stock Hub numbers, with their returns.
        po_numbers: only the orders with these numbers of the shop, with their returns.
    """

    since: datetime | None = None
    orders: tuple[str, ...] = ()
    po_numbers: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """True if no order is named."""
        return not (self.orders or self.po_numbers)

    def as_json(self) -> dict[str, Any]:
        """Return the choice as a row keeps it."""
        values: dict[str, Any] = {"orders": list(self.orders), "po_numbers": list(self.po_numbers)}
        if self.since:
            values["since"] = self.since.isoformat()
        return {name: value for name, value in values.items() if value}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> PullChoice:
        """Return the choice that a row keeps."""
        since = parse_datetime(values.get("since", ""))
        return cls(since, tuple(values.get("orders", ())), tuple(values.get("po_numbers", ())))


def orders_to_ask(account: str, since: datetime | None, before: datetime) -> list[str]:
    """Return the numbers of the orders to ask for: first those that were never asked for, or longest ago.

    These are orders that are known from their children only, and open ones up to 90 days old, complete ones up to 30. A
    recent order that has ended is asked for once: a message about it may be missing all the same.

    Args:
        account: whose orders.
        since: instead, orders that were created then or later.
        before: leave out orders that were asked for after this.
    """
    now = timezone.now()
    age = Coalesce("created_at", "received_at")
    rows = Order.objects.of_account(account).using(database_alias()).annotate(age=age)
    open_status = Q(status__isnull=True) | ~Q(status__in=(*FINAL, COMPLETE))
    is_recent = Q(age__gte=now - timedelta(days=COMPLETE_DAYS))
    can_change = (open_status & Q(age__gte=now - timedelta(days=OPEN_DAYS))) | (Q(status=COMPLETE) & is_recent)
    never_asked = Q(status__in=FINAL, rest_answer__isnull=True) & is_recent
    is_young = Q(age__gte=since) if since else can_change | never_asked
    gone = Q(rest_answer__unknown_since__lte=now - timedelta(days=ASKED_DAYS))
    rows = rows.filter(Q(received_at__isnull=True) | is_young).exclude(gone)
    rows = rows.exclude(
        rest_answer__asked_at__range=(before, now)
    )  # one in the future is from a clock that was set back
    rows = rows.order_by(F("rest_answer__asked_at").asc(nulls_first=True), "pk")
    return list(rows.values_list("increment_id", flat=True))


def numbers_to_ask(account: str, before: datetime) -> list[str]:
    """Return the shop's order numbers that no order of ours has, and that Stock Hub was not asked for after `before`.

    They come from `RECENT_PO_NUMBERS`, and from those that Stock Hub did not know in the last 30 days.

    Raises:
        RestNotConfigured: `RECENT_PO_NUMBERS` cannot be called; the text says why.
    """
    asked = AskedNumber.objects.of_account(account).using(database_alias())
    too_old = timezone.now() - timedelta(days=ASKED_DAYS)
    is_done = Q(first_asked_at__lte=too_old) | Q(asked_at__range=(before, timezone.now()))
    skipped = set(asked.filter(is_done).values_list("po_number", flat=True))
    waiting = asked.exclude(is_done).values_list("po_number", flat=True)
    numbers = list(dict.fromkeys([*recent_numbers(account), *waiting]))
    wanted: list[str] = []
    for start in range(0, len(numbers), BATCH):
        batch = numbers[start : start + BATCH]
        known = known_numbers(account, batch)
        if known:
            asked.filter(po_number__in=known).delete()
        wanted += [number for number in batch if number not in known and number not in skipped]
    return wanted


def known_numbers(account: str, numbers: list[str]) -> set[str]:
    """Return those of the shop's order numbers that an order of ours has."""
    rows = Order.objects.of_account(account).using(database_alias()).filter(po_number__in=numbers)
    return {number for number in rows.values_list("po_number", flat=True) if number}


def recent_numbers(account: str) -> Iterator[str]:
    """Yield what `RECENT_PO_NUMBERS` yields, without blanks at the ends.

    Raises:
        RestNotConfigured: it cannot be called; the text says why.
    """
    path = conf.of_account("RECENT_PO_NUMBERS", account)
    if not path:
        return
    fault = ""
    try:
        for value in import_string(path)():
            number = trimmed(clean_text(str(value)))
            if _can_be_stored(number):
                yield number
    except Exception as error:
        fault = error_location(error)
    if fault:
        raise RestNotConfigured(f"{NAME}['RECENT_PO_NUMBERS'] failed ({fault})")


def note_asked(account: str, po_number: str, *, is_known: bool, asked_at: datetime | None = None) -> None:
    """Keep a number whose order is not here, so that Stock Hub is asked again; or forget it, since it is.

    One that is empty or too long is no order's, and is not kept.

    Args:
        account: whose number.
        po_number: the shop's own order number.
        is_known: True if its order is here.
        asked_at: when Stock Hub was asked; None for now.
    """
    if not _can_be_stored(po_number):
        return
    rows = AskedNumber.objects.of_account(account).using(database_alias())
    now = timezone.now()
    if is_known:
        rows.filter(po_number=po_number).delete()
    elif not rows.filter(po_number=po_number).update(asked_at=asked_at or now):
        row = AskedNumber(account=account, po_number=po_number, first_asked_at=now, asked_at=asked_at or now)
        insert_missing([row], database_alias())


def _can_be_stored(number: str) -> bool:
    return 0 < len(number) <= LONGEST_NUMBER
