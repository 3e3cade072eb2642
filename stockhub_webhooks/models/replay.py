"""Requests to apply stored messages again or to call receivers for past events, and their progress."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.models.work_request import WorkRequest, WorkRequestQuerySet

COUNTED = ("changed", "unchanged", "failed", "postponed")


class ReplayQuerySet(WorkRequestQuerySet["Replay"]):
    """Queryset of replays."""


class Replay(WorkRequest):
    """A request to go through stored messages again: the record of it, and its progress.

    Messages are taken in the order of their receipt.

    Attributes:
        choice: the filter that chooses the messages.
        applies: True to apply the messages again, False to only call `receivers` for their past events.
        tries_again: True to retry the receiver calls of these messages that were given up.
        receivers: identities of receivers to call for past events.
        total: number of chosen messages.
        owed: number of receiver calls that were added.
        up_to_message: the newest message at the time of the request; later messages are not part of it.
        reached_at: `received_at` of the last message that is done; None before the first.
        reached_message: primary key of that message; 0 before the first.
    """

    COUNTED: ClassVar[tuple[str, ...]] = COUNTED

    choice: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(_("which messages"), default=dict)
    applies: models.BooleanField[bool, bool] = models.BooleanField(
        _("process again"), default=True, help_text=_("Otherwise past changes are only offered to the receivers.")
    )
    tries_again: models.BooleanField[bool, bool] = models.BooleanField(_("try again what was given up"), default=False)
    receivers: models.JSONField[list[str], list[str]] = models.JSONField(
        _("also told to"), default=list, help_text=_("Receivers that past changes are offered to.")
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
    up_to_message: models.BigIntegerField[int, int] = models.BigIntegerField(default=0, editable=False)
    reached_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True, editable=False)
    reached_message: models.BigIntegerField[int, int] = models.BigIntegerField(default=0, editable=False)

    objects = ReplayQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

    class Meta:
        verbose_name = _("processing again")
        verbose_name_plural = _("runs of processing again")
