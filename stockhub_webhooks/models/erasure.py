"""The record of erased orders, which is repeated after a backup was restored."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.accounts import AccountManager, AccountModel

if TYPE_CHECKING:
    from typing_extensions import Self


class Erasure(AccountModel):
    """Orders whose personal data was erased together. It holds no name and no e-mail address, nor a hash of one.

    Attributes:
        order_numbers: Stock Hub's numbers of the orders, and of payment requests without an order.
        erased_at: aware.
        erased_by: the user, or the user of the command.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    account: models.CharField[str, str] = ExactCharField(_("account"), max_length=64)
    order_numbers: models.JSONField[list[str], list[str]] = models.JSONField(_("Stock Hub numbers"), default=list)
    erased_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(
        _("erased at"), default=timezone.now, db_index=True
    )
    erased_by: models.CharField[str, str] = models.CharField(_("erased by"), max_length=255, blank=True)

    objects: ClassVar[AccountManager[Self]] = AccountManager()

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")

    def __str__(self) -> str:
        return str(self.pk)
