"""Whether the shop has the orders that Stock Hub tells of."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.db.indexes import DueIndex
from stockhub_webhooks.models.accounts import AccountQuerySet, OfAccount
from stockhub_webhooks.models.order import Order
from stockhub_webhooks.models.payment_request import PaymentRequest


class HostLinkQuerySet(AccountQuerySet["HostLink"]):
    """Orders by whether the shop has them."""

    def due(self, now: Any) -> HostLinkQuerySet:
        """Those that are to be looked for, oldest first; `now` is the database's clock."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")

    def absent(self) -> HostLinkQuerySet:
        """Those that were looked for in vain."""
        return self.filter(status__in=HostLink.ABSENT)

    def found_later(self) -> HostLinkQuerySet:
        """Those that the shop has by now, but did not have at first."""
        return self.filter(status=HostLink.Status.FOUND, since__isnull=False)


class HostLink(OfAccount):
    """What `HOST_ORDER_RESOLVER` said of an order, or of a payment request that names none.

    A row of its own, for whoever receives and applies messages neither knows of it nor waits for it.
    """

    class Status(models.TextChoices):
        NEW = "new", _("not looked for yet")
        FOUND = "found", pgettext_lazy("order in our shop", "found")
        MISSING = "missing", _("unknown number")
        NO_NUMBER = "no_number", _("no order number")
        FAILED = "failed", _("looking it up failed")

    ABSENT = (Status.MISSING, Status.NO_NUMBER, Status.FAILED)

    id = models.BigAutoField(primary_key=True)
    account = models.CharField(_("account"), max_length=64)
    order = models.OneToOneField(
        Order, models.CASCADE, null=True, blank=True, related_name="host_link", verbose_name=_("order")
    )
    payment_request = models.OneToOneField(
        PaymentRequest,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="host_link",
        verbose_name=_("payment request"),
    )
    status = models.CharField(_("reason"), max_length=16, choices=Status, default=Status.NEW)
    cause = models.CharField(_("cause"), max_length=200, blank=True, help_text=_("Where in our shop it failed."))
    since = models.DateTimeField(
        _("not found since"), null=True, blank=True, help_text=_("Empty where it was found at once.")
    )
    looked_at = models.DateTimeField(_("last looked for"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("times looked for"), default=0)
    due_at = models.DateTimeField(
        _("looked for again"), null=True, blank=True, help_text=_("Empty where nobody looks any more.")
    )

    objects = HostLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("order not found in our shop")
        verbose_name_plural = _("orders not found in our shop")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(order__isnull=True) ^ models.Q(payment_request__isnull=True),
                name="stockhub_host_link_of_one",
            )
        ]
        indexes = [
            models.Index(fields=["status", "since"], name="stockhub_host_link_status"),
            DueIndex(fields=["due_at", "id"], name="stockhub_host_link_due"),
        ]
        permissions = [("look_again", _("Can look for an order in our shop again"))]

    def __str__(self) -> str:
        return str(self.document)

    @property
    def document(self) -> Any:
        """What was looked for: the one of the two that there is."""
        return self.order or self.payment_request
