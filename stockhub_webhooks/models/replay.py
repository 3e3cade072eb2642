"""Requests to apply stored messages again or to call receivers for past events, and their progress."""

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
from stockhub_webhooks.models.base import RowModel, RowQuerySet

COUNTED = ("changed", "unchanged", "failed", "postponed")


class ReplayQuerySet(RowQuerySet["Replay"]):
    """Queryset of replays."""

    def due(self, now: Any) -> ReplayQuerySet:
        """Filter replays that are due or whose lease has lapsed, oldest first; `now` is the database's clock."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")


class Replay(RowModel):
    """A request to go through stored messages again: the record of it, and its progress.

    Messages are taken in the order of their receipt. A replay is open while `due_at` is set.

    Attributes:
        requested_by: the name of the user who asked for it.
        choice: the filter that chooses the messages.
        applies: True to apply the messages again, False to only call `receivers` for their past events.
        tries_again: True to retry the receiver calls of these messages that were given up.
        receivers: identities of receivers to call for past events.
        total: number of chosen messages.
        owed: number of receiver calls that were added.
        up_to_message: the newest message at the time of the request; later messages are not part of it.
        reached_at: `received_at` of the last message that is done; None before the first.
        reached_message: primary key of that message; 0 before the first.
        due_at: when to go on; while a step runs, when its lease lapses; None if the replay has ended.
        claim: token of the process that runs the current step.
    """

    class Status(models.TextChoices):
        OPEN = "open", pgettext_lazy("replay", "under way")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", pgettext_lazy("replay", "broken off")

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    # plain text: the host's users may live in another database, and the record outlives them
    requested_by: models.CharField[str, str] = models.CharField(_("requested by"), max_length=255)
    requested_by_pk: models.CharField[str, str] = ExactCharField(_("key of the user"), max_length=255, blank=True)
    created_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("requested at"))
    reason: models.TextField[str, str] = models.TextField(_("reason"))
    choice: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(_("which messages"), default=dict)
    applies: models.BooleanField[bool, bool] = models.BooleanField(
        _("process again"), default=True, help_text=_("Otherwise past changes are only offered to the receivers.")
    )
    tries_again: models.BooleanField[bool, bool] = models.BooleanField(_("try again what was given up"), default=False)
    receivers: models.JSONField[list[str], list[str]] = models.JSONField(
        _("also told to"), default=list, help_text=_("Receivers that past changes are offered to.")
    )
    status: models.CharField[str, str] = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.OPEN
    )
    total: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(_("chosen messages"), default=0)
    changed: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(
        _("changed something"), default=0
    )
    unchanged: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(
        _("changed nothing"), default=0
    )
    failed: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(
        _("could not be processed"), default=0
    )
    postponed: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(_("waiting anyway"), default=0)
    owed: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(
        _("tasks for our shop made"), default=0
    )
    last_error: models.TextField[str, str] = models.TextField(_("last error"), blank=True)
    up_to_message: models.BigIntegerField[int, int] = models.BigIntegerField(default=0, editable=False)
    reached_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True, editable=False)
    reached_message: models.BigIntegerField[int, int] = models.BigIntegerField(default=0, editable=False)
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

    objects = ReplayQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

    class Meta:
        verbose_name = _("processing again")
        verbose_name_plural = _("runs of processing again")

    def __str__(self) -> str:
        return f"{self.pk} ({self.requested_by})"

    @property
    def done(self) -> int:
        """The number of messages that are done."""
        return sum(getattr(self, name) for name in COUNTED)

    @property
    def percent(self) -> int:
        """The progress in percent; 100 only if the replay is done."""
        if self.status == self.Status.DONE:
            return 100
        return min(99, self.done * 100 // self.total) if self.total else 0
