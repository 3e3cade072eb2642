"""What is wrong."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Alarm(models.Model):
    """One thing that was wrong before or is now: an episode begins with `since` and ends when that is emptied."""

    name = models.CharField(_("name"), max_length=64, primary_key=True)
    since = models.DateTimeField(_("since"), null=True, blank=True, help_text=_("Empty while all is well."))
    told_at = models.DateTimeField(_("told at"), null=True, blank=True)

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")

    def __str__(self) -> str:
        return self.name
