"""Alarms that were raised, so that each is sent once."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.base import RowModel

MAX_NAME = 320  # the identity of a receiver has up to 255 characters


class Alarm(RowModel):
    """A problem that health checks look for, and its current episode.

    Attributes:
        name: the rule, and after a colon its subject if it has several, such as "receiver_fails:shop.accept".
        since: start of the current episode; None if the problem is solved.
        told_at: when the alarm of this episode was sent; None if it was not sent yet.
        newest: the newest row of the problem, a number that grows with each new one: a greater one is a new problem.
        is_critical: True once the problem was critical in this episode: becoming so is a new problem.
    """

    name: models.CharField[str, str] = ExactCharField(_("name"), max_length=MAX_NAME, primary_key=True)
    since: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("since"), null=True, blank=True, help_text=_("Empty while all is well.")
    )
    told_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("told at"), null=True, blank=True
    )
    newest: models.BigIntegerField[int | None, int | None] = models.BigIntegerField(null=True, editable=False)
    is_critical: models.BooleanField[bool, bool] = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")

    def __str__(self) -> str:
        return self.name
