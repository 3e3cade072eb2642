"""One POST, exactly as it came in."""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.indexes import DueIndex
from stockhub_webhooks.models.accounts import AccountQuerySet, OfAccount


def new_uid() -> UUID:
    """A UUID of version 7 (RFC 9562): the milliseconds since 1970, then chance.

    Those of new messages stand together in their index, which a large table with random ones would be slow for.
    """
    milliseconds = time.time_ns() // 1_000_000
    chance = int.from_bytes(os.urandom(10), "big")
    bits = (milliseconds & (1 << 48) - 1) << 80 | chance
    return UUID(int=bits & ~(0xF << 76 | 0b11 << 62) | 7 << 76 | 0b10 << 62)


class Topic(models.TextChoices):
    """What a message speaks of, in the office's words."""

    ORDER = topics.ORDER, _("order")
    SHIPMENT = topics.SHIPMENT, _("shipment")
    INVOICE = topics.INVOICE, _("invoice")
    RMA = topics.RMA, _("return")
    CREDIT_MEMO = topics.CREDIT_MEMO, _("credit note")
    PAYMENT_REQUEST = topics.PAYMENT_REQUEST, _("payment request")


class MessageQuerySet(AccountQuerySet["Message"]):
    """Messages by what is to be done with them."""

    def due(self, now: Any) -> MessageQuerySet:
        """Those that wait to be applied, or whose lease has lapsed, oldest first; `now` is the database's clock."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")

    def failing(self) -> MessageQuerySet:
        """Those that need a look, that failed, or that failed and are tried again later."""
        tried_again = models.Q(status=Message.Status.RECEIVED) & ~models.Q(cause="")
        given_up = models.Q(status__in=(Message.Status.QUARANTINED, Message.Status.FAILED))
        return self.filter(tried_again | given_up)


class Message(OfAccount):
    """One POST from Stock Hub, as received. Its body and `received_at` never change."""

    class Status(models.TextChoices):
        RECEIVED = "received", _("waiting")
        APPLIED = "applied", _("processed")
        QUARANTINED = "quarantined", _("needs a look")
        FAILED = "failed", pgettext_lazy("message", "failed")

    class Outcome(models.TextChoices):
        CREATED = "created", _("new")
        UPDATED = "updated", pgettext_lazy("outcome", "changed")
        UNCHANGED = "unchanged", _("nothing new")
        STALE = "stale", _("older than what we have")

    class Source(models.TextChoices):
        WEBHOOK = "webhook", _("webhook")
        PULL = "pull", _("fetched")
        HAND = "hand", _("entered by hand")

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(
        default=new_uid,
        unique=True,
        editable=False,
        help_text=_("Made before the first write, the same everywhere."),
    )
    url_topic = models.CharField(
        _("topic of the URL"), max_length=32, blank=True, choices=Topic, help_text=_("Empty at the shared URL.")
    )
    topic = models.CharField(_("topic"), max_length=32, blank=True, choices=Topic)
    account = models.CharField(_("account"), max_length=64)
    body = models.BinaryField(_("body"), help_text=_("The exact bytes."))
    headers = models.JSONField(_("headers"), default=dict)
    key_fingerprint = models.CharField(_("key used"), max_length=16, blank=True)
    remote_address = models.CharField(_("remote address"), max_length=45, blank=True)
    source = models.CharField(_("source"), max_length=16, choices=Source, default=Source.WEBHOOK)
    received_at = models.DateTimeField(_("received at"), default=timezone.now, db_index=True)
    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.RECEIVED, db_default=Status.RECEIVED
    )
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome, blank=True, default="", db_default="")
    error = models.TextField(_("error"), blank=True, default="", db_default="")
    cause = models.CharField(
        _("cause"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("What failures of one cause share; empty where none failed."),
    )
    notes = models.JSONField(_("notes"), default=list)
    increment_id = models.CharField(_("Stock Hub number"), max_length=64, blank=True, default="", db_default="")
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(
        _("due at"),
        null=True,
        help_text=_("When it is to be applied; while that is done, when the lease lapses."),
    )
    applied_at = models.DateTimeField(_("processed at"), null=True)
    is_replay = models.BooleanField(_("processed again"), default=False, db_default=False)

    # what only reading and applying find out: a new row has these from the database
    FOUND_OUT_LATER = frozenset({"status", "outcome", "error", "cause", "increment_id", "applied_at", "is_replay"})

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message from Stock Hub")
        verbose_name_plural = _("messages from Stock Hub")
        indexes = [
            models.Index(fields=["topic", "increment_id"], name="stockhub_message_document"),
            # in the sequence in which they are taken: many may be due since the very same moment
            DueIndex(fields=["due_at", "id"], name="stockhub_message_due"),
            models.Index(fields=["status", "outcome", "received_at"], name="stockhub_message_status"),
            # the last message of each topic and key, without a look at the rows and their bodies
            models.Index(
                fields=["source", "topic", "received_at", "key_fingerprint", "account"], name="stockhub_message_last"
            ),
        ]
        permissions = [
            ("process_again", _("Can process a message again")),
            ("enter_by_hand", _("Can enter a message by hand")),
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.get_topic_display() or '?'} {self.increment_id})".replace(" )", ")")

    @property
    def api_version(self) -> str:
        """The `x-version` header, "" where there was none."""
        return str(self.headers.get("x-version", ""))
