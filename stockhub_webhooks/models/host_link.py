"""Links from Stock Hub's orders to the shop's own orders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.db import models
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.db.deletion import cascade
from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.db.indexes import DueIndex
from stockhub_webhooks.models.accounts import AccountModel, AccountQuerySet
from stockhub_webhooks.models.order import Order
from stockhub_webhooks.models.payment_request import PaymentRequest

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from stockhub_webhooks.models.missing_line import MissingLine


class HostLinkQuerySet(AccountQuerySet["HostLink"]):
    """Queryset of links."""

    def due(self, now: Any) -> HostLinkQuerySet:
        """Filter links whose next look-up is due, oldest first; `now` is the database's clock."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")

    def absent(self) -> HostLinkQuerySet:
        """Filter orders that were looked up and not found."""
        return self.filter(status__in=HostLink.ABSENT)

    def found_later(self) -> HostLinkQuerySet:
        """Filter orders that were found, but not at the first look-up."""
        return self.filter(status=HostLink.Status.FOUND, since__isnull=False)


class HostLink(AccountModel):
    """The last answer of `HOST_ORDER_RESOLVER` for an order, or for a payment request that names no order.

    It is a table of its own, so that receiving and applying messages never waits for the shop's code.

    Attributes:
        order: None for the link of a payment request.
        payment_request: None for the link of an order.
        cause: where in the shop's code the look-up failed; "" if it did not fail.
        since: when the order was first looked up in vain; None if it was found at once.
        looked_at: when the order was last looked up; None before the first look-up.
        attempts: number of look-ups.
        due_at: when to look again; None if no further look-up is planned.
        lines_due_at: when to look up the lines of an order that is found; None if none of them is missing.
        claim: token of the look-up that is under way or has died; None otherwise.
    """

    class Status(models.TextChoices):
        NEW = "new", _("not looked for yet")
        FOUND = "found", pgettext_lazy("order in our shop", "found")
        MISSING = "missing", _("unknown number")
        NO_NUMBER = "no_number", _("no order number")
        FAILED = "failed", _("looking it up failed")

    ABSENT = (Status.MISSING, Status.NO_NUMBER, Status.FAILED)

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    account: models.CharField[str, str] = ExactCharField(_("account"), max_length=64)
    order: models.OneToOneField[Order | None, Order | None] = models.OneToOneField(
        Order, cascade, null=True, blank=True, related_name="host_link", verbose_name=_("order")
    )
    payment_request: models.OneToOneField[PaymentRequest | None, PaymentRequest | None] = models.OneToOneField(
        PaymentRequest,
        cascade,
        null=True,
        blank=True,
        related_name="host_link",
        verbose_name=_("payment request"),
    )
    status: models.CharField[str, str] = models.CharField(
        _("reason"), max_length=16, choices=Status, default=Status.NEW
    )
    cause: models.CharField[str, str] = ExactCharField(
        _("cause"), max_length=200, blank=True, help_text=_("Where in our shop it failed.")
    )
    since: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("not found since"), null=True, blank=True, help_text=_("Empty where it was found at once.")
    )
    looked_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("last looked for"), null=True, blank=True
    )
    attempts: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(_("times looked for"), default=0)
    due_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        _("looked for again"), null=True, blank=True, help_text=_("Empty where nobody looks any more.")
    )
    lines_due_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        null=True, editable=False
    )
    claim: models.UUIDField[UUID | None, UUID | None] = models.UUIDField(null=True, editable=False)

    if TYPE_CHECKING:
        order_id: int | None
        payment_request_id: int | None
        missing_lines: RelatedManager[MissingLine]
        get_status_display: Callable[[], str]

    objects = HostLinkQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

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
            models.Index(fields=["lines_due_at"], name="stockhub_host_link_lines_due"),
        ]
        permissions = [("look_again", _("Can look for an order in our shop again"))]

    def __str__(self) -> str:
        return str(self.document)

    @property
    def document(self) -> Order | PaymentRequest:
        """The order or the payment request; a constraint of the table says that there is exactly one."""
        return cast("Order | PaymentRequest", self.order or self.payment_request)
