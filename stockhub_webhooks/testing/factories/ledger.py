"""Factories of messages, events, receiver calls and refusals."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta

from django.utils import timezone
from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from stockhub_webhooks import models
from stockhub_webhooks.conf import DEFAULT_ACCOUNT
from stockhub_webhooks.contract import topics
from stockhub_webhooks.testing import samples
from stockhub_webhooks.testing.factories.documents import OrderFactory


class MessageFactory(DjangoModelFactory[models.Message]):
    """A message that was applied; `topic` and `seed` decide its body (`testing.payload`)."""

    class Meta:
        model = models.Message

    class Params:
        seed = Sequence(int)
        data = LazyAttribute(lambda message: samples.payload(message.topic, seed=message.seed))

    topic = topics.ORDER
    url_topic = SelfAttribute("topic")
    account = DEFAULT_ACCOUNT
    body = LazyAttribute(lambda message: json.dumps(message.data).encode())
    headers = LazyFunction(lambda: {"content-type": "application/json", "x-version": "V1"})
    remote_address = "192.0.2.7"
    received_at = LazyFunction(timezone.now)
    status = models.Message.Status.APPLIED
    outcome = models.Message.Outcome.CREATED
    increment_id = LazyAttribute(
        lambda message: message.data.get("increment_id") or message.data["purchase_order_increment_id"]
    )
    attempts = 1
    applied_at = SelfAttribute("received_at")


class EventFactory(DjangoModelFactory[models.Event]):
    """The creation of an order, found in a message about it; for another type give its `subject_id` too."""

    class Meta:
        model = models.Event

    type = "order.created"
    order = SubFactory(OrderFactory)
    account = SelfAttribute("order.account")
    message = SubFactory(
        MessageFactory, account=SelfAttribute("..order.account"), increment_id=SelfAttribute("..order.increment_id")
    )
    subject_id = SelfAttribute("order.pk")
    increment_id = SelfAttribute("order.increment_id")
    po_number = SelfAttribute("order.po_number")
    occurred_at = SelfAttribute("message.received_at")


class ReceiverCallFactory(DjangoModelFactory[models.ReceiverCall]):
    """An event that a receiver is still owed, due now."""

    class Meta:
        model = models.ReceiverCall

    event = SubFactory(EventFactory)
    order = SelfAttribute("event.order")
    signal = LazyAttribute(lambda call: call.event.type.replace(".", "_"))
    receiver = "shop.follow_order"
    due_at = LazyFunction(timezone.now)


class AttemptFactory(DjangoModelFactory[models.Attempt]):
    """The failed first attempt of a receiver call."""

    class Meta:
        model = models.Attempt

    call = SubFactory(ReceiverCallFactory)
    number = 1
    failed_at = LazyFunction(timezone.now)
    seconds = 0.2
    error = "ConnectionError: the warehouse does not answer"
    cause = "ConnectionError at shop.receivers.follow_order:12"


class ReceiverStateFactory(DjangoModelFactory[models.ReceiverState]):
    """A receiver that a person paused just now."""

    class Meta:
        model = models.ReceiverState

    receiver = Sequence(lambda number: f"shop.receiver_{number}")
    paused_at = LazyFunction(timezone.now)
    paused_by = "office"


class RefusalFactory(DjangoModelFactory[models.Refusal]):
    """A delivery with a wrong key, in this hour."""

    class Meta:
        model = models.Refusal

    last_at = LazyFunction(timezone.now)
    hour = LazyAttribute(lambda refusal: refusal.last_at.replace(minute=0, second=0, microsecond=0))
    reason = models.RefusalReason.WRONG_KEY
    remote_address = "192.0.2.7"
    key_fingerprint = Sequence(lambda number: f"{number:012x}")
    count = 1


class RefusedBodyFactory(DjangoModelFactory[models.RefusedBody]):
    """The body of an order that came with a wrong key."""

    class Meta:
        model = models.RefusedBody

    class Params:
        seed = Sequence(int)
        data = LazyAttribute(lambda refused: samples.payload(refused.topic, seed=refused.seed))

    topic = topics.ORDER
    url_topic = SelfAttribute("topic")
    increment_id = LazyAttribute(
        lambda refused: refused.data.get("increment_id") or refused.data["purchase_order_increment_id"]
    )
    body = LazyAttribute(lambda refused: json.dumps(refused.data).encode())
    reason = models.RefusalReason.WRONG_KEY
    remote_address = "192.0.2.7"
    network = "192.0.2.0/24"
    size = LazyAttribute(lambda refused: len(refused.body))
    key_fingerprint = Sequence(lambda number: f"{number:012x}")
    refused_at = LazyFunction(timezone.now)


class MutedSenderFactory(DjangoModelFactory[models.MutedSender]):
    """A key that a person muted just now."""

    class Meta:
        model = models.MutedSender

    key_fingerprint = Sequence(lambda number: f"{number:012x}")
    muted_at = LazyFunction(timezone.now)
    muted_by = "office"
    reason = "made up"


class HeartbeatFactory(DjangoModelFactory[models.Heartbeat]):
    """A worker that came by just now."""

    class Meta:
        model = models.Heartbeat

    name = Sequence(lambda number: f"worker {number}")
    beat_at = LazyFunction(timezone.now)


class HostLinkFactory(DjangoModelFactory[models.HostLink]):
    """An order that was looked for in our shop just now, in vain."""

    class Meta:
        model = models.HostLink

    order = SubFactory(OrderFactory)
    account = SelfAttribute("order.account")
    status = models.HostLink.Status.MISSING
    since = LazyFunction(timezone.now)
    looked_at = SelfAttribute("since")
    attempts = 1


class WorklistRowFactory(DjangoModelFactory[models.WorklistRow]):
    """An order of which nothing was sent for five days, on the list."""

    class Meta:
        model = models.WorklistRow

    order = SubFactory(OrderFactory)
    account = SelfAttribute("order.account")
    rule = "not_sent"
    kind = "order"
    number = SelfAttribute("order.increment_id")
    subject_id = SelfAttribute("order.pk")
    po_number = SelfAttribute("order.po_number")
    since = LazyFunction(lambda: timezone.now() - timedelta(days=5))
    detail = LazyFunction(lambda: [{"code": "not_sent", "pieces": 2, "of": 2}])
    fingerprint = "made up"
    status = models.WorklistRow.Status.OPEN
    opened_at = LazyFunction(timezone.now)


class WorklistProgressFactory(DjangoModelFactory[models.WorklistProgress]):
    """A source of the worklists that was not looked through yet."""

    class Meta:
        model = models.WorklistProgress

    name = Sequence(lambda number: f"source {number}")


class AlarmFactory(DjangoModelFactory[models.Alarm]):
    """A new problem without alarm yet."""

    class Meta:
        model = models.Alarm

    name = Sequence(lambda number: f"alarm {number}")
    since = LazyFunction(timezone.now)


class DriftFactory(DjangoModelFactory[models.Drift]):
    """An unknown field of orders, in one message."""

    class Meta:
        model = models.Drift

    topic = models.Topic.ORDER
    kind = models.Drift.Kind.UNKNOWN_FIELD
    name = Sequence(lambda number: f"field_{number}")
    count = 1
    first_seen_at = LazyFunction(timezone.now)
    last_seen_at = SelfAttribute("first_seen_at")


class BacklogTurnFactory(DjangoModelFactory[models.BacklogTurn]):
    """The one row of the right to left-over work, which is free."""

    class Meta:
        model = models.BacklogTurn
        django_get_or_create = ("id",)

    id = 1
    free_at = LazyFunction(timezone.now)


class ErasureFactory(DjangoModelFactory[models.Erasure]):
    """The record of one erased order."""

    class Meta:
        model = models.Erasure

    account = "default"
    order_numbers = LazyFunction(lambda: ["000000001"])
    erased_by = "office"


class LockFactory(DjangoModelFactory[models.Lock]):
    """A lock that was just acquired."""

    class Meta:
        model = models.Lock

    name = Sequence(lambda number: f"turn {number}")
    acquired_at = LazyFunction(timezone.now)


class ReplayFactory(DjangoModelFactory[models.Replay]):
    """A request to process one order's messages again, which is done: there were none."""

    class Meta:
        model = models.Replay

    requested_by = "office"
    created_at = LazyFunction(timezone.now)
    reason = "made up"
    choice = {"order": "000000001"}
    status = models.Replay.Status.DONE
    finished_at = SelfAttribute("created_at")


class NoteFactory(DjangoModelFactory[models.Note]):
    """A note about the purchase of an order."""

    class Meta:
        model = models.Note

    order = SubFactory(OrderFactory)
    account = SelfAttribute("order.account")
    po_number = SelfAttribute("order.po_number")
    text = "called the carrier"
    written_by = "office"
    written_by_pk = "0"


class SiteAddressFactory(DjangoModelFactory[models.SiteAddress]):
    """The address of the shop; there is one row."""

    class Meta:
        model = models.SiteAddress
        django_get_or_create = ("id",)

    id = models.SiteAddress.ONLY
    url = "https://shop.example"


class MentionedNumberFactory(DjangoModelFactory[models.MentionedNumber]):
    """A number in a message that cannot be read."""

    class Meta:
        model = models.MentionedNumber

    message = SubFactory(MessageFactory, status="quarantined")
    number = "000100019"
    is_personal = False


class BulkRequestFactory(DjangoModelFactory[models.BulkRequest]):
    """A request to try tasks again, which is done: there were none."""

    class Meta:
        model = models.BulkRequest

    action = models.BulkRequest.Action.TRY_AGAIN
    requested_by = "office"
    created_at = LazyFunction(timezone.now)
    reason = "made up"
    status = models.BulkRequest.Status.DONE
    finished_at = SelfAttribute("created_at")


class BulkEntryFactory(DjangoModelFactory[models.BulkEntry]):
    """A task that was tried again."""

    class Meta:
        model = models.BulkEntry

    class Params:
        call = SubFactory(ReceiverCallFactory)

    request = SubFactory(BulkRequestFactory, total=1, acted=1)
    row = SelfAttribute("call.pk")
    is_acted = True


class ExportRequestFactory(DjangoModelFactory[models.ExportRequest]):
    """A large export of the orders of one day, which is done: there were none."""

    class Meta:
        model = models.ExportRequest

    topic = topics.ORDER
    first = LazyFunction(lambda: timezone.now().date())
    last = SelfAttribute("first")
    requested_by = "office"
    created_at = LazyFunction(timezone.now)
    reason = ""
    status = models.ExportRequest.Status.DONE
    finished_at = SelfAttribute("created_at")


class ExportPartFactory(DjangoModelFactory[models.ExportPart]):
    """A part of the file of a large export."""

    class Meta:
        model = models.ExportPart

    request = SubFactory(ExportRequestFactory)
    data = LazyFunction(lambda: zlib.compress(b"number\r\n"))


class PullFactory(DjangoModelFactory[models.Pull]):
    """A run that is done: nothing was missing."""

    class Meta:
        model = models.Pull

    account = "default"
    requested_by = "office"
    created_at = LazyFunction(timezone.now)
    status = models.Pull.Status.DONE
    finished_at = SelfAttribute("created_at")


class AskedNumberFactory(DjangoModelFactory[models.AskedNumber]):
    """An order number of the shop that Stock Hub did not know when it was just asked."""

    class Meta:
        model = models.AskedNumber

    account = "default"
    po_number = Sequence(lambda number: f"ASKED-{number}")
    first_asked_at = LazyFunction(timezone.now)
    asked_at = SelfAttribute("first_asked_at")


class OrderAnswerFactory(DjangoModelFactory[models.OrderAnswer]):
    """The answer that an order is shipped and invoiced."""

    class Meta:
        model = models.OrderAnswer

    order = SubFactory(OrderFactory)
    asked_at = LazyFunction(timezone.now)
    is_shipped = True
    is_invoiced = True
    shipped_since = SelfAttribute("order.updated_at")
    invoiced_since = SelfAttribute("order.updated_at")


class BookedPurchaseFactory(DjangoModelFactory[models.BookedPurchase]):
    """A purchase of which a receiver has booked nothing yet."""

    class Meta:
        model = models.BookedPurchase

    account = "default"
    receiver = "shop.follow"
    purchase = Sequence(lambda number: f"po_number:SHOP-{number}")


class BookingFactory(DjangoModelFactory[models.Booking]):
    """One piece that a receiver has booked as sent."""

    class Meta:
        model = models.Booking

    booked_purchase = SubFactory(BookedPurchaseFactory)
    key = "sent"
    line = "A|L"
    pieces = 1


class FinishedStepFactory(DjangoModelFactory[models.FinishedStep]):
    """A mail that a receiver has sent before it failed."""

    class Meta:
        model = models.FinishedStep

    call = SubFactory(ReceiverCallFactory)
    name = "mail"


class MissingLineFactory(DjangoModelFactory[models.MissingLine]):
    """A line of an order whose article the shop does not know."""

    class Meta:
        model = models.MissingLine

    account = "default"
    item = SubFactory("stockhub_webhooks.testing.factories.documents.OrderItemFactory")
    link = SubFactory(HostLinkFactory, order=SelfAttribute("..item.order"))
    status = models.MissingLine.Status.MISSING
    since = LazyFunction(timezone.now)
    looked_at = SelfAttribute("since")
