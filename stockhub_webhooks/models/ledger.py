"""The ledger: events, and one receiver call for each receiver of an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.expressions import Combinable
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stockhub_webhooks.db.fields import ExactCharField
from stockhub_webhooks.db.indexes import DueIndex
from stockhub_webhooks.models.accounts import AccountModel, AccountQuerySet
from stockhub_webhooks.models.base import RowModel
from stockhub_webhooks.models.message import Message
from stockhub_webhooks.models.order import Order
from stockhub_webhooks.visible import visible

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from stockhub_webhooks.models.attempt import Attempt
    from stockhub_webhooks.models.booking import FinishedStep


DEADLINE = "deadline.passed"


class EventQuerySet(AccountQuerySet["Event"]):
    """Queryset of events."""


class Event(AccountModel):
    """A business change found in a message, such as `shipment.delivered`. The row is written once and never changed.

    `deadline.passed` alone comes from no message: something did not proceed in time.

    Attributes:
        type: such as "shipment.delivered"; the keys of `signals.BY_EVENT_TYPE`.
        order: None for a payment request that names no order.
        message: the message that caused the event; None for a deadline that passed.
        subject_id: primary key of the row that the type names: a shipment, a track, an item of a return and so on; of
            a deadline the `WorklistRow`.
        increment_id: Stock Hub's number of the document.
        po_number: the shop's own order number.
        changes: field name to (old value, new value), as JSON. `ReceiverEvent.changes` has the values in Python types.
        occurred_at: by the sender's clock if the message says so, else the time of receipt; aware.
        is_replay: True if the message had been applied before.
    """

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    type: models.CharField[str, str] = ExactCharField(_("type"), max_length=40)
    account: models.CharField[str, str] = ExactCharField(_("account"), max_length=64)
    order: models.ForeignKey[Order | None, Order | None] = models.ForeignKey(
        Order, models.CASCADE, null=True, blank=True, related_name="events", verbose_name=_("order")
    )
    message: models.ForeignKey[Message | None, Message | None] = models.ForeignKey(
        Message, models.CASCADE, null=True, blank=True, related_name="events", verbose_name=_("message")
    )
    subject_id: models.BigIntegerField[int, int] = models.BigIntegerField(
        _("row"), help_text=_("The primary key of the row that the type speaks of, such as the parcel number's.")
    )
    increment_id: models.CharField[str, str] = ExactCharField(
        _("Stock Hub number"), max_length=64, help_text=_("The document's.")
    )
    po_number: models.CharField[str | None, str | None] = ExactCharField(
        _("our order number"), max_length=255, null=True, blank=True
    )
    changes: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        _("changes"), default=dict, help_text=_("Field to its old and new value.")
    )
    occurred_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(
        _("happened at"), db_index=True, help_text=_("By the sender's clock where it says so.")
    )
    is_replay: models.BooleanField[bool, bool] = models.BooleanField(_("from processing again"), default=False)

    if TYPE_CHECKING:
        order_id: int | None
        message_id: int | None
        receiver_calls: RelatedManager[ReceiverCall]

    objects = EventQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        indexes = [models.Index(fields=["type", "subject_id"], name="stockhub_event_subject")]

    def __str__(self) -> str:
        return visible(f"{self.type} {self.increment_id}")

    @property
    def received_at(self) -> datetime:
        """When the message came in; of a deadline, since when the condition holds. Aware."""
        if self.message is not None:
            return self.message.received_at
        since = self.changes.get("since", (None, None))[1] if self.type == DEADLINE else None
        return (parse_datetime(since) if since else None) or self.occurred_at


class ReceiverCallQuerySet(AccountQuerySet["ReceiverCall"]):
    """Queryset of receiver calls."""

    account_column = "event__account"

    def open(self) -> ReceiverCallQuerySet:
        """Filter calls that are still to be made."""
        return self.filter(status__in=ReceiverCall.OPEN)

    def due(self, now: Any) -> ReceiverCallQuerySet:
        """Filter calls that are due or whose lease has lapsed, oldest first; `now` is the database's clock."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")

    def failing(self) -> ReceiverCallQuerySet:
        """Filter calls that failed and wait for a retry or were given up, except those that a person gave up."""
        tried_again = Q(status=ReceiverCall.Status.PENDING) & ~Q(cause="")
        return self.filter(tried_again | Q(status=ReceiverCall.Status.GIVEN_UP)).exclude(cause=ReceiverCall.BY_HAND)

    def of(self, known: Mapping[str, Set[str]]) -> ReceiverCallQuerySet:
        """Filter the calls of the given receivers, which are listed by the name of their signal."""
        wanted = Q(pk__in=[])
        for signal, identities in known.items():
            wanted |= Q(signal=signal, receiver__in=sorted(identities))
        return self.filter(wanted)

    def first_in_line(self, known: Mapping[str, Set[str]]) -> ReceiverCallQuerySet:
        """Filter calls that need not wait for another call of the same receiver and order.

        A call waits for open calls of earlier events, and for any call that runs, perhaps for longer than its lease. A
        running call, whose claim may have lapsed, was first in line already. The sequence is that of the events: a call
        that was added later for a past event comes first. Calls of receivers that are not in `known`, since they are no
        longer connected, are ignored: the others would wait for them for ever.
        """
        running = Q(status=ReceiverCall.Status.RUNNING)
        return self.filter(running | ~Exists(_calls_before(known)))

    def with_blocking_call(self, known: Mapping[str, Set[str]]) -> ReceiverCallQuerySet:
        """Add `blocking_call`, the key of the call that a waiting call has to wait for, None if it is first in line."""
        before = _calls_before(known).order_by("event_id", "pk").values("pk")[:1]
        return self.annotate(blocking_call=Subquery(before))


def _calls_before(known: Mapping[str, Set[str]]) -> ReceiverCallQuerySet:
    """Return the open calls that precede a call of the outer query."""
    running = Q(status=ReceiverCall.Status.RUNNING)
    earlier = Q(event_id__lt=OuterRef("event_id")) | Q(event_id=OuterRef("event_id"), pk__lt=OuterRef("pk"))
    same_line = ReceiverCall.objects.open().of(known)
    same_line = same_line.filter(order_id=OuterRef("order_id"), receiver=OuterRef("receiver"))
    return same_line.filter(earlier | running)


class ReceiverCall(RowModel):
    """The delivery of one event to one receiver of the shop.

    Attributes:
        signal: the name of the signal, such as "shipment_delivered".
        receiver: the identity of the receiver, its `dispatch_uid` or its dotted path.
        order: the event's order, copied here since the sequence is kept for each receiver and order.
        attempts: number of attempts, the current one included.
        claim: token of the process that makes the call; None while it waits.
        is_suspect: True if a claim lapsed before. If the next one lapses too, the call has killed its process.
        due_at: when to make the next attempt; while the call runs, when its lease lapses; None if it is settled.
        cause: fingerprint of the last error, shared by failures of one cause; "" if no attempt failed.
        is_replay: True if the call was added after the event, so that customers are not mailed again.
    """

    class Status(models.TextChoices):
        PENDING = "pending", pgettext_lazy("task", "waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        GIVEN_UP = "given_up", _("given up")

    # from, to: the functions that change the status; the tests hold it, and docs/how-it-works.md draws it
    TRANSITIONS: dict[tuple[str, str], tuple[str, ...]] = {
        (Status.PENDING, Status.RUNNING): ("claim_due",),
        (Status.PENDING, Status.GIVEN_UP): ("give_up_by_hand",),
        (Status.RUNNING, Status.DONE): ("mark_done",),
        (Status.RUNNING, Status.PENDING): (
            "retry",
            "retry_later",
            "claim_due",
            "release",
            "reassign_calls",
            "release_lost",
        ),
        (Status.RUNNING, Status.GIVEN_UP): ("retry", "give_up", "claim_due"),
        # the receiver committed its transaction by hand, with the mark, and failed then
        (Status.DONE, Status.PENDING): ("retry", "retry_later"),
        (Status.DONE, Status.GIVEN_UP): ("retry", "give_up"),
        (Status.GIVEN_UP, Status.PENDING): ("requeue", "reassign_calls"),
    }

    OPEN = (Status.PENDING, Status.RUNNING)
    BY_HAND = "by_hand"  # the `cause` of a call that a person gave up: it needs no further attention

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    event: models.ForeignKey[Event, Event] = models.ForeignKey(
        Event, models.CASCADE, related_name="receiver_calls", verbose_name=_("change")
    )
    signal: models.CharField[str, str] = ExactCharField(_("signal"), max_length=64)
    receiver: models.CharField[str, str] = ExactCharField(_("receiver"), max_length=255)
    order: models.ForeignKey[Order | None, Order | None] = models.ForeignKey(
        Order,
        models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="receiver_calls",
        verbose_name=_("order"),
        help_text=_("The event's: the sequence is kept for each receiver and order."),
    )
    status: models.CharField[str, str] = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.PENDING
    )
    attempts: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(_("attempts"), default=0)
    due_at: models.DateTimeField[datetime | Combinable | None, datetime | None] = models.DateTimeField(
        _("due at"), null=True, blank=True, help_text=_("While it runs, when its lease lapses.")
    )
    claim: models.UUIDField[UUID | None, UUID | None] = models.UUIDField(null=True, editable=False)
    is_suspect: models.BooleanField[bool, bool] = models.BooleanField(default=False, db_default=False, editable=False)
    last_error: models.TextField[str, str] = models.TextField(_("last error"), blank=True)
    cause: models.CharField[str, str] = ExactCharField(
        _("cause"),
        max_length=200,
        blank=True,
        help_text=_("What failures of one cause share; empty where none failed."),
    )
    failed_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("last failed at"), null=True, blank=True
    )
    done_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        _("done at"), null=True, blank=True
    )
    is_replay: models.BooleanField[bool, bool] = models.BooleanField(
        _("told afterwards"), default=False, help_text=_("Owed later than the change: the customer is not mailed.")
    )

    if TYPE_CHECKING:
        event_id: int
        order_id: int | None
        failed_attempts: RelatedManager[Attempt]
        finished_steps: RelatedManager[FinishedStep]
        get_status_display: Callable[[], str]

    objects = ReceiverCallQuerySet.as_manager()  # type: ignore[misc, assignment]  # instead of the base's

    class Meta:
        verbose_name = _("task for our shop")
        verbose_name_plural = _("tasks for our shop")
        constraints = [
            models.UniqueConstraint(fields=["event", "signal", "receiver"], name="stockhub_receiver_call_once")
        ]
        indexes = [
            models.Index(fields=["order", "receiver", "event", "id"], name="stockhub_call_sequence"),
            # both columns of the sort order: many calls may be due since the very same moment
            DueIndex(fields=["status", "due_at", "id"], name="stockhub_call_due"),
            # for the overview: open and given-up calls, and the last success and failure of each receiver
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
        """True if the event belongs to the account "test", which is reserved for tests."""
        return self.event.is_test

    @cached_property
    def steps_run(self) -> set[str]:
        """Return the names of the steps that the present attempt has run by `event.once`."""
        return set()


class Heartbeat(RowModel):
    """The last sign of life of one kind of worker."""

    name: models.CharField[str, str] = ExactCharField(_("name"), max_length=64, primary_key=True)
    beat_at: models.DateTimeField[datetime | Combinable, datetime] = models.DateTimeField(_("last seen at"))

    class Meta:
        verbose_name = _("worker's sign of life")
        verbose_name_plural = _("workers' signs of life")

    def __str__(self) -> str:
        return self.name
