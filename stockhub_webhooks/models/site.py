"""The public address of the shop, for links in mails that no request causes."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.base import RowModel


class SiteAddress(RowModel):
    """The address that `stockhub_doctor --url` was given last; there is one row. `SITE_URL` takes precedence.

    Attributes:
        url: scheme and host, such as "https://shop.example".
        given_at: when the doctor was given it.
    """

    ONLY = 1

    id: models.PositiveSmallIntegerField[int, int] = models.PositiveSmallIntegerField(default=ONLY, primary_key=True)
    url: models.CharField[str, str] = ExactCharField(_("address of the shop"), max_length=300)
    given_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("given at"), auto_now=True)

    class Meta:
        verbose_name = _("address of the shop")
        verbose_name_plural = _("addresses of the shop")

    def __str__(self) -> str:
        return self.url
