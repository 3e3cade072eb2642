"""Factories of requests of users for work in the background, and of what was fetched from Stock Hub."""

from __future__ import annotations

import zlib

from django.utils import timezone
from factory.declarations import LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from stockhub_webhooks import models
from stockhub_webhooks.contract import topics
from stockhub_webhooks.testing.factories.base import NumberedFactory
from stockhub_webhooks.testing.factories.documents import OrderFactory
from stockhub_webhooks.testing.factories.ledger import ReceiverCallFactory


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


class AskedNumberFactory(NumberedFactory[models.AskedNumber]):
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
