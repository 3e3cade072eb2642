"""Lines of orders that the shop's own order does not have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.accounts import AccountManager, AccountModel
from stockhub_webhooks.models.host_link import HostLink
from stockhub_webhooks.models.order import OrderItem

if TYPE_CHECKING:
    from typing_extensions import Self


class MissingLine(AccountModel):
    """A line of an order for which `HOST_LINE_RESOLVER` found none of the shop's; the row is removed once it is found.

    Attributes:
        cause: where in the shop's code the look-up failed; "" if it did not fail.
        since: when the line was first looked up in vain.
        looked_at: when it was last looked up.
    """

    class Status(models.TextChoices):
        MISSING = "missing", _("unknown article")
        FAILED = "failed", _("looking it up failed")

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    account: models.CharField[str, str] = ExactCharField(_("account"), max_length=64)
    link: models.ForeignKey[HostLink, HostLink] = models.ForeignKey(
        HostLink, models.CASCADE, related_name="missing_lines", verbose_name=_("order")
    )
    item: models.OneToOneField[OrderItem, OrderItem] = models.OneToOneField(
        OrderItem, models.CASCADE, related_name="missing_line", verbose_name=_("order line")
    )
    status: models.CharField[str, str] = models.CharField(_("reason"), max_length=16, choices=Status)
    cause: models.CharField[str, str] = ExactCharField(
        _("cause"), max_length=200, blank=True, help_text=_("Where in our shop it failed.")
    )
    since: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("not found since"))
    looked_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("last looked for"))

    if TYPE_CHECKING:
        link_id: int
        item_id: int
        get_status_display: Callable[[], str]

    objects: ClassVar[AccountManager[Self]] = AccountManager()

    class Meta:
        verbose_name = _("order line not found in our shop")
        verbose_name_plural = _("order lines not found in our shop")
        indexes = [models.Index(fields=["since"], name="stockhub_missing_line_since")]

    def __str__(self) -> str:
        return str(self.item)
