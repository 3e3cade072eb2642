"""Notes that colleagues write about a purchase."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.accounts import AccountModel, AccountQuerySet
from stockhub_webhooks.models.order import Order
from stockhub_webhooks.visible import visible

MAX_TEXT = 2000


class NoteQuerySet(AccountQuerySet["Note"]):
    """Queryset of notes."""


class Note(AccountModel):
    """A note in the timeline of a purchase. It is never changed; its author may withdraw it, and it is kept then.

    Attributes:
        order: the order on whose page it was written; the note is gone with it.
        po_number: the order's number in the shop, so that all orders of the purchase show the note.
        text: free text, which may hold personal data.
        written_by: the name of the user.
        written_by_pk: the primary key of the user as text, who may withdraw the note.
        withdrawn_at: when the author withdrew it; None if the note holds.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    account: models.CharField[str, str] = ExactCharField(_("account"), max_length=64)
    order: models.ForeignKey[Order, Order] = models.ForeignKey(
        Order, models.CASCADE, related_name="notes", verbose_name=_("order")
    )
    po_number: models.CharField[str | None, str | None] = ExactCharField(
        _("our order number"), max_length=255, null=True, blank=True
    )
    text: models.TextField[str, str] = models.TextField(_("note"), max_length=MAX_TEXT)
    # plain text: the host's users may live in another database, and the note outlives them
    written_by: models.CharField[str, str] = models.CharField(_("written by"), max_length=255)
    written_by_pk: models.CharField[str, str] = ExactCharField(_("key of the user"), max_length=255)
    written_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(
        _("written at"), default=timezone.now, db_index=True
    )
    withdrawn_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("withdrawn at"), null=True, blank=True
    )

    if TYPE_CHECKING:
        order_id: int

    objects = NoteQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = pgettext_lazy("of colleagues", "notes")
        default_permissions = ("view",)
        permissions = [("write_note", _("Can write a note about a purchase"))]
        indexes = [models.Index(fields=["po_number", "account", "written_at"], name="stockhub_note_purchase")]

    def __str__(self) -> str:
        return visible(f"{self.po_number or self.order_id} ({self.written_by})")
