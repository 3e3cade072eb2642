"""Bookings of receivers (`event.book`), under a lock for each receiver and purchase.

The lock is acquired when the receiver reads `event.purchase`, before the purchase is read. So the receiver sees what
its former calls for other orders of the purchase have committed, and two calls never book from different states.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from django.db import connections
from django.db.models import F

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.db.sequences import insert_missing
from stockhub_webhooks.exceptions import BookingRefused
from stockhub_webhooks.models import BookedPurchase, Booking
from stockhub_webhooks.models.booking import purchase_name

BATCH = 500


def lock(receiver: str, account: str, po_number: str, increment_id: str) -> BookedPurchase:
    """Return the row of a receiver's bookings of a purchase, locked until the transaction ends; insert it at first.

    Args:
        receiver: the identity of the receiver.
        account: the account of the purchase.
        po_number: the shop's own order number; "" if Stock Hub sent none.
        increment_id: Stock Hub's number of the order, which is a purchase by itself without `po_number`.
    """
    purchase = purchase_name(po_number, increment_id)
    rows = BookedPurchase.objects.using(database_alias()).filter(account=account, receiver=receiver)
    booked = _locked(rows, [purchase])
    if not booked:
        new = BookedPurchase(account=account, receiver=receiver, purchase=purchase)
        insert_missing([new], rows.db)  # waits if another transaction has inserted it
        booked = _locked(rows, [purchase])
    return booked[0]


def take_over(booked: BookedPurchase, increment_ids: Collection[str]) -> None:
    """Move bookings to the purchase that were made for its orders when their `po_number` was not known yet."""
    using = database_alias()
    rows = BookedPurchase.objects.using(using).filter(account=booked.account, receiver=booked.receiver)
    names = [name for name in (f"order:{number}" for number in increment_ids) if name != booked.purchase]
    for start in range(0, len(names), BATCH):
        for former in _locked(rows, names[start : start + BATCH]):
            for row in former.bookings.using(using):
                _add(booked, row.key, {row.line: row.pieces})
            former.delete()


def book(booked: BookedPurchase, key: str, wanted: Mapping[str, int]) -> Counter[str]:
    """Book pieces of lines under a key; return the differences to what was booked before, without zeros."""
    known = _pieces(booked, key, wanted)
    differences = {line: pieces - known.get(line, 0) for line, pieces in wanted.items()}
    new = Counter({line: difference for line, difference in differences.items() if difference})
    _add(booked, key, new, known)
    return new


def refuse_other_database() -> None:
    """Raise if our tables are on another database than the shop's: both could not be written in one transaction.

    Raises:
        BookingRefused: they are.
    """
    if database_alias() != "default":
        raise BookingRefused(
            f"the tables of stockhub_webhooks are on the database {database_alias()!r}, so what this receiver writes "
            "to the shop's tables would be committed without its booking, or the other way round: route the app to "
            "'default', or keep a table of the pieces that you have booked beside your own"
        )


def _locked(rows: Any, purchases: list[str]) -> list[BookedPurchase]:
    no_key = connections[rows.db].features.has_select_for_no_key_update
    return list(rows.select_for_update(no_key=no_key).filter(purchase__in=purchases).order_by("pk"))


def _pieces(booked: BookedPurchase, key: str, lines: Collection[str]) -> dict[str, int]:
    rows = booked.bookings.using(database_alias()).filter(key=key)
    return {line: pieces for line, pieces in rows.values_list("line", "pieces") if line in lines}


def _add(booked: BookedPurchase, key: str, new: Mapping[str, int], known: Mapping[str, int] | None = None) -> None:
    """Add pieces to bookings.

    Args:
        booked: the bookings of a purchase.
        key: the key of the bookings.
        new: pieces by line.
        known: the lines that have a booking under this key; None to read them.
    """
    using = database_alias()
    if known is None:
        known = _pieces(booked, key, new)
    for line in new.keys() & known.keys():
        booked.bookings.using(using).filter(key=key, line=line).update(pieces=F("pieces") + new[line])
    created = [
        Booking(booked_purchase=booked, key=key, line=line, pieces=pieces)
        for line, pieces in new.items()
        if line not in known
    ]
    Booking.objects.using(using).bulk_create(created)
