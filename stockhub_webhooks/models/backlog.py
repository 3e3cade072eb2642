"""The row by which one thread of all web processes at a time gets the right to left-over work."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.models.base import RowModel


class BacklogTurn(RowModel):
    """The only row; a thread of a web process must claim it before it does left-over work.

    Attributes:
        claim: token of the thread that has the right; None if no thread has it.
        free_at: when another thread may claim it: the end of the pause after a slice, or of the claim.
        message: primary key of the message that the thread works on.
        call: primary key of the receiver call that the thread makes.
    """

    id: models.PositiveSmallIntegerField[int, int] = models.PositiveSmallIntegerField(primary_key=True, default=1)
    claim: models.UUIDField[UUID | None, UUID | None] = models.UUIDField(null=True, editable=False)
    free_at: models.DateTimeField[datetime | Combinable, datetime] = models.DateTimeField(_("free at"))
    # plain numbers: the rows may be deleted meanwhile
    message: models.BigIntegerField[int | None, int | None] = models.BigIntegerField(null=True, editable=False)
    call: models.BigIntegerField[int | None, int | None] = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("turn at left-over work")
        verbose_name_plural = _("turns at left-over work")

    def __str__(self) -> str:
        return str(self.pk)
