"""Notes about a purchase: read for a part of its timeline, written, and withdrawn by the author."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from stockhub_webhooks.db.connections import database_alias
from stockhub_webhooks.models import Note, Order
from stockhub_webhooks.office.story.purchase import PurchaseStory
from stockhub_webhooks.office.story.timeline import Span
from stockhub_webhooks.purchases import order_keys


def notes_of(purchase: PurchaseStory, span: Span) -> QuerySet[Note]:
    """Return the notes about a purchase within a span, also those that were withdrawn, the newest first."""
    belongs = Q(order__in=order_keys(purchase.account, purchase.po_number, purchase.orders))
    if purchase.po_number:
        belongs |= Q(account=purchase.account, po_number=purchase.po_number)
    rows = Note.objects.using(database_alias()).filter(belongs)
    if span.after is not None:
        rows = rows.filter(written_at__gt=span.after)
    if span.until is not None:
        rows = rows.filter(written_at__lte=span.until)
    return rows.order_by("-written_at", "-pk")


def write(order: Order, text: str, user: Any) -> Note:
    """Write a note about the purchase of an order."""
    note = Note(
        account=order.account,
        order=order,
        po_number=order.po_number,
        text=text,
        written_by=user.get_username()[:255],
        written_by_pk=str(user.pk),
    )
    note.save(using=database_alias())
    return note


def withdraw(pk: str, order: Order, user: Any) -> bool:
    """Withdraw a note about the purchase of an order; False if it is not the user's, or was withdrawn before."""
    if not (pk.isdecimal() and len(pk) < 19):
        return False
    about = Q(order=order)
    if order.po_number:
        about |= Q(account=order.account, po_number=order.po_number)
    rows = Note.objects.using(database_alias()).filter(about, pk=pk, written_by_pk=str(user.pk), withdrawn_at=None)
    return bool(rows.update(withdrawn_at=timezone.now()))
