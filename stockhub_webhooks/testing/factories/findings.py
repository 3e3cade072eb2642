"""Factories of what the app finds out by itself, what the office writes down, and the state of the workers."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from factory.declarations import LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from stockhub_webhooks import models
from stockhub_webhooks.testing.factories.base import NumberedFactory
from stockhub_webhooks.testing.factories.documents import OrderFactory


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


class WorklistProgressFactory(NumberedFactory[models.WorklistProgress]):
    """A source of the worklists that was not looked through yet."""

    class Meta:
        model = models.WorklistProgress

    name = Sequence(lambda number: f"source {number}")


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


class DriftFactory(NumberedFactory[models.Drift]):
    """An unknown field of orders, in one message."""

    class Meta:
        model = models.Drift

    topic = models.Topic.ORDER
    kind = models.Drift.Kind.UNKNOWN_FIELD
    name = Sequence(lambda number: f"field_{number}")
    count = 1
    first_seen_at = LazyFunction(timezone.now)
    last_seen_at = SelfAttribute("first_seen_at")


class ErasureFactory(DjangoModelFactory[models.Erasure]):
    """The record of one erased order."""

    class Meta:
        model = models.Erasure

    account = "default"
    order_numbers = LazyFunction(lambda: ["000000001"])
    erased_by = "office"


class SiteAddressFactory(DjangoModelFactory[models.SiteAddress]):
    """The address of the shop; there is one row."""

    class Meta:
        model = models.SiteAddress
        django_get_or_create = ("id",)

    id = models.SiteAddress.ONLY
    url = "https://shop.example"


class AlarmFactory(NumberedFactory[models.Alarm]):
    """A new problem without alarm yet."""

    class Meta:
        model = models.Alarm

    name = Sequence(lambda number: f"alarm {number}")
    since = LazyFunction(timezone.now)


class HeartbeatFactory(NumberedFactory[models.Heartbeat]):
    """A worker that came by just now."""

    class Meta:
        model = models.Heartbeat

    name = Sequence(lambda number: f"worker {number}")
    beat_at = LazyFunction(timezone.now)


class LockFactory(NumberedFactory[models.Lock]):
    """A lock that was just acquired."""

    class Meta:
        model = models.Lock

    name = Sequence(lambda number: f"turn {number}")
    acquired_at = LazyFunction(timezone.now)


class BacklogTurnFactory(DjangoModelFactory[models.BacklogTurn]):
    """The one row of the right to left-over work, which is free."""

    class Meta:
        model = models.BacklogTurn
        django_get_or_create = ("id",)

    id = 1
    free_at = LazyFunction(timezone.now)
