"""Who was not let in: counted by the hour, and the newest bodies kept for a while."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from stockhub_webhooks.models.message import Topic


class RefusalReason(models.TextChoices):
    """Why a delivery was not let in."""

    NO_KEY = "no_key", _("no key")
    WRONG_KEY = "wrong_key", _("wrong key")
    TOO_LARGE = "too_large", _("too large")


class Refusal(models.Model):
    """How many deliveries were refused in one hour, for one reason, from one address, with one key.

    Under attack the rows of an hour are bounded: what is over that is counted in a row without address and key.
    """

    id = models.BigAutoField(primary_key=True)
    hour = models.DateTimeField(_("hour"))
    reason = models.CharField(_("reason"), max_length=16, choices=RefusalReason)
    remote_address = models.CharField(_("remote address"), max_length=45, blank=True)
    key_fingerprint = models.CharField(_("key used"), max_length=16, blank=True)
    count = models.PositiveBigIntegerField(_("how often"), default=0)
    largest_body = models.PositiveBigIntegerField(
        _("largest body"), null=True, blank=True, help_text=_("In bytes, as declared or read.")
    )
    last_at = models.DateTimeField(_("last at"))

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


class RefusedBody(models.Model):
    """The body of a refused delivery that looks like Stock Hub's: the likeliest fault of day one is a mistyped key."""

    id = models.BigAutoField(primary_key=True)
    url_topic = models.CharField(_("topic of the URL"), max_length=32, blank=True, choices=Topic)
    topic = models.CharField(_("topic"), max_length=32, choices=Topic)
    increment_id = models.CharField(_("Stock Hub number"), max_length=64)
    body = models.BinaryField(_("body"))
    headers = models.JSONField(_("headers"), default=dict)
    reason = models.CharField(_("reason"), max_length=16, choices=RefusalReason)
    remote_address = models.CharField(_("remote address"), max_length=45, blank=True)
    key_fingerprint = models.CharField(_("key used"), max_length=16, blank=True)
    refused_at = models.DateTimeField(_("refused at"), db_index=True)
    message = models.ForeignKey(
        "stockhub_webhooks.Message",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("released as"),
    )

    class Meta:
        verbose_name = _("refused message")
        verbose_name_plural = _("refused messages")
        permissions = [("release", _("Can let a refused message in"))]

    def __str__(self) -> str:
        return f"{self.get_topic_display()} {self.increment_id}"
