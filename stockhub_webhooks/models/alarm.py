"""Alarms that were raised, so that each is sent once."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.base import RowModel


class Alarm(RowModel):
    """A problem that health checks look for, and its current episode.

    Attributes:
        name: the code of the problem.
        since: start of the current episode; None if the problem is solved.
        told_at: when the alarm of this episode was sent; None if it was not sent yet.
    """

    name: models.CharField[str, str] = ExactCharField(_("name"), max_length=64, primary_key=True)
    since: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("since"), null=True, blank=True, help_text=_("Empty while all is well.")
    )
    told_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("told at"), null=True, blank=True
    )

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")

    def __str__(self) -> str:
        return self.name
