"""The journal: each POST, exactly as it was received."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import models
from django.db.models.expressions import Combinable
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.contract import topics
from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.db.indexes import DueIndex, NotNullIndex
from stockhub_webhooks.models.accounts import AccountModel, AccountQuerySet
from stockhub_webhooks.visible import visible

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from stockhub_webhooks.models.ledger import Event
    from stockhub_webhooks.models.mentioned_number import MentionedNumber


OUTDATED_RETURN = "outdated_return"  # the code of the note on such a message


def new_uid() -> UUID:
    """Return a UUID of version 7 (RFC 9562): the milliseconds since 1970, then random bits.

    New values are neighbours in the index; random ones would make inserts into a large table slow.
    """
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10), "big")
    bits = (milliseconds & (1 << 48) - 1) << 80 | random_bits
    return UUID(int=bits & ~(0xF << 76 | 0b11 << 62) | 7 << 76 | 0b10 << 62)


class Topic(models.TextChoices):
    """Topics with their labels for the office."""

    ORDER = topics.ORDER, _("order")
    SHIPMENT = topics.SHIPMENT, _("shipment")
    INVOICE = topics.INVOICE, _("invoice")
    RMA = topics.RMA, _("return")
    CREDIT_MEMO = topics.CREDIT_MEMO, _("credit note")
    PAYMENT_REQUEST = topics.PAYMENT_REQUEST, _("payment request")


class MessageQuerySet(AccountQuerySet["Message"]):
    """Queryset of messages."""

    def due(self, now: Any) -> MessageQuerySet:
        """Filter messages that are due or whose lease has lapsed, oldest first; `now` is the database's clock."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")

    def failing(self) -> MessageQuerySet:
        """Filter messages that are quarantined, that were given up, or that failed and wait for a retry."""
        return self.filter(IS_FAILING)

    def outdated_returns(self) -> MessageQuerySet:
        """Filter messages that changed nothing, since they know less of a return than we do."""
        stale = self.filter(status=Message.Status.APPLIED, outcome=Message.Outcome.STALE)
        return stale.filter(topic=Topic.RMA, notes__icontains=f'"{OUTDATED_RETURN}"')


class Message(AccountModel):
    """A POST from Stock Hub, as received. `received_at` never changes, and `body` only when it is removed for good.

    Attributes:
        uid: identifies the message before it has a primary key, and makes a repeated INSERT harmless.
        url_topic: topic of the URL; "" at the shared URL.
        topic: topic of the document; that of the URL until the message is applied.
        body: the exact bytes.
        headers: the named headers that are kept, never the key.
        key_fingerprint: a short, irreversible identifier of the key; "" if no key was required.
        source: "webhook", or how else the message came to us.
        entered_by: the name of the user who entered the message or let it in; None for any other message.
        received_at: aware; the correction of a quarantined message keeps the time of the original.
        outcome: the effect on the document; "" until the message is applied.
        error: the reason why the message was not applied; "" if there is none.
        dismissed_reason: why a message that was not applied needs no attention any more: `PING`, `CORRECTED`, or a
            person's words.
        dismissed_at: when it was dismissed, aware; None if it was not.
        dismissed_by: the name of the user who dismissed it, or who entered its corrected copy; None if the app did.
        successor: the corrected copy of this message, which a person entered last; None if there is none.
        cause: fingerprint of the error, shared by failures of one cause; "" if nothing failed.
        notes: odd details of the body, each with `path`, `code` and `detail`.
        increment_id: Stock Hub's number of the document; "" until it is known.
        due_at: when to apply the message; while that is done, when the lease lapses; None if it is settled.
        is_replay: True if the message was applied again.
        parent: the message that held this document among others; None if it came alone.
        position: the place of the document in the parent, from 0.
        is_in_part: True if a part of the message was left out, apart from unknown fields; False once a person has
            corrected that in a message of its own; None for any other message.
        has_impossible_time: True if a time in the message is before 2000 or later than the message; None otherwise.
        body_removed_at: when `body` and `headers` were emptied, since the order was erased or the term was over.
        notes_due_at: since when notes wait to be counted as `Drift`; None if they are counted, or are none of drift.
    """

    class Status(models.TextChoices):
        RECEIVED = "received", _("waiting")
        APPLIED = "applied", _("processed")
        QUARANTINED = "quarantined", _("needs a look")
        FAILED = "failed", pgettext_lazy("message", "failed")
        DISMISSED = "dismissed", pgettext_lazy("message", "dismissed")

    # from, to: the functions that change the status; the tests hold it, and docs/how-it-works.md draws it
    TRANSITIONS: dict[tuple[str, str], tuple[str, ...]] = {
        (Status.RECEIVED, Status.APPLIED): ("settle",),
        (Status.RECEIVED, Status.QUARANTINED): ("quarantine",),
        (Status.RECEIVED, Status.FAILED): ("postpone", "claim_due"),
        (Status.RECEIVED, Status.DISMISSED): ("dismiss", "dismiss_by_hand"),
        (Status.QUARANTINED, Status.DISMISSED): ("dismiss", "forget", "dismiss_by_hand", "dismiss_corrected"),
        (Status.FAILED, Status.DISMISSED): ("dismiss", "forget", "dismiss_by_hand", "dismiss_corrected"),
        (Status.APPLIED, Status.RECEIVED): ("requeue", "reopen"),
        (Status.QUARANTINED, Status.RECEIVED): ("requeue", "reopen"),
        (Status.FAILED, Status.RECEIVED): ("requeue", "reopen"),
    }

    ERASED = "erased"  # the reason of messages whose order was erased before they were applied
    PING = "ping"  # the reason of messages that hold nothing, as a test of the connection sends them
    CORRECTED = "corrected"  # the reason of messages whose corrected copy was applied

    class Outcome(models.TextChoices):
        CREATED = "created", _("new")
        UPDATED = "updated", pgettext_lazy("outcome", "changed")
        UNCHANGED = "unchanged", _("nothing new")
        STALE = "stale", _("older than what we have")
        SPLIT = "split", _("several documents")

    class Source(models.TextChoices):
        WEBHOOK = "webhook", _("webhook")
        PULL = "pull", _("fetched")
        HAND = "hand", _("entered by hand")
        RELEASED = "released", _("refused, and let in by hand")

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    uid: models.UUIDField[UUID, UUID] = models.UUIDField(
        default=new_uid,
        unique=True,
        editable=False,
        help_text=_("Made before the first write, the same everywhere."),
    )
    url_topic: models.CharField[str, str] = models.CharField(
        _("topic of the URL"), max_length=32, blank=True, choices=Topic, help_text=_("Empty at the shared URL.")
    )
    topic: models.CharField[str, str] = models.CharField(_("topic"), max_length=32, blank=True, choices=Topic)
    account: models.CharField[str, str] = ExactCharField(_("account"), max_length=64)
    body: models.BinaryField[bytes | memoryview, bytes | memoryview] = models.BinaryField(
        _("body"), help_text=_("The exact bytes.")
    )
    headers: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(_("headers"), default=dict)
    key_fingerprint: models.CharField[str, str] = ExactCharField(_("key used"), max_length=16, blank=True)
    remote_address: models.CharField[str, str] = ExactCharField(_("remote address"), max_length=45, blank=True)
    source: models.CharField[str, str] = models.CharField(
        _("source"), max_length=16, choices=Source, default=Source.WEBHOOK
    )
    entered_by: models.CharField[str | None, str | None] = models.CharField(
        _("entered or let in by"), max_length=255, null=True, editable=False
    )
    received_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(
        _("received at"), default=timezone.now, db_index=True
    )
    status: models.CharField[str, str] = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.RECEIVED, db_default=Status.RECEIVED
    )
    outcome: models.CharField[str, str] = models.CharField(
        _("outcome"), max_length=16, choices=Outcome, blank=True, default="", db_default=""
    )
    error: models.TextField[str, str] = models.TextField(_("error"), blank=True, default="", db_default="")
    cause: models.CharField[str, str] = ExactCharField(
        _("cause"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("What failures of one cause share; empty where none failed."),
    )
    dismissed_reason: models.CharField[str, str] = models.CharField(
        _("reason"), max_length=255, blank=True, default="", db_default=""
    )
    dismissed_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("dismissed at"), null=True, editable=False
    )
    dismissed_by: models.CharField[str | None, str | None] = models.CharField(
        _("dismissed by"), max_length=255, null=True, editable=False
    )
    successor: models.ForeignKey[Message | None, Message | None] = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("corrected as"),
        db_index=False,  # the index of Meta leaves out messages without one, which are nearly all
    )
    notes: models.JSONField[list[dict[str, str]], list[dict[str, str]]] = models.JSONField(_("notes"), default=list)
    increment_id: models.CharField[str, str] = ExactCharField(
        _("Stock Hub number"), max_length=64, blank=True, default="", db_default=""
    )
    attempts: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(_("attempts"), default=0)
    due_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        _("due at"),
        null=True,
        help_text=_("When it is to be applied; while that is done, when the lease lapses."),
    )
    claim: models.UUIDField[UUID | None, UUID | None] = models.UUIDField(null=True, editable=False)
    is_suspect: models.BooleanField[bool, bool] = models.BooleanField(default=False, db_default=False, editable=False)
    applied_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("processed at"), null=True
    )
    is_replay: models.BooleanField[bool, bool] = models.BooleanField(
        _("processed again"), default=False, db_default=False
    )

    parent: models.ForeignKey[Message | None, Message | None] = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="parts",
        verbose_name=_("part of"),
        db_index=False,  # the index of Meta leaves out messages without a parent, which are nearly all
    )
    position: models.PositiveIntegerField[int | None, int | None] = models.PositiveIntegerField(
        null=True, editable=False
    )
    is_in_part: models.BooleanField[bool | None, bool | None] = models.BooleanField(_("applied in part"), null=True)
    has_impossible_time: models.BooleanField[bool | None, bool | None] = models.BooleanField(
        _("has an impossible time"), null=True
    )
    notes_due_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        null=True, editable=False
    )

    body_removed_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("body removed at"), null=True, editable=False
    )

    # left out of the INSERT, so that new rows get the defaults of the database; most are set when it is applied
    SET_WHEN_APPLIED = frozenset(
        {
            "status",
            "outcome",
            "error",
            "cause",
            "dismissed_reason",
            "dismissed_at",
            "dismissed_by",
            "successor",
            "increment_id",
            "applied_at",
            "is_replay",
            "is_suspect",
        }
        | {"is_in_part", "has_impossible_time", "notes_due_at", "parent", "position", "entered_by", "body_removed_at"}
    )

    if TYPE_CHECKING:
        events: RelatedManager[Event]
        parts: RelatedManager[Message]
        mentioned_numbers: RelatedManager[MentionedNumber]
        parent_id: int | None
        successor_id: int | None
        get_topic_display: Callable[[], str]
        get_url_topic_display: Callable[[], str]
        get_source_display: Callable[[], str]
        get_status_display: Callable[[], str]
        get_outcome_display: Callable[[], str]

    objects = MessageQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

    class Meta:
        verbose_name = _("message from Stock Hub")
        verbose_name_plural = _("messages from Stock Hub")
        indexes = [
            models.Index(fields=["topic", "increment_id"], name="stockhub_message_document"),
            # both columns of the sort order: many messages may be due since the very same moment
            DueIndex(fields=["due_at", "id"], name="stockhub_message_due"),
            models.Index(fields=["status", "outcome", "received_at"], name="stockhub_message_status"),
            NotNullIndex(fields=["parent"], name="stockhub_message_parent"),
            NotNullIndex(fields=["successor"], name="stockhub_message_successor"),
            # for the overview and its lists: few messages have them
            NotNullIndex(fields=["is_in_part", "received_at"], name="stockhub_message_in_part"),
            NotNullIndex(fields=["notes_due_at", "id"], name="stockhub_message_notes_due"),
            NotNullIndex(fields=["has_impossible_time", "received_at"], name="stockhub_message_times"),
            # for retention: the oldest bodies that are still here
            models.Index(fields=["body_removed_at", "received_at"], name="stockhub_message_bodies"),
            # for the last message of each topic and key: an index-only scan, without the bodies
            models.Index(
                fields=["source", "topic", "received_at", "key_fingerprint", "account"], name="stockhub_message_last"
            ),
        ]
        permissions = [
            ("process_again", _("Can process a message again")),
            ("enter_by_hand", _("Can enter a message by hand")),
            ("dismiss", _("Can dismiss a message that needs attention")),
        ]

    def __str__(self) -> str:
        return visible(f"{self.pk} ({self.get_topic_display() or '?'} {self.increment_id})".replace(" )", ")"))

    @property
    def api_version(self) -> str:
        """The `x-version` header; "" if there was none."""
        return str(self.headers.get("x-version", ""))


# quarantined, given up, or failed and tried again: messages that need attention
IS_FAILING = models.Q(status__in=(Message.Status.QUARANTINED, Message.Status.FAILED)) | (
    models.Q(status=Message.Status.RECEIVED) & ~models.Q(cause="")
)
