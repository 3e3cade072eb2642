"""Factories of messages, refusals, events, receiver calls, and what receivers have booked."""

from __future__ import annotations

import json

from django.utils import timezone
from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from stockhub_webhooks import models
from stockhub_webhooks.conf import DEFAULT_ACCOUNT
from stockhub_webhooks.contract import topics
from stockhub_webhooks.testing import samples
from stockhub_webhooks.testing.factories.base import NumberedFactory
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


class ReceiverStateFactory(NumberedFactory[models.ReceiverState]):
    """A receiver that a person paused just now."""

    class Meta:
        model = models.ReceiverState

    receiver = Sequence(lambda number: f"shop.receiver_{number}")
    paused_at = LazyFunction(timezone.now)
    paused_by = "office"


class RefusalFactory(NumberedFactory[models.Refusal]):
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


class MutedSenderFactory(NumberedFactory[models.MutedSender]):
    """A key that a person muted just now."""

    class Meta:
        model = models.MutedSender

    key_fingerprint = Sequence(lambda number: f"{number:012x}")
    muted_at = LazyFunction(timezone.now)
    muted_by = "office"
    reason = "made up"


class MentionedNumberFactory(DjangoModelFactory[models.MentionedNumber]):
    """A number in a message that cannot be read."""

    class Meta:
        model = models.MentionedNumber

    message = SubFactory(MessageFactory, status="quarantined")
    number = "000100019"
    is_personal = False


class BookedPurchaseFactory(NumberedFactory[models.BookedPurchase]):
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
