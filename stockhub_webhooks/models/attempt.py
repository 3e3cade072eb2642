"""Failed attempts of receiver calls."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.ledger import ReceiverCall
from stockhub_webhooks.visible import visible


class Attempt(RowModel):
    """A failed attempt of a receiver call, written in the transaction that postpones the call or gives it up.

    The last 100 of each call are kept.

    Attributes:
        number: the number of the attempt, from 1. An attempt that was not counted has the same number as the next one.
            After a retry by a person, the numbers begin anew.
        failed_at: when it failed, aware.
        seconds: how long the receiver ran; None if the process died or it is not known.
        error: the error with the end of its traceback; it may hold personal data.
        cause: fingerprint of the error, as in `ReceiverCall.cause`.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    call: models.ForeignKey[ReceiverCall, ReceiverCall] = models.ForeignKey(
        ReceiverCall, models.CASCADE, related_name="failed_attempts", verbose_name=_("task for our shop")
    )
    number: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(_("attempt"))
    failed_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("failed at"))
    seconds: models.FloatField[float | None, float | None] = models.FloatField(_("seconds"), null=True, blank=True)
    error: models.TextField[str, str] = models.TextField(_("error"), blank=True)
    cause: models.CharField[str, str] = ExactCharField(_("cause"), max_length=200, blank=True)

    if TYPE_CHECKING:
        call_id: int

    class Meta:
        verbose_name = _("failed attempt")
        verbose_name_plural = _("failed attempts")

    def __str__(self) -> str:
        return visible(f"{self.number}: {self.cause}")
