"""Messages that are processed again, or whose changes are offered to receivers: who asked for it, and how far it is."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

COUNTED = ("changed", "unchanged", "failed", "postponed")


class ReplayQuerySet(models.QuerySet["Replay"]):
    """Replays by what is to be done with them."""

    def due(self, now: Any) -> ReplayQuerySet:
        """Those that wait to go on, or whose lease has lapsed, oldest first; `now` is the database's clock."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")


class Replay(models.Model):
    """One request to go through stored messages again. The record of it, and the progress; open while `due_at` is set.

    Messages are taken in the order in which they came in; `reached_at` and `reached_message` say up to where
    it has got, `up_to_message` that what came in after the request is not part of it.
    """

    class Status(models.TextChoices):
        OPEN = "open", pgettext_lazy("replay", "under way")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", pgettext_lazy("replay", "broken off")

    id = models.BigAutoField(primary_key=True)
    # plain text, for the host's users may live in another database, and the record outlives them
    requested_by = models.CharField(_("requested by"), max_length=255)
    requested_by_pk = models.CharField(_("key of the user"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("requested at"))
    reason = models.TextField(_("reason"))
    choice = models.JSONField(_("which messages"), default=dict)
    applies = models.BooleanField(
        _("process again"), default=True, help_text=_("Otherwise past changes are only offered to the receivers.")
    )
    tries_again = models.BooleanField(_("try again what was given up"), default=False)
    receivers = models.JSONField(
        _("also told to"), default=list, help_text=_("Receivers that past changes are offered to.")
    )
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.OPEN)
    total = models.PositiveBigIntegerField(_("chosen messages"), default=0)
    changed = models.PositiveBigIntegerField(_("changed something"), default=0)
    unchanged = models.PositiveBigIntegerField(_("changed nothing"), default=0)
    failed = models.PositiveBigIntegerField(_("could not be processed"), default=0)
    postponed = models.PositiveBigIntegerField(_("waiting anyway"), default=0)
    owed = models.PositiveBigIntegerField(_("tasks for our shop made"), default=0)
    last_error = models.TextField(_("last error"), blank=True)
    up_to_message = models.BigIntegerField(default=0, editable=False)
    reached_at = models.DateTimeField(null=True, editable=False)
    reached_message = models.BigIntegerField(default=0, editable=False)
    due_at = models.DateTimeField(
        _("due at"), null=True, db_index=True, help_text=_("While it runs, when its lease lapses.")
    )
    claim = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    stopped_by = models.CharField(_("stopped by"), max_length=255, blank=True)

    objects = ReplayQuerySet.as_manager()

    class Meta:
        verbose_name = _("processing again")
        verbose_name_plural = _("processed again")

    def __str__(self) -> str:
        return f"{self.pk} ({self.requested_by})"

    @property
    def done(self) -> int:
        """How many messages it has been through."""
        return sum(getattr(self, name) for name in COUNTED)

    @property
    def percent(self) -> int:
        """How far it is; 100 only when it is done."""
        if self.status == self.Status.DONE:
            return 100
        return min(99, self.done * 100 // self.total) if self.total else 0
