"""Refused requests: counters by the hour, and the newest bodies for a limited time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.models.base import RowModel, RowQuerySet
from stockhub_webhooks.models.message import Message, Topic
from stockhub_webhooks.visible import visible

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from stockhub_webhooks.models.mentioned_number import MentionedNumber


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
        muted: how many of them came from a muted key or network.
        pushed_out: the number of kept bodies that made room for later ones.
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
    muted: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(
        _("of them muted"), default=0, db_default=0
    )
    pushed_out: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(
        _("pushed out"), default=0, db_default=0, help_text=_("Messages that were kept, and made room for later ones.")
    )

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


class RefusedBodyQuerySet(RowQuerySet["RefusedBody"]):
    """Queryset of refused bodies."""

    def waiting(self) -> RefusedBodyQuerySet:
        """Filter bodies that are undecided: neither let in nor dismissed."""
        return self.filter(message=None, dismissed_at=None)

    def of_sender(self, key_fingerprint: str, network: str) -> RefusedBodyQuerySet:
        """Filter bodies that came with a key from a network; both may be ""."""
        return self.filter(key_fingerprint=key_fingerprint, network=network)


class RefusedBody(RowModel):
    """The body of a refused delivery that looks like a message of Stock Hub.

    A mistyped key is the likeliest fault of the first day: a person can release the body as a message.

    Attributes:
        url_topic: topic of the URL; "" at the shared URL.
        topic: topic of the body.
        increment_id: Stock Hub's number of the document.
        headers: the named headers that are kept, never the key.
        message: the message that this body was released as; None before that.
        network: the network of the remote address, its /24 or /64; "" if it is unknown.
        size: of the body, in bytes; 0 if it was kept before sizes were counted.
        announced_at: when a person was told that it waits for a decision, aware; None before that.
        dismissed_at: when a person decided not to let it in, aware; None before that.
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
    network: models.CharField[str, str] = ExactCharField(
        _("network"), max_length=45, blank=True, default="", db_default=""
    )
    size: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(_("size"), default=0, db_default=0)
    announced_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("announced at"), null=True, blank=True, help_text=_("It is not deleted before somebody was told of it.")
    )
    dismissed_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("dismissed at"), null=True, blank=True
    )
    dismissed_by: models.CharField[str | None, str | None] = models.CharField(
        _("dismissed by"), max_length=255, null=True, blank=True
    )
    dismissed_reason: models.CharField[str, str] = models.CharField(
        _("reason for dismissing"), max_length=255, blank=True, default="", db_default=""
    )

    if TYPE_CHECKING:
        message_id: int | None
        mentioned_numbers: RelatedManager[MentionedNumber]
        get_topic_display: Callable[[], str]
        get_url_topic_display: Callable[[], str]
        get_reason_display: Callable[[], str]

    objects = RefusedBodyQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

    class Meta:
        verbose_name = _("refused message")
        verbose_name_plural = _("refused messages")
        indexes = [
            # counts and limits read the index alone, without the bodies
            models.Index(
                fields=[
                    "topic",
                    "key_fingerprint",
                    "network",
                    "refused_at",
                    "message",
                    "dismissed_at",
                    "announced_at",
                    "size",
                ],
                name="stockhub_refused_group",
            ),
        ]
        permissions = [
            ("release", _("Can let a refused message in")),
            ("dismiss_refused", _("Can dismiss refused messages, and mute their senders")),
        ]

    def __str__(self) -> str:
        return visible(f"{self.get_topic_display()} {self.increment_id}")


class MutedSender(RowModel):
    """A key or a network whose refused messages are counted, but neither kept nor reported.

    Attributes:
        key_fingerprint: the key; "" if a network is muted.
        network: the network, a /24 or /64; "" if a key is muted.
        muted_by: the name of the user who muted it.
        count: the number of requests that were refused since.
        last_at: time of the latest of them, aware; None if there was none.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    key_fingerprint: models.CharField[str, str] = ExactCharField(_("key used"), max_length=16, blank=True)
    network: models.CharField[str, str] = ExactCharField(_("network"), max_length=45, blank=True)
    muted_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(_("muted at"))
    muted_by: models.CharField[str, str] = models.CharField(_("muted by"), max_length=255)
    reason: models.TextField[str, str] = models.TextField(_("reason"))
    count: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField(_("refused since"), default=0)
    last_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("last at"), null=True, blank=True
    )

    class Meta:
        verbose_name = _("muted sender")
        verbose_name_plural = _("muted senders")
        constraints = [models.UniqueConstraint(fields=["key_fingerprint", "network"], name="stockhub_muted_sender")]

    def __str__(self) -> str:
        return visible(self.key_fingerprint or self.network)
