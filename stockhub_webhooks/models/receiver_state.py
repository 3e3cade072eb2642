"""State of receivers, the same for all processes: a row for each one that was ever paused or failing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.connections import NOW
from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.visible import visible

IS_PAUSED = Q(paused_at__isnull=False) & (Q(paused_until=None) | Q(paused_until__gt=NOW))
IS_OPEN = Q(opened_at__isnull=False)


class ReceiverState(RowModel):
    """The pause and the circuit breaker of one receiver.

    Attributes:
        receiver: the identity of the receiver, its `dispatch_uid` or its dotted path.
        paused_at: when a person paused the receiver; None if it is not paused.
        paused_until: when the pause ends by itself; None if it lasts until a person ends it.
        paused_by: the user, or the user of the command.
        failures: cause to the events that failed with it since the last success of the receiver; at most
            `BREAKER_EVENTS` events for a cause.
        failing_since: when the first attempt failed since the last success; None if the last attempt succeeded.
        failed_in_a_row: attempts that failed since the last success, of whatever events and causes.
        opened_at: when the breaker opened; None while it is closed.
        cause: fingerprint of the error that opened the breaker.
        probe_at: when the next probe is due, while the breaker is open.
        probe_seconds: the pause before that probe.
    """

    receiver: models.CharField[str, str] = ExactCharField(_("receiver"), max_length=255, primary_key=True)
    paused_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        _("paused at"), null=True, blank=True
    )
    paused_until: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("paused until"), null=True, blank=True
    )
    paused_by: models.CharField[str, str] = models.CharField(_("paused by"), max_length=150, blank=True)
    pause_reason: models.TextField[str, str] = models.TextField(_("reason"), blank=True)
    failures: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(_("failures"), default=dict)
    failing_since: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        _("failing since"), null=True, blank=True
    )
    failed_in_a_row: models.PositiveIntegerField[int | Combinable, int] = models.PositiveIntegerField(
        _("failed attempts in a row"), default=0, db_default=0
    )
    opened_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        _("away since"), null=True, blank=True
    )
    cause: models.CharField[str, str] = ExactCharField(_("cause"), max_length=200, blank=True)
    probe_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        _("next probe at"), null=True, blank=True
    )
    probe_seconds: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(
        _("pause of the probe"), default=0
    )

    class Meta:
        verbose_name = _("state of a receiver")
        verbose_name_plural = _("states of receivers")
        default_permissions = ()
        permissions = [("pause_receiver", _("Can pause a receiver of our shop"))]

    def __str__(self) -> str:
        return visible(self.receiver)
