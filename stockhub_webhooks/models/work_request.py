"""Requests of users for work in the background, and their progress."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

from django.db import models
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.base import RowModel, RowQuerySet
from stockhub_webhooks.visible import visible

RequestT = TypeVar("RequestT", bound="WorkRequest")


class WorkRequestQuerySet(RowQuerySet[RequestT]):
    """Queryset of requests."""

    def due(self, now: Any) -> WorkRequestQuerySet[RequestT]:
        """Filter requests that are due or whose lease has lapsed, oldest first; `now` is the database's clock."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")


class WorkRequest(RowModel):
    """Base class of requests that a worker carries out in small steps. A request is open while `due_at` is set.

    Attributes:
        requested_by: the name of the user who asked for it.
        total: number of chosen rows.
        due_at: when to go on; while a step runs, when its lease lapses; None if the request has ended.
        claim: token of the process that runs the current step.
    """

    class Status(models.TextChoices):
        OPEN = "open", pgettext_lazy("replay", "under way")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", pgettext_lazy("replay", "broken off")

    COUNTED: ClassVar[tuple[str, ...]] = ()  # the counters whose sum is the number of rows that are done

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    # plain text: the host's users may live in another database, and the record outlives them
    requested_by: models.CharField[str, str] = models.CharField(_("requested by"), max_length=255)
    requested_by_pk: models.CharField[str, str] = ExactCharField(_("key of the user"), max_length=255, blank=True)
    created_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("requested at"))
    reason: models.TextField[str, str] = models.TextField(_("reason"))
    status: models.CharField[str, str] = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.OPEN
    )
    total: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(_("chosen rows"), default=0)
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

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return visible(f"{self.pk} ({self.requested_by})")

    @property
    def done(self) -> int:
        """The number of rows that are done."""
        return sum(getattr(self, name) for name in self.COUNTED)

    @property
    def percent(self) -> int:
        """The progress in percent; 100 only if the request is done."""
        if self.status == self.Status.DONE:
            return 100
        return min(99, self.done * 100 // self.total) if self.total else 0
