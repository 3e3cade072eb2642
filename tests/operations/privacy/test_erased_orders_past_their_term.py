"""An erased order stays erased after the term of `documents` has deleted it, whatever comes later."""

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from stockhub_webhooks.delivery import host_orders
from stockhub_webhooks.models import (
    Address,
    HostLink,
    Message,
    Note,
    Order,
    OrderItem,
    PaymentRequest,
    Shipment,
    WorklistRow,
)
from stockhub_webhooks.office.worklists import sweep as worklists
from stockhub_webhooks.operations.privacy import old_purchases, retention
from stockhub_webhooks.testing import factories
from tests.samples import ALPHABETICAL, contract, sample

pytestmark = pytest.mark.django_db

NUMBER = contract("order")["increment_id"]
LONG_AGO = timezone.now() - timedelta(days=5000)


@pytest.fixture(autouse=True)
def _terms(settings):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"RETENTION_DAYS": {"documents": 3650}}


def erase(number):
    call_command("stockhub_erase", order=number, interactive=False, stdout=io.StringIO())


def ten_years_later():
    Message.objects.update(received_at=LONG_AGO)
    for each in old_purchases.BY_TOPIC.values():
        each.model.objects.update(received_at=LONG_AGO)
    list(retention.prune(pauses=False))


@pytest.fixture
def order(post):
    """Erase an order with all its documents, and let the term of documents pass."""
    for topic in ALPHABETICAL:
        number = {} if topic == "order" else {"order_increment_id": NUMBER}
        assert post(topic, sample(topic, **number)).status_code == 200
    factories.NoteFactory(order=Order.objects.get())
    erase(NUMBER)
    ten_years_later()


def test_only_its_number_is_left(order):
    row = Order.objects.get()
    values = {name: value for name, value in vars(row).items() if value and not name.startswith("_")}
    assert set(values) == {"id", "account", "increment_id", "received_at", "erased_at"}
    for model in (Shipment, OrderItem, PaymentRequest, Message, Note):
        assert not model.objects.exists(), model
    assert not any(retention.past_term().values())


@pytest.mark.parametrize("topic", ALPHABETICAL)
def test_later_message_about_it_brings_no_person_back(order, post, topic):
    body = sample(topic, **({} if topic == "order" else {"order_increment_id": NUMBER}))
    assert post(topic, body).status_code == 200
    assert Order.objects.get().erased_at
    assert not Address.objects.exists()
    assert bytes(Message.objects.get().body) == b""
    ten_years_later()
    assert Order.objects.get().erased_at
    assert not Message.objects.exists()
    assert not any(retention.past_term().values())


def test_payment_request_without_an_order_stays_erased_too(post):
    names_no_order = {"order_increment_id": None}
    post("order-payment-request", sample("order-payment-request", **names_no_order))
    erase(PaymentRequest.objects.get().increment_id)
    ten_years_later()
    assert not any(retention.past_term().values())
    post("order-payment-request", sample("order-payment-request", **names_no_order))
    assert PaymentRequest.objects.get().erased_at
    assert not Address.objects.exists()
    assert bytes(Message.objects.get().body) == b""


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize("topic", ["order", "order-payment-request"])
def test_no_user_is_asked_to_look_at_the_number(post, admin_client, settings, topic):
    settings.STOCKHUB_WEBHOOKS = settings.STOCKHUB_WEBHOOKS | {"HOST_ORDER_RESOLVER": f"{__name__}.find_none"}
    post(topic, sample(topic, **({} if topic == "order" else {"order_increment_id": None})))
    row = {"order": Order, "order-payment-request": PaymentRequest}[topic].objects.get()
    erase(row.increment_id)
    ten_years_later()
    host_orders.look_up_due()
    while worklists.update_due(ignore_pauses=True):
        pass
    assert not HostLink.objects.exists()
    assert not WorklistRow.objects.exists()
    row.refresh_from_db()
    response = admin_client.get(reverse(f"admin:stockhub_webhooks_{row._meta.model_name}_change", args=[row.pk]))
    assert row.increment_id in response.content.decode()


def find_none(number):
    return None


def test_order_that_is_not_erased_is_deleted_as_a_whole(post):
    post("order")
    ten_years_later()
    assert not Order.objects.exists()
