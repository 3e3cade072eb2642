"""Refused requests: counters by the hour, and the newest bodies for a limited time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.message import Message, Topic
from stockhub_webhooks.visible import visible


class RefusalReason(models.TextChoices):
    """Reasons to refuse a request; those of `NOT_A_DELIVERY` concern pages of ours, not Stock Hub."""

    NO_KEY = "no_key", _("no key")
    WRONG_KEY = "wrong_key", _("wrong key")
    TOO_LARGE = "too_large", _("too large")
    WRONG_METHOD = "wrong_method", _("not by POST")
    HEALTH_KEY = "health_key", _("wrong key for the health report")
    METRICS_TOKEN = "metrics_token", _("wrong token for the metrics")


NOT_A_DELIVERY = (RefusalReason.HEALTH_KEY, RefusalReason.METRICS_TOKEN)


class Refusal(RowModel):
    """Counter of refused requests for one hour, reason, remote address and key.

    The number of rows for an hour is limited: under attack the rest is counted in one row without address and key.

    Attributes:
        hour: start of the hour, aware.
        key_fingerprint: a short, irreversible identifier of the key that was sent; "" if there was none.
        largest_body: in bytes, as declared or read; None if no size is known.
        last_at: time of the latest refusal, aware.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    hour: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("hour"))
    reason: models.CharField[str, str] = models.CharField(_("reason"), max_length=16, choices=RefusalReason)
    remote_address: models.CharField[str, str] = ExactCharField(_("remote address"), max_length=45, blank=True)
    key_fingerprint: models.CharField[str, str] = ExactCharField(_("key used"), max_length=16, blank=True)
    count: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(_("how often"), default=0)
    largest_body: models.PositiveBigIntegerField[int | None, int | None] = models.PositiveBigIntegerField(
        _("largest body"), null=True, blank=True, help_text=_("In bytes, as declared or read.")
    )
    last_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("last at"))

    if TYPE_CHECKING:
        get_reason_display: Callable[[], str]

    class Meta:
        verbose_name = _("refusal")
        verbose_name_plural = _("refusals")
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "reason", "remote_address", "key_fingerprint"], name="stockhub_refusal_of_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} {self.count}"


class RefusedBody(RowModel):
    """The body of a refused delivery that looks like a message of Stock Hub.

    A mistyped key is the likeliest fault of the first day: a person can release the body as a message.

    Attributes:
        url_topic: topic of the URL; "" at the shared URL.
        topic: topic of the body.
        increment_id: Stock Hub's number of the document.
        headers: the named headers that are kept, never the key.
        message: the message that this body was released as; None before that.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    url_topic: models.CharField[str, str] = models.CharField(
        _("topic of the URL"), max_length=32, blank=True, choices=Topic
    )
    topic: models.CharField[str, str] = models.CharField(_("topic"), max_length=32, choices=Topic)
    increment_id: models.CharField[str, str] = ExactCharField(_("Stock Hub number"), max_length=64)
    body: models.BinaryField[bytes | memoryview, bytes | memoryview] = models.BinaryField(_("body"))
    headers: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(_("headers"), default=dict)
    reason: models.CharField[str, str] = models.CharField(_("reason"), max_length=16, choices=RefusalReason)
    remote_address: models.CharField[str, str] = ExactCharField(_("remote address"), max_length=45, blank=True)
    key_fingerprint: models.CharField[str, str] = ExactCharField(_("key used"), max_length=16, blank=True)
    refused_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("refused at"), db_index=True)
    message: models.ForeignKey[Message | None, Message | None] = models.ForeignKey(
        Message,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("released as"),
    )

    if TYPE_CHECKING:
        message_id: int | None
        get_topic_display: Callable[[], str]
        get_url_topic_display: Callable[[], str]
        get_reason_display: Callable[[], str]

    class Meta:
        verbose_name = _("refused message")
        verbose_name_plural = _("refused messages")
        permissions = [("release", _("Can let a refused message in"))]

    def __str__(self) -> str:
        return visible(f"{self.get_topic_display()} {self.increment_id}")
