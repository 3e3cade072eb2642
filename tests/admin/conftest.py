"""Fixtures for the tests of the admin."""

import json
from datetime import date

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from stockhub_webhooks import signals
from stockhub_webhooks.models import (
    Alarm,
    Drift,
    Erasure,
    Event,
    Heartbeat,
    HostLink,
    Message,
    MissingLine,
    MutedSender,
    Order,
    OrderItem,
    Pull,
    ReceiverCall,
    Replay,
)
from stockhub_webhooks.office.export.periods import Period
from stockhub_webhooks.office.export.rows import Export
from stockhub_webhooks.office.export.tables import TABLES
from stockhub_webhooks.operations import bulk, drift, exports, replay
from stockhub_webhooks.operations.replay import MessageChoice
from stockhub_webhooks.testing.factories import NoteFactory, WorklistRowFactory
from tests.samples import ALPHABETICAL, contract, sample

NAMES = (
    "message",
    "mutedsender",
    "order",
    "shipment",
    "invoice",
    "rma",
    "creditmemo",
    "paymentrequest",
    "event",
    "worklistrow",
    "receivercall",
    "heartbeat",
    "refusal",
    "refusedbody",
    "replay",
    "alarm",
    "drift",
    "hostlink",
    "erasure",
    "note",
    "bulkrequest",
    "exportrequest",
    "pull",
    "missingline",
)


@pytest.fixture
def list_url():
    """Return a function that returns the URL of a model's list."""
    return lambda name: reverse(f"admin:stockhub_webhooks_{name}_changelist")


@pytest.fixture
def page_url():
    """Return a function that returns the URL of a row's page."""
    return lambda row: reverse(f"admin:stockhub_webhooks_{row._meta.model_name}_change", args=[row.pk])


@pytest.fixture
def act(staff, list_url, settings):
    """Return a function that runs an action of a list on rows, and returns the page that follows."""

    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000  # the host's limit is too small for Django's forms

    def run(name, action, *rows, http=staff):
        data = {"action": action, "_selected_action": [row.pk for row in rows]}
        return http.post(list_url(name), data, follow=True)

    return run


@pytest.fixture
def confirm(staff):
    """Return a function that confirms what the page asks that followed an action, and returns the page of results."""

    def run(page, reason="", http=staff):
        ((url, _status),) = page.redirect_chain
        assert url.endswith("/confirm/"), url
        return http.post(url, {"reason": reason}, follow=True)

    return run


@pytest.fixture
def clerk(django_user_model, client):
    """Return a function that logs a client in, with the named permissions only."""

    def named(*names):
        user = django_user_model.objects.create_user("clerk", password="secret", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=names))
        client.force_login(user)
        return client

    return named


def message_levels(answer):
    """Return the levels of the messages that a page shows to the user."""
    return [message.level_tag for message in answer.context["messages"]]


def fails(**kwargs):
    raise ValueError("<b>the stock system</b> says no")


@pytest.fixture
def filled(post, hear):
    """Post all examples, a change, an older message, unusual values, a stub and two unreadable messages."""
    hear(signals.event_recorded)
    hear(signals.track_added, fails)
    for topic in ALPHABETICAL:
        assert post(topic).status_code == 200
    delivered = sample(
        "shipment",
        status="DELIVERED",
        delivered_at="2024-04-19 10:00:00",
        updated_at="2024-04-19 10:00:01",
        items__qty="3",
        items__item_price_inc_tax="abc",
        surprise=1,
    )
    post("shipment", delivered)
    post("shipment", contract("shipment"))
    post("order", key="mistyped")
    post("order", b"\xff\xfe \x00 <script>alert(1)</script> \xed\xa0\x80")
    post("shipment", json.dumps({"items": []}).encode())
    Heartbeat.objects.create(name="worker", beat_at=Message.objects.latest("pk").received_at)
    replay.begin(MessageChoice(order="000000001"), who="office", reason="to see", receivers=["shop.new"])
    Replay.objects.update(due_at=None, status="done")
    asked = bulk.propose("try_again", ReceiverCall.objects.filter(status="pending"), who="office")
    bulk.run_at_once(bulk.confirm(asked.pk, claimed=True))
    period = Period(date(2024, 1, 1), date(2024, 12, 31))
    exports.begin(Export(TABLES["order"], period), 1, who="office", who_pk="1")
    exports.continue_due()
    WorklistRowFactory(order=Order.objects.earliest("pk"), rule="missing_invoice", detail=[])
    Pull.objects.create(
        account="default", requested_by="office", created_at=Message.objects.latest("pk").received_at, status="done"
    )
    Alarm.objects.create(name="quarantined", since=Message.objects.latest("pk").received_at)
    drift.throttle.reset()
    drift.count_due()
    assert Drift.objects.exists()
    when = Message.objects.latest("pk").received_at
    Erasure.objects.create(account="default", order_numbers=["000000404"], erased_by="office")
    NoteFactory(order=Order.objects.earliest("pk"))
    MutedSender.objects.create(network="198.51.100.0/24", muted_at=when, muted_by="office", reason="strangers")
    link = HostLink.objects.create(order=Order.objects.earliest("pk"), account="default", status="missing", since=when)
    item = OrderItem.objects.earliest("pk")
    MissingLine.objects.create(link=link, item=item, account="default", status="missing", since=when, looked_at=when)
    assert Event.objects.exists()
    assert ReceiverCall.objects.filter(status="pending").exists()
