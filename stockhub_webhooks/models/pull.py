"""Runs that fetch what never arrived, and what Stock Hub's REST calls said about an order or a number of the shop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import models
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.accounts import AccountModel, AccountQuerySet
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.order import Order

RESULTS = ("changed", "unchanged", "unknown", "failed")


class PullQuerySet(AccountQuerySet["Pull"]):
    """Queryset of runs."""

    def due(self, now: Any) -> PullQuerySet:
        """Filter runs that are due or whose lease has lapsed, oldest first; `now` is the database's clock."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")


class Pull(AccountModel):
    """A run that asks Stock Hub for what is missing: the record of it, and its progress.

    A run is open while `due_at` is set.

    Attributes:
        open_account: the account while the run is open, else None; its unique index allows one open run an account.
        requested_by: the name of the user who asked for it; "" for the nightly run.
        choice: what is asked for; empty for everything.
        stage: the part of the work that is next, a value of `Stage`.
        page: the page of the list of returns that is next.
        total: the number of answers that are expected, as far as it is known by now.
        changed: number of answers that changed something, each stored as a message.
        unchanged: number of answers that changed nothing.
        unknown: number of numbers that Stock Hub does not know.
        failed: number of calls that failed.
        due_at: when to go on; while it runs, when its lease lapses; None if it has ended.
        claim: token of the process that runs it.
        attempts: number of times in a row that Stock Hub did not answer.
    """

    class Status(models.TextChoices):
        OPEN = "open", pgettext_lazy("pull", "under way")
        DONE = "done", pgettext_lazy("pull", "done")
        STOPPED = "stopped", pgettext_lazy("pull", "stopped")
        FAILED = "failed", pgettext_lazy("pull", "broken off")

    class Stage(models.TextChoices):
        NUMBERS = "numbers", _("our order numbers")
        RETURNS = "returns", _("returns")
        ORDERS = "orders", _("orders")

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    account: models.CharField[str, str] = ExactCharField(_("account"), max_length=64)
    open_account: models.CharField[str | None, str | None] = ExactCharField(
        max_length=64, null=True, unique=True, editable=False
    )
    # plain text: the host's users may live in another database, and the record outlives them
    requested_by: models.CharField[str, str] = models.CharField(_("requested by"), max_length=255, blank=True)
    created_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("requested at"))
    choice: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(_("what"), default=dict)
    status: models.CharField[str, str] = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.OPEN
    )
    stage: models.CharField[str, str] = models.CharField(
        _("at"), max_length=16, choices=Stage, default=Stage.NUMBERS, editable=False
    )
    page: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(default=1, editable=False)
    total: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(default=0, editable=False)
    changed: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(
        _("was missing or differed"), default=0
    )
    unchanged: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(_("nothing new"), default=0)
    unknown: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(
        _("unknown to Stock Hub"), default=0
    )
    failed: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(
        _("could not be fetched"), default=0
    )
    last_error: models.TextField[str, str] = models.TextField(_("last error"), blank=True)
    due_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        _("due at"), null=True, db_index=True, help_text=_("While it runs, when its lease lapses.")
    )
    claim: models.UUIDField[UUID | None, UUID | None] = models.UUIDField(null=True, editable=False)
    attempts: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(default=0, editable=False)
    finished_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("finished at"), null=True
    )
    stopped_by: models.CharField[str, str] = models.CharField(_("stopped by"), max_length=255, blank=True)

    if TYPE_CHECKING:
        get_status_display: Callable[[], str]
        get_stage_display: Callable[[], str]

    objects = PullQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

    class Meta:
        verbose_name = _("fetching of what is missing")
        verbose_name_plural = _("fetched from Stock Hub")
        permissions = [("reconcile", _("Can fetch from Stock Hub what is missing"))]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def done(self) -> int:
        """The number of answers so far."""
        return sum(getattr(self, name) for name in RESULTS)

    @property
    def percent(self) -> int:
        """The progress in percent; 100 only if the run is done."""
        if self.status == self.Status.DONE:
            return 100
        return min(99, self.done * 100 // self.total) if self.total else 0


class AskedNumberQuerySet(AccountQuerySet["AskedNumber"]):
    """Queryset of numbers."""


class AskedNumber(AccountModel):
    """An order number of the shop that Stock Hub did not know when it was asked; it is asked again each night.

    Attributes:
        first_asked_at: when Stock Hub was asked first; after 30 days it is not asked again.
        asked_at: when Stock Hub was asked last.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    account: models.CharField[str, str] = ExactCharField(_("account"), max_length=64)
    po_number: models.CharField[str, str] = ExactCharField(_("our order number"), max_length=255)
    first_asked_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("first asked at"))
    asked_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("asked at"))

    objects = AskedNumberQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

    class Meta:
        verbose_name = _("order number unknown to Stock Hub")
        verbose_name_plural = _("order numbers unknown to Stock Hub")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account", "po_number"], name="stockhub_asked_number")]

    def __str__(self) -> str:
        return str(self.pk)


class OrderAnswer(RowModel):
    """What Stock Hub's REST call said last about an order, apart from what the order itself has.

    Attributes:
        asked_at: when Stock Hub was asked last.
        unknown_since: when Stock Hub first said that it does not know the order; None if it knows the order.
        is_shipped: None if the answer did not say.
        is_invoiced: None if the answer did not say.
        shipped_since: the order's `updated_at` in the first answer that said that it is shipped.
        invoiced_since: the order's `updated_at` in the first answer that said that it is invoiced.
    """

    order: models.OneToOneField[Order, Order] = models.OneToOneField(
        Order, models.CASCADE, primary_key=True, related_name="rest_answer", verbose_name=_("order")
    )
    asked_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("asked at"), db_index=True)
    unknown_since: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    is_shipped: models.BooleanField[bool | None, bool | None] = models.BooleanField(null=True)
    is_invoiced: models.BooleanField[bool | None, bool | None] = models.BooleanField(null=True)
    shipped_since: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)
    invoiced_since: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)

    if TYPE_CHECKING:
        order_id: int

    class Meta:
        verbose_name = _("answer about an order")
        verbose_name_plural = _("answers about orders")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)
