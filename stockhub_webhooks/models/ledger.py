"""What happened, and who is still owed word of it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.db.connections import NOW
from stockhub_webhooks.db.indexes import DueIndex
from stockhub_webhooks.models.accounts import AccountQuerySet, OfAccount
from stockhub_webhooks.models.message import Message
from stockhub_webhooks.models.order import Order


class Event(OfAccount):
    """One business change found in a message, such as `shipment.delivered`. Written once, never changed."""

    id = models.BigAutoField(primary_key=True)
    type = models.CharField(_("type"), max_length=40)
    account = models.CharField(_("account"), max_length=64)
    order = models.ForeignKey(
        Order, models.CASCADE, null=True, blank=True, related_name="events", verbose_name=_("order")
    )
    message = models.ForeignKey(Message, models.CASCADE, related_name="events", verbose_name=_("message"))
    subject_id = models.BigIntegerField(
        _("row"), help_text=_("The primary key of the row that the type speaks of, such as the parcel number's.")
    )
    increment_id = models.CharField(_("Stock Hub number"), max_length=64, help_text=_("The document's."))
    po_number = models.CharField(_("our order number"), max_length=255, null=True, blank=True)
    changes = models.JSONField(_("changes"), default=dict, help_text=_("Field to its old and new value."))
    occurred_at = models.DateTimeField(
        _("happened at"), db_index=True, help_text=_("By the sender's clock where it says so.")
    )
    is_replay = models.BooleanField(_("from processing again"), default=False)

    objects = AccountQuerySet["Event"].as_manager()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        indexes = [models.Index(fields=["type", "subject_id"], name="stockhub_event_subject")]

    def __str__(self) -> str:
        return f"{self.type} {self.increment_id}"


class ReceiverCallQuerySet(AccountQuerySet["ReceiverCall"]):
    """Receiver calls by what is to be done with them."""

    account_column = "event__account"

    def open(self) -> ReceiverCallQuerySet:
        """Those that are still owed."""
        return self.filter(status__in=ReceiverCall.OPEN)

    def due(self, now: Any) -> ReceiverCallQuerySet:
        """Those whose time has come, or whose lease has lapsed, oldest first; `now` is the database's clock."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")

    def failing(self) -> ReceiverCallQuerySet:
        """Those that failed, and are given up or tried again later; without those that somebody gave up."""
        tried_again = Q(status=ReceiverCall.Status.PENDING) & ~Q(cause="")
        return self.filter(tried_again | Q(status=ReceiverCall.Status.GIVEN_UP)).exclude(cause=ReceiverCall.BY_HAND)

    def of(self, known: Mapping[str, Set[str]]) -> ReceiverCallQuerySet:
        """Those of the given receivers, by the name of their signal."""
        wanted = Q(pk__in=[])
        for signal, identities in known.items():
            wanted |= Q(signal=signal, receiver__in=sorted(identities))
        return self.filter(wanted)

    def first_in_line(self, known: Mapping[str, Set[str]]) -> ReceiverCallQuerySet:
        """Those with no earlier open call of the same receiver and order before them that somebody could make.

        Earlier is what happened earlier: a past event that is offered later has the higher call, but the lower
        event. While any other call of theirs is being made, it waits as well. One whose signal its receiver has
        left blocks nothing: it would do so for ever.
        """
        in_hand = Q(status=ReceiverCall.Status.RUNNING, due_at__gt=NOW)
        earlier = Q(event_id__lt=OuterRef("event_id")) | Q(event_id=OuterRef("event_id"), pk__lt=OuterRef("pk"))
        line = ReceiverCall.objects.open().of(known)
        line = line.filter(order_id=OuterRef("order_id"), receiver=OuterRef("receiver"))
        return self.filter(~Exists(line.filter(earlier | in_hand)))


class ReceiverCall(models.Model):
    """One event owed to one receiver of the shop."""

    class Status(models.TextChoices):
        PENDING = "pending", pgettext_lazy("task", "waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        GIVEN_UP = "given_up", _("given up")

    OPEN = (Status.PENDING, Status.RUNNING)
    BY_HAND = "by_hand"  # the cause of what somebody gave up, who said why: nobody need look at it any more

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(Event, models.CASCADE, related_name="receiver_calls", verbose_name=_("change"))
    signal = models.CharField(_("signal"), max_length=64)
    receiver = models.CharField(_("receiver"), max_length=255)
    order = models.ForeignKey(
        Order,
        models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="receiver_calls",
        verbose_name=_("order"),
        help_text=_("The event's: the sequence is kept for each receiver and order."),
    )
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(
        _("due at"), null=True, blank=True, help_text=_("While it runs, when its lease lapses.")
    )
    last_error = models.TextField(_("last error"), blank=True)
    cause = models.CharField(
        _("cause"),
        max_length=200,
        blank=True,
        help_text=_("What failures of one cause share; empty where none failed."),
    )
    failed_at = models.DateTimeField(_("last failed at"), null=True, blank=True)
    done_at = models.DateTimeField(_("done at"), null=True, blank=True)
    is_replay = models.BooleanField(
        _("told afterwards"), default=False, help_text=_("Owed later than the change: the customer is not mailed.")
    )

    objects = ReceiverCallQuerySet.as_manager()

    class Meta:
        verbose_name = _("task for our shop")
        verbose_name_plural = _("tasks for our shop")
        constraints = [
            models.UniqueConstraint(fields=["event", "signal", "receiver"], name="stockhub_receiver_call_once")
        ]
        indexes = [
            models.Index(fields=["order", "receiver", "event", "id"], name="stockhub_call_sequence"),
            # in the sequence in which they are taken, as with messages
            DueIndex(fields=["due_at", "id"], name="stockhub_call_due"),
            # what is open or given up, and the last time that each receiver did its work, or did not
            models.Index(fields=["status", "signal", "receiver", "done_at"], name="stockhub_call_status"),
            models.Index(fields=["signal", "receiver", "failed_at"], name="stockhub_call_failed"),
        ]
        permissions = [
            ("try_again", _("Can try a task for our shop again")),
            ("give_up", _("Can give up a task for our shop")),
            ("reassign", _("Can give the tasks of a receiver that is gone to another one")),
        ]

    def __str__(self) -> str:
        return f"{self.receiver} ({self.signal})"

    @property
    def is_test(self) -> bool:
        """Whether its event is of the account that is reserved for tests."""
        return self.event.is_test


class Heartbeat(models.Model):
    """When somebody last came by to finish left-over work; one row a kind of worker."""

    name = models.CharField(_("name"), max_length=64, primary_key=True)
    beat_at = models.DateTimeField(_("last seen at"))

    class Meta:
        verbose_name = _("worker's sign of life")
        verbose_name_plural = _("workers' signs of life")

    def __str__(self) -> str:
        return self.name
